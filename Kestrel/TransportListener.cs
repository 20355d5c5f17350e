using System.Net;
using Microsoft.AspNetCore.Connections;
using TcpActors.HostSide;

namespace TcpActors.Kestrel;

/// <summary>One endpoint that Kestrel accepts at.</summary>
internal sealed class TransportListener(ConnectionListener listener) : IConnectionListener
{
    public EndPoint EndPoint => listener.EndPoint;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
        await listener.AcceptAsync(cancellationToken) is { } connection ? new TransportConnection(connection) : null;

    /// <summary>No new connections; a pending accept ends with null, accepted connections go on.</summary>
    public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => listener.DisposeAsync();

    public ValueTask DisposeAsync() => listener.DisposeAsync();
}
