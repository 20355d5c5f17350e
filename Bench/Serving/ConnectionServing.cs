using System.Net;
using System.Net.Sockets;

namespace TcpActors.Bench.Serving;

/// <summary>Accepts connections and hands each to the row's code.</summary>
internal sealed class ConnectionServing : IServing
{
    private readonly IServer _server;
    private readonly Func<IServerConnection, Task> _serve;
    private readonly Task _accepting;

    public ConnectionServing(IServer server, Func<IServerConnection, Task> serve)
    {
        (_server, _serve) = (server, serve);
        _accepting = AcceptAsync();
    }

    public IPEndPoint EndPoint => _server.EndPoint;

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        while (await _server.AcceptAsync() is { } connection)
        {
            _ = Task.Run(() => ServeAsync(connection));
        }
    }

    private async Task ServeAsync(IServerConnection connection)
    {
        await using (connection)
        {
            try
            {
                await connection.BeginAsync();
                await _serve(connection);
            }
            catch (Exception end) when (end is IOException or SocketException)
            {
                // The load has gone; it knows what it got.
            }
            catch (Exception failure) when (failure is BenchException or InvalidOperationException)
            {
                await Console.Error.WriteLineAsync($"bench: the server: {failure.Message}");
            }
        }
    }
}
