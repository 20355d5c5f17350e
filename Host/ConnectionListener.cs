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

    /// <summary>What connections accepted from now on have their buffers in; null: the host's memory.</summary>
    public ConnectionBuffers? Buffers { get; set; }

    /// <summary>Waits for the next connection.</summary>
    /// <returns>Null after the listener was disposed of.</returns>
    /// <exception cref="SocketException">As for a socket; the listener can be used on, as when the process has run out of descriptors.</exception>
    public async ValueTask<Connection?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        Connection? accepted = await _accept(cancellationToken);
        if (Buffers is { } buffers)
        {
            accepted?.UseBuffers(buffers);
        }

        return accepted;
    }

    /// <summary>Stops listening; accepted connections go on.</summary>
    public ValueTask DisposeAsync()
    {
        _close();
        return ValueTask.CompletedTask;
    }
}
