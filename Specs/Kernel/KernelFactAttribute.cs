using System.Globalization;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// A specification that needs a Linux kernel and the right to make network namespaces in it. It is skipped, with the reason,
/// where they are missing.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KernelFactAttribute : FactAttribute
{
    public KernelFactAttribute() => Skip = KernelRights.Missing;
}

/// <summary>A <see cref="KernelFactAttribute"/> with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KernelTheoryAttribute : TheoryAttribute
{
    public KernelTheoryAttribute() => Skip = KernelRights.Missing;
}

/// <summary>What this process may do.</summary>
internal static class KernelRights
{
    private const int NetAdmin = 12;
    private const int NetRaw = 13;
    private const int SysAdmin = 21;

    /// <summary>Why kernel specifications cannot run here; null when they can.</summary>
    public static string? Missing { get; } = FindMissing();

    private static string? FindMissing()
    {
        if (!OperatingSystem.IsLinux())
            return "needs Linux";
        const int effectiveUser = 2;
        if (!string.Equals(Status("Uid:").Split('\t')[effectiveUser], "0", StringComparison.Ordinal))
            return "needs root: run the specs with sudo";
        var capabilities = ulong.Parse(Status("CapEff:").Split('\t')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        foreach (var (bit, name) in new[] { (NetAdmin, "CAP_NET_ADMIN"), (NetRaw, "CAP_NET_RAW"), (SysAdmin, "CAP_SYS_ADMIN") })
        {
            if ((capabilities >> bit & 1) == 0)
                return $"needs {name}";
        }

        return null;
    }

    private static string Status(string field)
        => File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
}
