using System.Globalization;

namespace TcpActors.Bench.Measuring;

/// <summary>What the TCP of this thread's network namespace has counted (<c>/proc/net/snmp</c>, <c>/proc/net/netstat</c>).</summary>
/// <param name="SegmentsReceived">InSegs.</param>
/// <param name="DuplicatesReported">D-SACKs sent: TCPDSACKOldSent and TCPDSACKOfoSent.</param>
internal readonly record struct KernelCounts(long SegmentsReceived, long DuplicatesReported)
{
    public static KernelCounts Read()
    {
        Dictionary<string, long> basic = Table("/proc/thread-self/net/snmp", "Tcp:");
        Dictionary<string, long> more = Table("/proc/thread-self/net/netstat", "TcpExt:");
        return new KernelCounts(basic["InSegs"], more["TCPDSACKOldSent"] + more["TCPDSACKOfoSent"]);
    }

    public KernelCounts Since(KernelCounts earlier) =>
        new(SegmentsReceived - earlier.SegmentsReceived, DuplicatesReported - earlier.DuplicatesReported);

    // Two lines for each protocol: the names, and the numbers below them.
    private static Dictionary<string, long> Table(string file, string protocol)
    {
        string[][] lines =
            [.. File.ReadLines(file).Where(line => line.StartsWith(protocol, StringComparison.Ordinal)).Select(line => line.Split(' '))];
        return lines[0].Zip(lines[1]).Skip(1).ToDictionary(
            pair => pair.First, pair => long.Parse(pair.Second, CultureInfo.InvariantCulture), StringComparer.Ordinal);
    }
}
