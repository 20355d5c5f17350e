using System.Buffers.Binary;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Wire;

/// <summary>
/// An Ethernet frame (Ethernet II, or with an IEEE 802.1Q tag in it) that holds an IP packet. Offsets count from the frame's first byte.
/// A tag that the link took out of the frame is the link's to report.
/// </summary>
public readonly struct IpFrame
{
    internal const ushort IPv4EtherType = 0x0800;
    internal const ushort IPv6EtherType = 0x86dd;
    internal const ushort VlanEtherType = 0x8100;
    private const int EthernetHeaderLength = 14;

    public MacAddress DestinationMac { get; private init; }

    public MacAddress SourceMac { get; private init; }

    /// <summary>The tag that stands in the frame.</summary>
    public MacEncapsulation Encapsulation { get; private init; }

    /// <summary>The packet; its offsets count from <see cref="NetworkOffset"/>.</summary>
    public IpPacket Packet { get; private init; }

    /// <summary>Offset of the IP header: 14 or 18.</summary>
    public int NetworkOffset => Encapsulation.HeaderLength;

    public InternetAddress SourceAddress => Packet.SourceAddress;

    public InternetAddress DestinationAddress => Packet.DestinationAddress;

    public bool IsIPv4 => Packet.IsIPv4;

    public byte Protocol => Packet.Protocol;

    public byte Ttl => Packet.Ttl;

    public byte Tos => Packet.Tos;

    public byte Ecn => Packet.Ecn;

    public bool IsFragment => Packet.IsFragment;

    /// <summary>Offset of the upper-layer header.</summary>
    public int PayloadOffset => NetworkOffset + Packet.PayloadOffset;

    /// <summary>Bytes of upper-layer header and data, without what Ethernet padded the frame with.</summary>
    public int PayloadLength => Packet.PayloadLength;

    /// <param name="frame">From the destination MAC address on, without frame check sequence.</param>
    /// <param name="parsed">What the headers say.</param>
    /// <returns>
    /// False when it is no IP packet, is cut off or is malformed (<see cref="IpPacket.TryParse(ReadOnlySpan{byte}, out IpPacket)"/>).
    /// </returns>
    public static bool TryParse(ReadOnlySpan<byte> frame, out IpFrame parsed) => TryParse(frame, missing: 0, out parsed);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out IpFrame)"/>
    /// <param name="frame">From the destination MAC address on, without frame check sequence; its headers at least.</param>
    /// <param name="missing">How many bytes of the frame come after those.</param>
    /// <param name="parsed">What the headers say.</param>
    public static bool TryParse(ReadOnlySpan<byte> frame, int missing, out IpFrame parsed)
    {
        parsed = default;
        if (frame.Length < EthernetHeaderLength)
        {
            return false;
        }

        MacEncapsulation encapsulation = default;
        ushort etherType = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]);
        if (etherType == VlanEtherType)
        {
            if (frame.Length < EthernetHeaderLength + 4)
            {
                return false;
            }

            ushort control = BinaryPrimitives.ReadUInt16BigEndian(frame[14..]);
            encapsulation = new MacEncapsulation(IsTagged: true, (ushort)(control & 0xfff), (byte)(control >> 13));
            etherType = BinaryPrimitives.ReadUInt16BigEndian(frame[16..]);
        }

        if (etherType is not (IPv4EtherType or IPv6EtherType) ||
            !IpPacket.TryParse(frame[encapsulation.HeaderLength..], missing, out IpPacket packet) ||
            packet.IsIPv4 != (etherType == IPv4EtherType))
        {
            return false;
        }

        parsed = new IpFrame
        {
            DestinationMac = new MacAddress(frame[..6]),
            SourceMac = new MacAddress(frame.Slice(6, 6)),
            Encapsulation = encapsulation,
            Packet = packet,
        };
        return true;
    }

    /// <summary>The upper-layer header and data.</summary>
    /// <param name="frame">The bytes this was parsed from.</param>
    public ReadOnlySpan<byte> PayloadOf(ReadOnlySpan<byte> frame) => frame.Slice(PayloadOffset, PayloadLength);

    /// <summary>Which connection a received TCP segment is for: its destination is our side.</summary>
    /// <param name="frame">The bytes this was parsed from.</param>
    /// <param name="flow">The connection, seen from the receiver.</param>
    /// <returns>False when it is not TCP, a fragment, or cut off before the end of the ports.</returns>
    public bool TryGetFlow(ReadOnlySpan<byte> frame, out FlowKey flow)
    {
        flow = default;
        return PayloadLength >= 4 && Packet.TryGetFlow(frame.Slice(PayloadOffset, 4), out flow);
    }
}
