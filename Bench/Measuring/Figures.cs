namespace TcpActors.Bench.Measuring;

/// <summary>What one run gave, by the name of the measure.</summary>
internal sealed class Figures : Dictionary<string, double>
{
    public Figures()
        : base(StringComparer.Ordinal)
    {
    }

    /// <summary>The time measured, in seconds.</summary>
    public const string Seconds = "seconds";

    /// <summary>CPU seconds of the serving process in user mode.</summary>
    public const string ServerUser = "server.user";

    /// <summary>CPU seconds of the serving process in the kernel.</summary>
    public const string ServerSystem = "server.system";

    /// <summary>CPU seconds of the whole machine: a veth's softirq work is charged to whoever is running.</summary>
    public const string Machine = "machine";
}
