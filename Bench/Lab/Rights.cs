namespace TcpActors.Bench.Lab;

/// <summary>What most of the bench's commands need.</summary>
internal static class Rights
{
    /// <exception cref="BenchException">They are missing; the message says what to do.</exception>
    public static void Require()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            throw new BenchException("It makes network namespaces and steers frames with eBPF: run it as root on Linux.");
        }
    }
}
