namespace TcpActors.Transport.Linux.Bpf;

/// <summary>CPUs that may ever come up on this machine: a per-CPU map has one value for each, whether it is up or not.</summary>
internal static class PossibleCpus
{
    private const string Source = "/sys/devices/system/cpu/possible";

    private static readonly Lazy<int> _count = new(() => Parse(File.ReadAllText(Source)));

    public static int Count => _count.Value;

    /// <summary>How many CPUs a list of numbers and ranges such as `0-3,8` names.</summary>
    internal static int Parse(string list) => list.Trim().Split(',').Sum(range =>
    {
        var ends = range.Split('-');
        return int.Parse(ends[^1]) - int.Parse(ends[0]) + 1;
    });
}
