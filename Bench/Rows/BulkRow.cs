using System.Globalization;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Rows;

/// <summary>Bulk streams in one direction.</summary>
/// <param name="fromServer">Whether the server, which is what is measured, sends; else it receives.</param>
/// <param name="streams">Connections at once.</param>
/// <param name="linkOffloads">Whether the link segments and coalesces.</param>
/// <param name="copy">On the engine too the received bytes are copied into an array of the application's.</param>
internal sealed class BulkRow(bool fromServer, int streams, bool linkOffloads, bool copy = false) : Row
{
    public override string Name =>
        (fromServer ? "bulk-send" : "bulk-receive") + (copy ? "-copy" : "") + (linkOffloads ? "" : "-1500") + (streams > 1 ? $"-{streams}" : "");

    public override string Title =>
        $"bulk {(fromServer ? "send" : "receive")}, {streams} {(streams > 1 ? "streams" : "stream")}, offloads {(linkOffloads ? "on" : "off")}"
        + (copy ? ", into the application's array" : "");

    public override CableOptions Cable => new() { Offloads = linkOffloads };

    public override IReadOnlyDictionary<string, string> PeerWords => new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["direction"] = fromServer ? "send" : "receive",
        ["streams"] = streams.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>Whether the engine's server has its bytes copied, as a kernel's always has.</summary>
    public bool IsCopy => copy;

    public override IReadOnlyList<Measure> Measures { get; } =
    [
        new(BulkLoad.Throughput, "Gbit/s", Better.Higher, fromServer || !linkOffloads ? 0.7 : 0.6, 1.0),
        new(BulkLoad.PerCpuSecond, "GB per CPU s", Better.Higher),
        new(BulkLoad.PerMachineSecond, "GB per machine CPU s", Better.Higher),
    ];

    public override Task<IServing> ServeAsync(Contender on) => Task.FromResult<IServing>(new ConnectionServing(
        IServer.Start(on),
        connection => fromServer ? BulkServing.SourceAsync(connection) : BulkServing.SinkAsync(connection, copy)));

    public override Figures Load(LoadOrder order) => BulkLoad.Run(order, streams, fromServer);
}
