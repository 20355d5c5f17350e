using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using TcpActors.Bench.Lab;
using TcpActors.Transport.Linux.Netlink;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// One conversation of the script: both ends, the tap between them, and what to wait for so that the next step finds what it is about.
/// </summary>
internal sealed class CloseTalk : IDisposable
{
    private readonly TwoHosts _hosts;
    private readonly int _clientPort;
    private readonly int _serverPort;
    private readonly Func<Task<bool>> _kernelHasServer;
    private readonly CloseTap? _tap;

    /// <param name="hosts">Where.</param>
    /// <param name="client">Always a kernel socket.</param>
    /// <param name="server">A kernel socket or a connection of the engine.</param>
    /// <param name="kernelHasServer">Whether the kernel owns the server's end by now.</param>
    /// <param name="withTap">Whether FIN and RST are recorded.</param>
    public CloseTalk(TwoHosts hosts, Socket client, CloseEnd server, Func<Task<bool>> kernelHasServer, bool withTap = true)
    {
        (_hosts, _kernelHasServer) = (hosts, kernelHasServer);
        _clientPort = ((IPEndPoint)client.LocalEndPoint!).Port;
        _serverPort = ((IPEndPoint)client.RemoteEndPoint!).Port;
        (Client, Server) = (new SocketEnd(client), server);
        _tap = withTap ? new CloseTap(hosts.Client, _clientPort) : null;
    }

    public CloseEnd Client { get; }

    public CloseEnd Server { get; }

    public CloseTap Tap => _tap ?? throw new InvalidOperationException("This conversation is held without a tap.");

    public void Dispose() => _tap?.Dispose();

    /// <summary>Until the client's kernel is done with it, after the server ended it by an RST.</summary>
    public Task ClientIsResetAsync() => UntilAsync(
        () => Task.FromResult(CloseStates.Of(_hosts.Client, _clientPort, _serverPort) == CloseStates.Gone), "the client to be reset");

    /// <summary>Until the server's end, wherever it is owned, has taken in the client's RST.</summary>
    public Task ServerIsResetAsync() => UntilAsync(async () =>
        await _kernelHasServer() && CloseStates.Of(_hosts.Server, _serverPort, _clientPort) == CloseStates.Gone, "the server to be reset");

    public Task ArrivedAsync(CloseEnd at, int bytes) => UntilAsync(
        () => Task.FromResult(at.Available == bytes), $"{bytes} bytes to arrive");

    /// <summary>Nothing arrives at either end from now on; the tap sees what was sent before it is lost.</summary>
    public IDisposable CutCable()
    {
        OwnedTable atServer = _hosts.Server.Run(() => RandomLoss.At(_hosts.Server.Link, oneOf: 1));
        OwnedTable atClient = _hosts.Client.Run(() => RandomLoss.At(_hosts.Client.Link, oneOf: 1));
        return new Cut(atServer, atClient);
    }

    /// <summary>Who is left in TIME-WAIT when both kernels have come to rest.</summary>
    public async Task<string> TimeWaitAsync()
    {
        int client = 0;
        int server = 0;
        await UntilAsync(
            () =>
            {
                client = CloseStates.Of(_hosts.Client, _clientPort, _serverPort);
                server = CloseStates.Of(_hosts.Server, _serverPort, _clientPort);
                return Task.FromResult(
                    client is CloseStates.Gone or CloseStates.TimeWait && server is CloseStates.Gone or CloseStates.TimeWait);
            },
            "both kernels to rest").ConfigureAwait(false);
        return (client, server) switch
        {
            (CloseStates.TimeWait, CloseStates.TimeWait) => "both",
            (CloseStates.TimeWait, _) => "client",
            (_, CloseStates.TimeWait) => "server",
            _ => "nobody",
        };
    }

    public static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        long start = Stopwatch.GetTimestamp();
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < CloseTap.Patience, $"waited in vain for {what}");
            await tick.WaitForNextTickAsync();
        }
    }

    private sealed class Cut(params IDisposable[] tables) : IDisposable
    {
        public void Dispose() => Array.ForEach(tables, table => table.Dispose());
    }
}
