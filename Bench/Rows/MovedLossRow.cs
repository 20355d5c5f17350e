using TcpActors.Bench.Lab;
using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Rows;

/// <summary>
/// A bulk stream under random loss whose connection is uploaded and offloaded again and again, beside one left alone; every byte of both is
/// compared. The kernel's, which stays where it is, is there to see what the path gives.
/// </summary>
/// <param name="oneOf">One segment of so many is lost.</param>
internal sealed class MovedLossRow(uint oneOf) : Row
{
    private const string Ratio = "moved / left alone";
    private const string Moved = "moved";
    private const string Alone = "left alone";
    private const string Moves = "moves";
    private readonly string _percent = LossRow.Percent(oneOf);
    private int _moves;

    public override string Name => $"loss-moves-{_percent}";

    public override string Title =>
        $"bulk send, 1 stream, {_percent} % of segments lost, to the kernel and back every {BulkServing.MoveInterval.TotalMilliseconds} ms";

    public override CableOptions Cable => LossRow.Lossy(fromServer: true, oneOf);

    public override IReadOnlyList<Measure> Measures { get; } =
    [
        new(Ratio, "times", Better.Higher, 0.7, 1.0) { BoundsAreAbsolute = true },
        new(Moved, "Gbit/s", Better.Higher),
        new(Alone, "Gbit/s", Better.Higher),
        new(Moves, "to and fro, 1/s", Better.Higher),
        .. DuplicateLoad.Measures,
    ];

    public override Task<IServing> ServeAsync(Contender on) => Task.FromResult<IServing>(new ConnectionServing(
        IServer.Start(on),
        async connection => Volatile.Write(ref _moves, await BulkServing.SourceAsync(connection)),
        _ => new Figures { [Moves] = Volatile.Read(ref _moves) }));

    public override Figures Load(LoadOrder order) =>
        DuplicateLoad.Run(order, () => BulkLoad.Run(order, streams: 1, fromServer: true));

    public override async Task<Figures> RunAsync(ContenderProcesses processes, LoadOrder order)
    {
        Figures alone = await processes.LoadAsync(order with { Check = true });
        alone[Alone] = alone[BulkLoad.Throughput];
        if (processes.Contender == Contender.Kernel)
        {
            return alone;
        }

        Figures moved = await processes.LoadAsync(order with { Check = true, Moves = true });
        moved[Moved] = moved[BulkLoad.Throughput];
        moved[Alone] = alone[Alone];
        moved[Ratio] = moved[Moved] / alone[Alone];
        double moves = (await processes.AskServerAsync(Moves))[Moves];
        moved[Moves] = moves / (order.Seconds + order.RampSeconds);
        return moves > 0 ? moved : throw new BenchException("The connection was not moved.");
    }
}
