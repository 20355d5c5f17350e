using System.Net;
using System.Net.Sockets;

namespace TcpActors.HostSide;

/// <summary>Accepts connections that a host's stack has set up.</summary>
public sealed class ConnectionListener : IAsyncDisposable
{
    private readonly Func<CancellationToken, ValueTask<Connection?>> _accept;
    private readonly Action _close;

    internal ConnectionListener(IPEndPoint endPoint, Func<CancellationToken, ValueTask<Connection?>> accept, Action close) =>
        (EndPoint, _accept, _close) = (endPoint, accept, close);

    /// <summary>The address and port it listens on.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Waits for the next connection.</summary>
    /// <returns>Null after the listener was disposed of.</returns>
    /// <exception cref="SocketException">As for a socket; the listener can be used on, as when the process has run out of descriptors.</exception>
    public ValueTask<Connection?> AcceptAsync(CancellationToken cancellationToken = default) => _accept(cancellationToken);

    /// <summary>Stops listening; accepted connections go on.</summary>
    public ValueTask DisposeAsync()
    {
        _close();
        return ValueTask.CompletedTask;
    }
}
