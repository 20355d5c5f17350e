using System.Net;
using TcpActors.HostSide;
using TcpActors.Specs.Kernel;

namespace TcpActors.Specs.Host;

/// <summary>A connection between two managed hosts on real threads: the client's end is near, the server's far.</summary>
internal sealed class ManagedLine : IAsyncDisposable
{
    private readonly ManagedHost _client;

    private ManagedLine(ManagedHost server, ManagedHost client)
    {
        (Server, _client) = (server, client);
        Listener = server.Listen(new IPEndPoint(IPAddress.Parse("10.77.0.1"), 7));
    }

    public ManagedHost Server { get; }

    public ConnectionListener Listener { get; }

    public Connection Near { get; private set; } = null!;

    public Connection Far { get; private set; } = null!;

    /// <param name="serverOptions">Of the server; the client has the usual ones.</param>
    public static async Task<ManagedLine> OpenAsync(HostOptions serverOptions)
    {
        (ManagedHost server, ManagedHost client) = ManagedHost.CreatePair(
            serverOptions, new HostOptions { Policy = serverOptions.Policy });
        var line = new ManagedLine(server, client);
        (line.Near, line.Far) = await line.ConnectAsync();
        return line;
    }

    /// <summary>One more connection between the two.</summary>
    public async Task<(Connection Near, Connection Far)> ConnectAsync()
    {
        ValueTask<Connection?> accepting = Listener.AcceptAsync();
        Connection near = await _client.ConnectAsync(Listener.EndPoint).WaitAsync(TrafficConnection.Patience);
        return (near, (await accepting.AsTask().WaitAsync(TrafficConnection.Patience))!);
    }

    public async ValueTask DisposeAsync()
    {
        await Listener.DisposeAsync();
        await Server.DisposeAsync();
        await _client.DisposeAsync();
    }
}
