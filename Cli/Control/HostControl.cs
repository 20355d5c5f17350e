using TcpActors.Actors.Contract;
using TcpActors.HostSide;

namespace TcpActors.Cli.Control;

/// <summary>The control commands, carried out by a host.</summary>
internal sealed class HostControl(IOffloadHost host) : IControlHandler
{
    public async Task<ControlResponse> HandleAsync(ControlRequest request)
    {
        switch (request.Command)
        {
            case ControlRequest.Connections:
                IReadOnlyList<ConnectionReport> reports = await host.ListAsync();
                return new ControlResponse(Connections: [.. reports.OrderBy(each => each.Id.Value).Select(ControlJson.Element)]);
            case ControlRequest.Offload:
                return new ControlResponse(Moves: MoveSummary.From(await host.OffloadAsync(Named(request))));
            case ControlRequest.Upload:
                return new ControlResponse(Moves: MoveSummary.From(await host.UploadAsync(Named(request))));
            default:
                return new ControlResponse(
                    Error: $"'{request.Command}' is not a command of this server: it knows connections, offload, upload.");
        }
    }

    private static ConnectionId[]? Named(ControlRequest request) =>
        request.Ids is null ? null : [.. request.Ids.Select(id => new ConnectionId(id))];
}
