using System.Buffers.Binary;
using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.Transport.Links;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// A packet link at each end of the cable between two hosts. An nftables rule marks the segments that arrive at the server as owned; the
/// server's kernel sees them as well.
/// </summary>
internal sealed unsafe class PacketLinkBench : IDisposable
{
    public const ushort ServerPort = 7000;
    public const ushort ClientPort = 40000;
    public const uint ServerMark = 0x5a01;
    public const uint ClientMark = 0x5a02;
    public static readonly Microseconds Deadline = Microseconds.FromSeconds(5);

    private readonly RxFrame[] _received = new RxFrame[1];
    private OwnedTable? _marking;

    public PacketLinkBench(int ringSlots = 64, int slotSize = 2048, int mtu = 1500, int longFrameMemory = 64 << 20, int queues = 1)
    {
        Hosts = new TwoHosts(mtu);
        Mark();
        Server = Open(Hosts.Server, ServerMark, ringSlots, slotSize, longFrameMemory, queues);
        Client = Open(Hosts.Client, ClientMark, ringSlots, slotSize);
    }

    public TwoHosts Hosts { get; }

    public PacketLink Server { get; }

    public PacketLink Client { get; }

    /// <summary>Marks every TCP segment that arrives at the server as owned, fragments excepted.</summary>
    public void Mark() => _marking = Hosts.Server.Run(() => NetlinkFirewall.Owns(Hosts.Server.Link, ServerMark));

    public void Unmark() => _marking?.Dispose();

    public static PacketLink Open(
        SpecHost host, uint mark, int ringSlots = 64, int slotSize = 2048, int longFrameMemory = 64 << 20, int queues = 1)
    {
        var options = new PacketLinkOptions
        {
            OwnedMark = mark,
            RingSlots = ringSlots,
            SlotSize = slotSize,
            LongFrameMemory = longFrameMemory,
            Queues = queues,
        };
        return host.Run(() => PacketLink.Open(host.Link, options));
    }

    /// <summary>Ethernet, IP and TCP header of a segment from client to server; TCP's checksum is left out.</summary>
    public byte[] Header(int payloadLength, AddressFamily family = AddressFamily.InterNetwork)
    {
        bool isIPv4 = family == AddressFamily.InterNetwork;
        int ip = isIPv4 ? 20 : 40;
        byte[] header = new byte[14 + ip + 20];
        Server.Address.CopyTo(header);
        Client.Address.CopyTo(header.AsSpan(6));
        Span<byte> packet = header.AsSpan(14);
        if (isIPv4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(12), 0x0800);
            (packet[0], packet[8], packet[9]) = (0x45, 64, 6);
            BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)(40 + payloadLength));
            Hosts.Client.IPv4.TryWriteBytes(packet[12..], out _);
            Hosts.Server.IPv4.TryWriteBytes(packet[16..], out _);
            BinaryPrimitives.WriteUInt16BigEndian(packet[10..], (ushort)~Sum(packet[..20]));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(12), 0x86dd);
            (packet[0], packet[6], packet[7]) = (0x60, 6, 64);
            BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)(20 + payloadLength));
            Hosts.Client.IPv6.TryWriteBytes(packet[8..], out _);
            Hosts.Server.IPv6.TryWriteBytes(packet[24..], out _);
        }

        Span<byte> tcp = packet[ip..];
        BinaryPrimitives.WriteUInt16BigEndian(tcp, ClientPort);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[2..], ServerPort);
        (tcp[12], tcp[13]) = (0x50, 0x10);
        return header;
    }

    /// <summary>The sum of the pseudo-header, not inverted, which stands in the checksum field until a link completes it.</summary>
    public static ushort PseudoHeaderSum(ReadOnlySpan<byte> header, int segmentLength)
    {
        ReadOnlySpan<byte> addresses = header[12] == 0x08 ? header[26..34] : header[22..54];
        Span<byte> rest = [0, 6, 0, 0];
        BinaryPrimitives.WriteUInt16BigEndian(rest[2..], (ushort)segmentLength);
        return Sum([.. addresses, .. rest]);
    }

    /// <summary>Whether the TCP checksum of a whole frame is right.</summary>
    public static bool HasGoodChecksum(ReadOnlySpan<byte> frame)
    {
        int ip = frame[12] == 0x08 ? 20 : 40;
        ReadOnlySpan<byte> segment = frame[(14 + ip)..];
        Span<byte> pseudo = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(pseudo, PseudoHeaderSum(frame, segment.Length));
        return Sum([.. segment, .. segment.Length % 2 == 0 ? [] : new byte[1], .. pseudo]) == 0xffff;
    }

    /// <summary>Sends one frame from the client; its checksum is completed by the link.</summary>
    public int Send(byte[] header, byte[] payload0, byte[]? payload1 = null, int segmentSize = 0, PacketLink? link = null)
    {
        int transport = header[12] == 0x08 ? 34 : 54;
        int length = payload0.Length + (payload1?.Length ?? 0);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(transport + 16), PseudoHeaderSum(header, header.Length - transport + length));
        fixed (byte* h = header, p0 = payload0, p1 = payload1)
        {
            return (link ?? Client).Send([new TxFrame
            {
                Header = h,
                HeaderLength = header.Length,
                Payload0 = p0,
                Payload0Length = payload0.Length,
                Payload1 = p1,
                Payload1Length = payload1?.Length ?? 0,
                SegmentSize = segmentSize,
                TransportOffset = transport,
                IsIPv4 = header[12] == 0x08,
                ChecksumPartial = true,
            }]);
        }
    }

    /// <summary>Sends a frame as it is.</summary>
    public int SendRaw(byte[] frame)
    {
        fixed (byte* bytes = frame)
        {
            return Client.Send([new TxFrame { Header = bytes, HeaderLength = frame.Length }]);
        }
    }

    /// <summary>The next frame that the server's link receives; fails after the deadline.</summary>
    public RxFrame Receive()
    {
        int count = Server.Receive(_received, Deadline);
        return count == 1 ? _received[0] : throw new TimeoutException("No frame came.");
    }

    /// <summary>One's complement sum of 16-bit words (RFC 1071), the plain way.</summary>
    public static ushort Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)sum;
    }

    public void Dispose()
    {
        Server?.Dispose();
        Client?.Dispose();
        Unmark();
        Hosts.Dispose();
    }
}
