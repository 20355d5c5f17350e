using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Rows;

/// <summary>A web server with a short text, 64 keep-alive connections, no pipelining.</summary>
internal sealed class KestrelRow : Row
{
    private const int Connections = 64;

    public override string Name => "kestrel";

    public override string Title => $"Kestrel plaintext, {Connections} keep-alive connections";

    public override IReadOnlyList<Measure> Measures { get; } =
    [
        new(RequestLoad.Rate, "1/s", Better.Higher, 1.0, 1.5),
        new(RequestLoad.P50, "µs", Better.Lower),
        new(RequestLoad.P99, "µs", Better.Lower),
        new(RequestLoad.P999, "µs", Better.Lower),
        new(RequestLoad.PerCpuSecond, "requests per CPU s", Better.Higher),
        new(RequestLoad.PerMachineSecond, "requests per machine CPU s", Better.Higher),
    ];

    public override IReadOnlyDictionary<string, string> PeerWords => new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["connections"] = $"{Connections}",
    };

    public override Task<IServing> ServeAsync(Contender on) => KestrelServing.StartAsync(on);

    public override Figures Load(LoadOrder order) =>
        RequestLoad.Run(order, Connections, () => LoadSocket.Connect(order.EndPoint()), _ => new HttpExchange());
}
