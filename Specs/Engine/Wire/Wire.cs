using System.Buffers.Binary;
using System.Net;
using PacketDotNet;
using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Specs.Engine.Wire;

/// <summary>Frames and values that the specs of the wire formats share.</summary>
internal static class Wire
{
    public static readonly MacAddress OurMac = MacAddress.Parse("02:00:00:00:00:01");
    public static readonly MacAddress PeerMac = MacAddress.Parse("02:00:00:00:00:02");

    public static FlowKey FlowV4 { get; } = FlowKey.From(IPEndPoint.Parse("10.1.2.3:50000"), IPEndPoint.Parse("192.168.200.250:443"));

    public static FlowKey FlowV6 { get; } = FlowKey.From(IPEndPoint.Parse("[fd00::1]:50000"), IPEndPoint.Parse("[2001:db8::fe]:443"));

    public static FlowKey Flow(bool ipv4) => ipv4 ? FlowV4 : FlowV6;

    public static MacEncapsulation Encapsulation(bool tagged) => tagged ? new MacEncapsulation(IsTagged: true, 1234, 5) : default;

    public static byte[] Payload(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    public static SackBlocks Sack(int count)
    {
        SackBlocks sack = default;
        for (uint i = 0; i < count; i++)
        {
            sack.Add(new SackBlock(new SeqNum(uint.MaxValue - 50 + (100 * i)), new SeqNum(uint.MaxValue - 20 + (100 * i))));
        }

        return sack;
    }

    /// <summary>A data segment that the peer sends us, with timestamps and two SACK blocks.</summary>
    public static byte[] DataFrame(bool ipv4, bool tagged, int payload) => new FrameBuilder
    {
        SourceMac = PeerMac,
        DestinationMac = OurMac,
        Encapsulation = Encapsulation(tagged),
        Flow = Flow(ipv4).Reversed,
        Seq = new SeqNum(4_000_000_000),
        Ack = new SeqNum(77),
        Flags = TcpFlags.Ack | TcpFlags.Psh,
        Window = 512,
        Tos = 0x2a,
        Ttl = 61,
        IpId = 4711,
        Options = new TcpOptions { HasTimestamps = true, TsVal = 0x01020304, TsEcr = 0xfffefdfc, Sack = Sack(2) },
        Payload = Payload(payload),
    }.ToArray();

    public static EthernetPacket Oracle(byte[] frame) => (EthernetPacket)Packet.ParsePacket(LinkLayers.Ethernet, frame);

    /// <summary>Gives an untagged frame the IPv4 header checksum that it should have after a change.</summary>
    public static byte[] Fixed(byte[] frame)
    {
        if (frame[14] >> 4 == 4)
        {
            frame[24] = frame[25] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(24), InternetChecksum.Of(frame.AsSpan(14, (frame[14] & 0xf) * 4)));
        }

        return frame;
    }
}
