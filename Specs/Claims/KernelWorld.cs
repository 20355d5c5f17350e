using System.Net;
using System.Net.Sockets;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.Specs.Kernel;

namespace TcpActors.Specs.Claims;

/// <summary>The kernel host in a network namespace of its own; its peer is a kernel socket in another.</summary>
internal sealed class KernelWorld : ClaimWorld
{
    private readonly OffloadHost _host;

    public KernelWorld(Func<HostOptions, HostOptions> change, int mtu)
    {
        Hosts = new TwoHosts(mtu);
        Wire = new KernelWire(Hosts);
        HostOptions options = change(new OffloadHostOptions { Policy = OffloadPolicies.Never, System = Conversation.System });
        _host = Hosts.Server.Run(() => OffloadHost.Create((OffloadHostOptions)options));
        Listener = _host.Listen(new IPEndPoint(Hosts.Server.IPv4, Port));
    }

    public TwoHosts Hosts { get; }

    public ConnectionListener Listener { get; }

    /// <inheritdoc cref="ClaimWorld.Host"/>
    public OffloadHost Kernel => _host;

    public override IOffloadHost Host => _host;

    public override string Stack => "kernel";

    public override Wire Wire { get; }

    public override Task<ClaimLine> ConnectAsync() => ConnectAsync(static _ => { });

    /// <inheritdoc cref="ConnectAsync()"/>
    /// <param name="prepare">Sets the peer's options before it connects.</param>
    public async Task<ClaimLine> ConnectAsync(Action<Socket> prepare)
    {
        Socket socket = Hosts.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        prepare(socket);
        await socket.ConnectAsync(Listener.EndPoint).WaitAsync(Patience);
        return new ClaimLine(this, (await Listener.AcceptAsync().AsTask().WaitAsync(Patience))!, new KernelPeer(socket));
    }

    /// <summary>A connection that the host has opened.</summary>
    public async Task<ClaimLine> OpenAsync(int port)
    {
        using Socket listening = Hosts.Client.Listen(port: port);
        Connection connection = await _host.ConnectAsync((IPEndPoint)listening.LocalEndPoint!).WaitAsync(Patience);
        return new ClaimLine(this, connection, new KernelPeer(await listening.AcceptAsync().WaitAsync(Patience)));
    }

    public override MacAddress GivePeerAnotherMac()
    {
        var mac = MacAddress.Parse("02:00:00:00:00:77");
        Hosts.Client.Netlink.SetLinkMac(Hosts.Client.LinkIndex, mac);
        Hosts.Server.Netlink.SetNeighbor(Hosts.Server.LinkIndex, Hosts.Client.IPv4, mac);
        return mac;
    }

    public override void Know(InternetAddress nobody) =>
        Hosts.Server.Netlink.SetNeighbor(Hosts.Server.LinkIndex, nobody.ToIPAddress(), Hosts.Client.Mac);

    public override async ValueTask DisposeAsync()
    {
        await Listener.DisposeAsync();
        await _host.DisposeAsync();
        Conversation.Dispose();
        Wire.Dispose();
        Hosts.Dispose();
    }
}
