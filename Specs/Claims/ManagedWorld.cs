using System.Net;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Claims;

/// <summary>A managed host; its peer is another, whose connections stay in its stack.</summary>
internal sealed class ManagedWorld : ClaimWorld
{
    private readonly IPAddress _address = IPAddress.Parse("10.77.0.1");
    private readonly IPAddress _peerAddress = IPAddress.Parse("10.77.0.2");
    private readonly ManagedWire _wire;
    private readonly ManagedHost _host;
    private readonly ManagedHost _peer;
    private readonly ConnectionListener _listener;

    public ManagedWorld(HostOptions options, HostOptions peer, int mtu)
    {
        _wire = new ManagedWire(new InMemoryLinkOptions { Mtu = mtu, QueueLength = 4096 });
        _host = new ManagedHost("toe", _wire.Host, [_address], options with { System = Conversation.System });
        _peer = new ManagedHost("peer", _wire.Peer, [_peerAddress], peer);
        _host.SetNeighbor(_peerAddress, _wire.Peer.Address);
        _peer.SetNeighbor(_address, _wire.Host.Address);
        _listener = _host.Listen(new IPEndPoint(_address, Port));
    }

    public override IOffloadHost Host => _host;

    public override string Stack => "managed";

    public override Wire Wire => _wire;

    public override async Task<ClaimLine> ConnectAsync()
    {
        Connection peer = await _peer.ConnectAsync(_listener.EndPoint).WaitAsync(Patience);
        return new ClaimLine(this, (await _listener.AcceptAsync().AsTask().WaitAsync(Patience))!, new ManagedPeer(peer));
    }

    public override MacAddress GivePeerAnotherMac()
    {
        var mac = MacAddress.Parse("02:00:00:00:00:77");
        _wire.ChangePeer(mac);
        _host.SetNeighbor(_peerAddress, mac);
        return mac;
    }

    public override void Know(InternetAddress nobody) => _host.SetNeighbor(nobody.ToIPAddress(), _wire.Peer.Address);

    public override async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _host.DisposeAsync();
        await _peer.DisposeAsync();
        Conversation.Dispose();
        _wire.Dispose();
    }
}
