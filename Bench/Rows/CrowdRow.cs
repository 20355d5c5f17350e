using TcpActors.Bench.Lab;
using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Scale;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Rows;

/// <summary>What a segment costs an active connection among many idle ones. It all happens in the serving process, on a link in memory.</summary>
internal sealed class CrowdRow : Row
{
    private const string Ratio = "crowded / alone";
    private const string Alone = "alone";
    private const string Crowded = "crowded";

    public override string Name => "crowd";

    public override string Title => "a segment with 10,000 connections, 100 active, against 100";

    public override IReadOnlyList<Contender> Contenders => [Contender.Engine];

    public override bool ComparesBytes => false;

    public override IReadOnlyList<Measure> Measures { get; } =
    [
        new(Ratio, "times", Better.Lower, 1.2) { BoundsAreAbsolute = true },
        new(Alone, "ns", Better.Lower),
        new(Crowded, "ns", Better.Lower),
    ];

    public override Task<IServing> ServeAsync(Contender on) => Task.FromResult<IServing>(new AnsweringServing(_ => Task.Run(Measure)));

    public override Task<Figures> RunAsync(ContenderProcesses processes, LoadOrder order) => processes.AskServerAsync("crowd");

    private static Figures Measure()
    {
        var measured = CrowdMeasurement.Run(runs: 1);
        return new Figures { [Ratio] = measured.Ratio, [Alone] = measured.Alone, [Crowded] = measured.Crowded };
    }
}
