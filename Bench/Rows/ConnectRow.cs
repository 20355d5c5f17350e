using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Serving;

namespace TcpActors.Bench.Rows;

/// <summary>Connections that live for one request.</summary>
/// <param name="offload">Whether the engine's server hands each connection over before it answers; else it stays in the kernel.</param>
internal sealed class ConnectRow(bool offload) : Row
{
    public override string Name => offload ? "connect-offload" : "connect";

    public override string Title => $"connections of one request, {(offload ? "each handed over" : "no hand-over")}";

    public override IReadOnlyList<Measure> Measures { get; } =
    [
        new(RequestLoad.Rate, "1/s", Better.Higher),
        new(RequestLoad.P50, "µs", Better.Lower),
        new(RequestLoad.P99, "µs", Better.Lower),
        new(RequestLoad.P999, "µs", Better.Lower),
        new(RequestLoad.PerCpuSecond, "connections per CPU s", Better.Higher),
        new(RequestLoad.PerMachineSecond, "connections per machine CPU s", Better.Higher),
    ];

    public override Task<IServing> ServeAsync(Contender on) => Task.FromResult<IServing>(
        new ConnectionServing(IServer.Start(on, offload), EchoServing.OnceAsync));

    public override Figures Load(LoadOrder order) => ConnectLoad.Run(order);
}
