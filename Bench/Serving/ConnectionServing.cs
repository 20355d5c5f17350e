using System.Net;
using System.Net.Sockets;
using TcpActors.Bench.Measuring;

namespace TcpActors.Bench.Serving;

/// <summary>Accepts connections and hands each to the row's code.</summary>
internal sealed class ConnectionServing : IServing
{
    private readonly IServer _server;
    private readonly Func<IServerConnection, Task> _serve;
    private readonly Func<string, Figures>? _answer;
    private readonly Task _accepting;

    /// <param name="server">The stack.</param>
    /// <param name="serve">The row's code for a connection.</param>
    /// <param name="answer">What it says to questions; null: there are none.</param>
    public ConnectionServing(IServer server, Func<IServerConnection, Task> serve, Func<string, Figures>? answer = null)
    {
        (_server, _serve, _answer) = (server, serve, answer);
        _accepting = AcceptAsync();
    }

    public IPEndPoint EndPoint => _server.EndPoint;

    public Task<Figures> AskAsync(string question) => _answer is not null
        ? Task.FromResult(_answer(question))
        : throw new BenchException($"This row's server knows no '{question}'.");

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
