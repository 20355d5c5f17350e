using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Rows;

/// <summary>
/// What a connection takes that has moved a megabyte each way and now waits for more: memory of the serving process, the bench's own code
/// for the connection included. What the kernel keeps for a socket is not in it, so there is no ratio.
/// </summary>
internal sealed class MemoryRow : Row
{
    private const int Connections = 2000;

    public override string Name => "memory";

    public override string Title => $"memory of an idle connection after 1 MiB each way, {Connections:N0} of them";

    public override IReadOnlyList<Contender> Contenders => [Contender.Engine];

    public override IReadOnlyList<Measure> Measures { get; } =
    [
        new(MemoryLoad.Managed, "bytes", Better.Lower, 5120, 2048) { BoundsAreAbsolute = true },
        new(MemoryLoad.Resident, "bytes", Better.Lower, 5120, 2048) { BoundsAreAbsolute = true },
    ];

    public override bool ComparesBytes => false;

    public override Task<IServing> ServeAsync(Contender on) => Task.FromResult<IServing>(new MemoryServing(on));

    public override Figures Load(LoadOrder order) => MemoryLoad.Run(order, Connections);
}
