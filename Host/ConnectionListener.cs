using System.Net;
using System.Net.Sockets;

namespace TcpActors.HostSide;

/// <summary>Accepts connections that the kernel has set up.</summary>
public sealed class ConnectionListener : IAsyncDisposable
{
    private readonly OffloadHost _host;
    private readonly Socket _socket;

    internal ConnectionListener(OffloadHost host, Socket socket)
    {
        (_host, _socket) = (host, socket);
        EndPoint = (IPEndPoint)socket.LocalEndPoint!;
    }

    /// <summary>The address and port it listens on.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Waits for the next connection.</summary>
    /// <returns>Null after the listener was disposed of.</returns>
    /// <exception cref="SocketException">As for a socket; the listener can be used on, as when the process has run out of descriptors.</exception>
    public async ValueTask<Connection?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Socket accepted;
            try
            {
                accepted = await _socket.AcceptAsync(cancellationToken);
            }
            catch (ObjectDisposedException)
            {
                return null;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.OperationAborted or SocketError.Interrupted or SocketError.NotSocket)
            {
                return null;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionAborted)
            {
                // The peer was gone before it was accepted.
                continue;
            }

            try
            {
                return _host.Adopt(accepted, isActive: false);
            }
            catch (SocketException)
            {
                // Gone between accept and the look at its addresses.
                accepted.Dispose();
            }
        }
    }

    /// <summary>Stops listening; accepted connections go on.</summary>
    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
