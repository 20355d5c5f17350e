using TcpActors.Actors.Contract;
using TcpActors.HostSide;
using TcpActors.HostSide.Statistics;

namespace TcpActors.Cli.Control;

/// <summary>The control commands, carried out by a host.</summary>
internal sealed class HostControl(IOffloadHost host) : IControlHandler
{
    public async Task<ControlResponse> HandleAsync(ControlRequest request)
    {
        switch (request.Command)
        {
            case ControlRequest.Connections:
                HostReport report = await host.ReportAsync();
                return new ControlResponse(
                    Connections: [.. report.Connections.OrderBy(each => each.Id.Value).Select(ControlJson.Element)],
                    Toes: [.. report.Toes.Select(ControlJson.Element)]);
            case ControlRequest.Offload:
                return new ControlResponse(Moves: await MoveAsync(request, host.OffloadAsync));
            case ControlRequest.Upload:
                return new ControlResponse(Moves: await MoveAsync(request, host.UploadAsync));
            default:
                return new ControlResponse(
                    Error: $"'{request.Command}' is not a command of this server: it knows connections, offload, upload.");
        }
    }

    private async Task<MoveSummary> MoveAsync(ControlRequest request, Func<IReadOnlyList<ConnectionId>?, Task<MoveResult>> move)
    {
        if (request.Ids is null)
        {
            return MoveSummary.From(await move(null), unknown: []);
        }

        HashSet<long> known = [.. (await host.ListAsync()).Select(each => each.Id.Value)];
        ILookup<bool, long> wanted = request.Ids.Distinct().ToLookup(known.Contains);
        return MoveSummary.From(await move([.. wanted[true].Select(id => new ConnectionId(id))]), [.. wanted[false]]);
    }
}
