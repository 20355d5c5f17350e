using TcpActors.Bench.Load;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Lab;

/// <summary>A contender at work on a row: a cable of its own, the process that serves at one end and the one that loads it at the other.</summary>
internal sealed class ContenderProcesses : IAsyncDisposable
{
    private readonly Cable _cable;
    private readonly ChildProcess _server;
    private readonly ChildProcess _load;
    private readonly Row _row;
    private readonly string _endPoint;

    private ContenderProcesses(Row row, Contender contender, Cable cable, ChildProcess server, ChildProcess load, string endPoint) =>
        (_row, Contender, _cable, _server, _load, _endPoint) = (row, contender, cable, server, load, endPoint);

    public Contender Contender { get; }

    public Cable Cable => _cable;

    public int ServerProcess => _server.Id;

    public static async Task<ContenderProcesses> StartAsync(Row row, Contender contender)
    {
        var cable = new Cable(row.Cable);
        ChildProcess server = ChildProcess.Start(cable.Server);
        ChildProcess load = ChildProcess.Start(cable.Load);
        string endPoint = await server.AskAsync<string>(new ChildOrder(ChildOrder.Serve, row.Name, contender));
        return new ContenderProcesses(row, contender, cable, server, load, endPoint);
    }

    /// <summary>The order for one run of this contender.</summary>
    public LoadOrder Order(double seconds, bool check = false) => new(_endPoint, _server.Id, seconds, check);

    public Task<Figures> LoadAsync(LoadOrder order) => _load.AskAsync<Figures>(new ChildOrder(ChildOrder.Load, _row.Name, Order: order));

    public Task<Figures> AskServerAsync(string question) =>
        _server.AskAsync<Figures>(new ChildOrder(ChildOrder.Ask, _row.Name, Question: question));

    public async ValueTask DisposeAsync()
    {
        await _load.DisposeAsync();
        await _server.DisposeAsync();
        _cable.Dispose();
    }
}
