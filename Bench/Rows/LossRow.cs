using System.Globalization;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Rows;

/// <summary>
/// A bulk stream of which segments are lost at random where they arrive. Without offloads, so that each loss is one segment of 1,500 bytes;
/// the kernels at both ends run CUBIC.
/// </summary>
/// <param name="fromServer">Whether the server, which is what is measured, sends; else it receives.</param>
/// <param name="oneOf">One segment of so many is lost.</param>
internal sealed class LossRow(bool fromServer, uint oneOf) : Row
{
    // With as much loss as this a kernel mostly waits for time-outs of 200 ms and more: a second sees too few of them.
    private const uint Much = 20;
    private const int MuchLonger = 3;

    private readonly string _percent = Percent(oneOf);

    public override string Name =>
        $"loss-{(fromServer ? "send" : "receive")}-{_percent.Replace(".", "", StringComparison.Ordinal)}";

    public override string Title =>
        $"bulk {(fromServer ? "send" : "receive")}, 1 stream, {_percent} % of segments lost" + (oneOf > Much ? "" : $", {MuchLonger} times as long");

    public override CableOptions Cable => Lossy(fromServer, oneOf);

    public override IReadOnlyDictionary<string, string> PeerWords => new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["direction"] = fromServer ? "send" : "receive",
        ["streams"] = "1",
    };

    public override IReadOnlyList<Measure> Measures { get; } =
    [
        new(BulkLoad.Throughput, "Gbit/s", Better.Higher, oneOf == 100 ? 0.7 : null, 1.0),
        .. fromServer ? DuplicateLoad.Measures : [],
        new(BulkLoad.PerCpuSecond, "GB per CPU s", Better.Higher),
        new(BulkLoad.PerMachineSecond, "GB per machine CPU s", Better.Higher),
    ];

    /// <summary>What part is lost, as names and titles have it.</summary>
    public static string Percent(uint oneOf) => (100.0 / oneOf).ToString(CultureInfo.InvariantCulture);

    /// <summary>A cable that loses what is sent in one direction.</summary>
    public static CableOptions Lossy(bool fromServer, uint oneOf) => new()
    {
        Offloads = false,
        CongestionControl = "cubic",
        LostToServer = fromServer ? null : oneOf,
        LostToLoad = fromServer ? oneOf : null,
    };

    public override Task<IServing> ServeAsync(Contender on) => Task.FromResult<IServing>(new ConnectionServing(
        IServer.Start(on),
        connection => fromServer ? BulkServing.SourceAsync(connection) : BulkServing.SinkAsync(connection, copy: false)));

    public override Figures Load(LoadOrder order) => fromServer
        ? DuplicateLoad.Run(order, () => BulkLoad.Run(order, streams: 1, fromServer))
        : BulkLoad.Run(order, streams: 1, fromServer);

    public override Task<Figures> RunAsync(ContenderProcesses processes, LoadOrder order) =>
        processes.LoadAsync(oneOf > Much ? order : order with { Seconds = order.Seconds * MuchLonger });
}
