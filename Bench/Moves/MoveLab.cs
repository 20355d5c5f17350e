using System.Diagnostics;
using System.Globalization;
using System.Net;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Bench.Moves;

/// <summary>
/// This process as the server, with an offload host in a namespace of its own, and the peer as another process in another namespace, joined by
/// a veth pair. All of it ends with this process.
/// </summary>
internal sealed class MoveLab : IAsyncDisposable
{
    private readonly NetworkNamespace _server = NetworkNamespace.Create();
    private readonly NetworkNamespace _client = NetworkNamespace.Create();
    private readonly ConnectionListener _listener;

    public MoveLab()
    {
        _server.Run(() =>
        {
            using var netlink = new RtNetlink();
            netlink.CreateVethPair("server0", "client0", _client);
            Up(netlink, "server0", "10.77.0.1");
        });
        _client.Run(() =>
        {
            using var netlink = new RtNetlink();
            Up(netlink, "client0", "10.77.0.2");
        });
        Host = _server.Run(() => OffloadHost.Create(new OffloadHostOptions { Policy = OffloadPolicies.Never }));
        _listener = _server.Run(() => Host.Listen(new IPEndPoint(IPAddress.Parse("10.77.0.1"), 0), backlog: 4096));
    }

    public OffloadHost Host { get; }

    /// <summary>A peer's process, and the connections that it has opened.</summary>
    public async Task<(Process Peer, Connection[] Connections)> ConnectAsync(MoveTraffic traffic, int count)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        string[] command =
        [
            .. Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : (string[])[],
            MovePeer.Verb, _listener.EndPoint.Address.ToString(), _listener.EndPoint.Port.ToString(CultureInfo.InvariantCulture),
            traffic.ToString(), count.ToString(CultureInfo.InvariantCulture),
        ];
        foreach (string argument in command)
        {
            start.ArgumentList.Add(argument);
        }

        Process peer = _client.Run(() => Process.Start(start)!);
        var connections = new Connection[count];
        for (int i = 0; i < count; i++)
        {
            connections[i] = (await _listener.AcceptAsync())!;
        }

        return (peer, connections);
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await Host.DisposeAsync();
        _server.Dispose();
        _client.Dispose();
    }

    private static void Up(RtNetlink netlink, string name, string address)
    {
        netlink.SetLinkUp(netlink.Link("lo")!.Index);
        int index = netlink.Link(name)!.Index;
        netlink.AddAddress(index, IPAddress.Parse(address), 24);
        netlink.SetLinkUp(index);
    }
}
