using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using TcpActors.Bench.Lab;
using TcpActors.Specs.Kernel;
using TcpActors.Transport.Linux.Netlink;
using Xunit;

namespace TcpActors.Specs.Claims;

/// <summary>
/// The cable between two network namespaces. What passes is seen at the client's end, before what is lost there is lost; losses are nftables
/// rules at the interface where a frame arrives.
/// </summary>
internal sealed class KernelWire(TwoHosts hosts) : Wire
{
    private const int SocketLevel = 1, ReceiveBufferForce = 33, PacketLevel = 263, Statistics = 6, VirtualHeader = 15;
    private const ushort EveryProtocol = 0x0300;
    private readonly List<WireSegment> _segments = [];
    private readonly byte[] _buffer = new byte[80 << 10];
    private Socket? _tap;
    private BpfRawPort? _sender;

    public override IReadOnlyList<WireSegment> Segments
    {
        get
        {
            while (_tap is { Available: > 0 })
            {
                Look(_buffer.AsSpan(0, _tap.Receive(_buffer)));
            }

            if (_tap is not null)
            {
                // struct tpacket_stats: packets, drops.
                byte[] statistics = new byte[8];
                _tap.GetRawSocketOption(PacketLevel, Statistics, statistics);
                Assert.Equal(0, BitConverter.ToInt32(statistics, 4));
            }

            return [.. _segments];
        }
    }

    public override void Listen() => _tap ??= hosts.Client.Run(() =>
    {
        var socket = new Socket(AddressFamily.Packet, SocketType.Raw, (ProtocolType)0) { Blocking = false };
        socket.SetRawSocketOption(SocketLevel, ReceiveBufferForce, BitConverter.GetBytes(256 << 20));
        socket.SetRawSocketOption(PacketLevel, VirtualHeader, BitConverter.GetBytes(1));
        socket.Bind(new PacketEndPoint(hosts.Client.LinkIndex));
        return socket;
    });

    public override void StopListening()
    {
        _tap?.Dispose();
        _tap = null;
        _segments.Clear();
    }

    public override IDisposable LoseFromHost() => Lose(hosts.Client);

    public override IDisposable LoseFromPeer() => Lose(hosts.Server);

    public override void SendToHost(byte[] frame) =>
        (_sender ??= BpfRawPort.Sender(hosts.Client.Namespace, hosts.Client.LinkIndex)).Send(frame);

    public override void Dispose()
    {
        _tap?.Dispose();
        _sender?.Dispose();
    }

    private static OwnedTable Lose(SpecHost at) => at.Run(() => RandomLoss.At(at.Link, oneOf: 1));

    /// <summary>struct virtio_net_hdr of linux/virtio_net.h, then the frame.</summary>
    private void Look(ReadOnlySpan<byte> received)
    {
        const int header = 10;
        ushort segmentSize = BinaryPrimitives.ReadUInt16LittleEndian(received[4..]);
        if (WireSegment.Parse(received[header..], segmentSize, isFromHost: true) is { } segment)
        {
            bool isFromHost = segment.Flow.LocalAddress.ToIPAddress().Equals(hosts.Server.IPv4);
            _segments.Add(segment with { IsFromHost = isFromHost });
        }
    }

    // struct sockaddr_ll; the protocol in network order.
    private sealed class PacketEndPoint(int index) : EndPoint
    {
        public override AddressFamily AddressFamily => AddressFamily.Packet;

        public override SocketAddress Serialize()
        {
            var address = new SocketAddress(AddressFamily.Packet, 20);
            MemoryMarshal.Write(address.Buffer.Span[2..], EveryProtocol);
            MemoryMarshal.Write(address.Buffer.Span[4..], in index);
            return address;
        }
    }
}
