using TcpActors.Bench.Lab;
using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Moves;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Rows;

/// <summary>What moves cost: many idle connections at once, and one to and fro. The serving process has a lab of its own for that.</summary>
internal sealed class MoveCostRow : Row
{
    private const int Connections = 1000;

    public override string Name => "move-cost";

    public override string Title => $"moves of {Connections:N0} idle connections at once, and of one";

    public override IReadOnlyList<Contender> Contenders => [Contender.Engine];

    public override bool ComparesBytes => false;

    public override IReadOnlyList<Measure> Measures { get; } =
    [
        new("offloads", "1/s", Better.Higher),
        new("uploads", "1/s", Better.Higher),
        new("offload CPU", "µs", Better.Lower),
        new("upload CPU", "µs", Better.Lower),
        new("moves of one", "1/s", Better.Higher),
        new("move of one, CPU", "µs", Better.Lower),
    ];

    public override Task<IServing> ServeAsync(Contender on) => Task.FromResult<IServing>(new AnsweringServing(_ => MeasureAsync()));

    public override Task<Figures> RunAsync(ContenderProcesses processes, LoadOrder order) => processes.AskServerAsync(Name);

    private static async Task<Figures> MeasureAsync()
    {
        MassMoves many = await MoveBench.MassAsync(Connections, rounds: 1);
        MoveCost one = await MoveBench.PingPongAsync(MoveTraffic.Idle, TimeSpan.FromSeconds(1));
        return new Figures
        {
            ["offloads"] = many.Offload[0].PerSecond,
            ["uploads"] = many.Upload[0].PerSecond,
            ["offload CPU"] = many.Offload[0].CpuMicroseconds,
            ["upload CPU"] = many.Upload[0].CpuMicroseconds,
            ["moves of one"] = one.PerSecond,
            ["move of one, CPU"] = one.CpuMicroseconds,
        };
    }
}
