using TcpActors.Bench.Lab;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Rows;
using TcpActors.Transport.Linux;

namespace TcpActors.Bench.Load;

/// <summary>
/// What a sender sent without need, as its receiver, the load's kernel, tells it: what the receiver had already is reported by a D-SACK
/// (RFC 2883). Counted twice over the whole of a run: in a capture at the sender's end of the cable, and by the receiving kernel. That
/// counts what it means to report: some is replaced before it leaves, and some stands for more than a segment.
/// </summary>
internal static class DuplicateLoad
{
    private const string Spurious = "spurious";
    private const string SpuriousByKernel = "spurious, as the receiving kernel counts";
    private const int Per = 1000;

    // 1,500 less the headers of IPv4 and of TCP with timestamps.
    private const double SegmentSize = 1448;

    /// <summary>The tolerance: one segment of a thousand sent without need, where a kernel has 0 to 0.3.</summary>
    public static IReadOnlyList<Measure> Measures { get; } =
    [
        new(Spurious, "segments of 1,000, by D-SACKs", Better.Lower, 1) { BoundsAreAbsolute = true },
        new(SpuriousByKernel, "D-SACKs for 1,000 segments", Better.Lower),
    ];

    /// <summary>Adds the figures to those of a load.</summary>
    /// <exception cref="BenchException">The capture lost some.</exception>
    public static Figures Run(LoadOrder order, Func<Figures> load)
    {
        using var server = NetworkNamespace.OfProcess(order.ServerProcess);
        using DuplicateCapture capture = server.Run(() => new DuplicateCapture(Cable.ServerInterface));
        var before = KernelCounts.Read();
        Figures figures = load();
        KernelCounts counts = KernelCounts.Read().Since(before);
        DuplicateReports reports = capture.Take();
        figures["segments received"] = counts.SegmentsReceived;
        figures["D-SACKs"] = reports.Count;
        figures[Spurious] = Per * reports.Bytes / SegmentSize / counts.SegmentsReceived;
        figures[SpuriousByKernel] = (double)Per * counts.DuplicatesReported / counts.SegmentsReceived;
        return figures;
    }
}
