using TcpActors.Bench.Lab;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Load;

/// <summary>
/// What a sender sent without need, as its receiver, the load's kernel, tells: each segment that it had already is reported by a D-SACK
/// (RFC 2883). Counted twice, in a capture at the load's end of the cable and by the kernel itself, over the whole of a run.
/// </summary>
internal static class DuplicateLoad
{
    private const string Spurious = "spurious";
    private const string SpuriousByKernel = "spurious, as the receiving kernel counts";
    private const int Per = 1000;

    /// <summary>The figures, for each 1,000 segments that arrived.</summary>
    public static IReadOnlyList<Measure> Measures { get; } =
    [
        new(Spurious, "D-SACKs per 1,000 segments", Better.Lower),
        new(SpuriousByKernel, "D-SACKs per 1,000 segments", Better.Lower),
    ];

    /// <exception cref="BenchException">The capture lost some.</exception>
    public static Figures Run(Func<Figures> load)
    {
        using var capture = new DuplicateCapture(Cable.LoadInterface);
        var before = KernelCounts.Read();
        Figures figures = load();
        KernelCounts counts = KernelCounts.Read().Since(before);
        figures[Spurious] = (double)Per * capture.Count() / counts.SegmentsReceived;
        figures[SpuriousByKernel] = (double)Per * counts.DuplicatesReported / counts.SegmentsReceived;
        return figures;
    }
}
