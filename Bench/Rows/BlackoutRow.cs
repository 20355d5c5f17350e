using TcpActors.Bench.Lab;
using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Moves;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Rows;

/// <summary>How long a peer that echoes without a pause hears nothing around a move. The serving process has a lab of its own for that.</summary>
internal sealed class BlackoutRow : Row
{
    private const int Moves = 200;

    public override string Name => "blackout";

    public override string Title => "blackout of a move, 64-byte echo without a pause";

    public override IReadOnlyList<Contender> Contenders => [Contender.Engine];

    public override bool ComparesBytes => false;

    public override IReadOnlyList<Measure> Measures { get; } =
    [
        new("offload p99", "ms", Better.Lower, 5, 1) { BoundsAreAbsolute = true },
        new("upload p99", "ms", Better.Lower, 5, 1) { BoundsAreAbsolute = true },
        new("offload p50", "ms", Better.Lower),
        new("upload p50", "ms", Better.Lower),
        new("p99 without a move", "ms", Better.Lower),
    ];

    public override Task<IServing> ServeAsync(Contender on) => Task.FromResult<IServing>(new AnsweringServing(_ => MeasureAsync()));

    public override Task<Figures> RunAsync(ContenderProcesses processes, LoadOrder order) => processes.AskServerAsync(Name);

    private static async Task<Figures> MeasureAsync()
    {
        Blackout blackout = await MoveBench.BlackoutAsync(MoveTraffic.Echo, Moves);
        return new Figures
        {
            ["offload p99"] = blackout.Offload.P99,
            ["upload p99"] = blackout.Upload.P99,
            ["offload p50"] = blackout.Offload.P50,
            ["upload p50"] = blackout.Upload.P50,
            ["p99 without a move"] = blackout.None.P99,
        };
    }
}
