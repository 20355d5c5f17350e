using System.Globalization;
using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Rows;

/// <summary>Request and response of one size, in a closed loop on a number of connections.</summary>
internal sealed class RequestRow(int size, int connections) : Row
{
    private readonly string _size = size >= 1024 ? $"{size / 1024}k" : $"{size}";

    public override string Name => $"rr-{_size}" + (connections > 1 ? $"-{connections}" : "");

    public override string Title =>
        $"{(size >= 1024 ? $"{size / 1024} KiB" : $"{size}-byte")} request/response, {connections} connection{(connections > 1 ? "s" : "")}";

    public override IReadOnlyList<Measure> Measures { get; } =
    [
        size == 64 && connections == 1
            ? new(RequestLoad.P50, "µs", Better.Lower, 2.0, 0.7)
            : new(RequestLoad.P50, "µs", Better.Lower),
        new(RequestLoad.P99, "µs", Better.Lower),
        new(RequestLoad.P999, "µs", Better.Lower),
        new(RequestLoad.Rate, "1/s", Better.Higher),
        new(RequestLoad.PerCpuSecond, "requests per CPU s", Better.Higher),
        new(RequestLoad.PerMachineSecond, "requests per machine CPU s", Better.Higher),
    ];

    public override IReadOnlyDictionary<string, string> PeerWords => new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["size"] = size.ToString(CultureInfo.InvariantCulture),
        ["connections"] = connections.ToString(CultureInfo.InvariantCulture),
    };

    public override Task<IServing> ServeAsync(Contender on) => Task.FromResult<IServing>(
        new ConnectionServing(IServer.Start(on), connection => EchoServing.RunAsync(connection, size)));

    public override Figures Load(LoadOrder order) => RequestLoad.Run(
        order, connections, () => LoadSocket.ConnectReady(order.EndPoint()), client => new EchoExchange(size, client));
}
