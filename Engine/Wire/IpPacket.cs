using System.Buffers.Binary;

namespace TcpActors.Engine.Wire;

/// <summary>
/// What stands in the IP header of a packet, either family, with IPv6 extension headers walked. Offsets count from the packet's first byte.
/// </summary>
public readonly struct IpPacket
{
    public const int IPv4HeaderLength = 20;
    public const int IPv6HeaderLength = 40;

    /// <summary>Protocol number of TCP.</summary>
    public const byte Tcp = 6;

    internal const byte Icmp = 1;
    internal const byte IcmpV6 = 58;
    private const byte HopByHopOptions = 0;
    private const byte Routing = 43;
    private const byte Fragment = 44;
    private const byte DestinationOptions = 60;

    public InternetAddress SourceAddress { get; private init; }

    public InternetAddress DestinationAddress { get; private init; }

    public bool IsIPv4 { get; private init; }

    /// <summary>The upper-layer protocol; of a fragment, as far as it can be told.</summary>
    public byte Protocol { get; private init; }

    /// <summary>Time to live (hop limit).</summary>
    public byte Ttl { get; private init; }

    /// <summary>Type of service (traffic class), ECN bits included.</summary>
    public byte Tos { get; private init; }

    /// <summary>Whether it is one of several pieces of a packet, the first included. IPv6: whether it has a fragment header.</summary>
    public bool IsFragment { get; private init; }

    /// <summary>Whether it is the first of several pieces: only that one begins with the upper-layer header.</summary>
    public bool IsFirstFragment { get; private init; }

    /// <summary>Offset of the upper-layer header.</summary>
    public int PayloadOffset { get; private init; }

    /// <summary>Bytes of upper-layer header and data: by the header's length field, so without padding of the link.</summary>
    public int PayloadLength { get; private init; }

    /// <summary>Bytes of the whole packet by its header's length field.</summary>
    public int Length => PayloadOffset + PayloadLength;

    /// <summary>The two ECN bits (RFC 3168 5).</summary>
    public byte Ecn => (byte)(Tos & 3);

    /// <param name="packet">From the IP header on; bytes after the packet's end are left out of it.</param>
    /// <param name="ip">What the header says.</param>
    /// <returns>
    /// False when the packet is cut off, its header impossible or its checksum wrong, when it is not for an end host (source routed, or
    /// IPv4-mapped addresses in an IPv6 header, which nobody may send: RFC 4942 2.2), or when it has an option that must be understood.
    /// </returns>
    public static bool TryParse(ReadOnlySpan<byte> packet, out IpPacket ip) => TryParse(packet, missing: 0, out ip);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out IpPacket)"/>
    /// <param name="packet">From the IP header on; its headers at least.</param>
    /// <param name="missing">How many bytes come after those.</param>
    /// <param name="ip">What the header says.</param>
    internal static bool TryParse(ReadOnlySpan<byte> packet, int missing, out IpPacket ip) =>
        TryParse(packet, packet.Length + missing, isQuoted: false, out ip);

    /// <summary>Parses the beginning of a packet as an ICMP error quotes it: its end may be missing, routers may have changed it.</summary>
    internal static bool TryParseQuoted(ReadOnlySpan<byte> packet, out IpPacket ip) =>
        TryParse(packet, packet.Length, isQuoted: true, out ip);

    /// <param name="payload">What the packet carries, its first four bytes at least.</param>
    /// <param name="flow">The connection, seen from the receiver.</param>
    /// <returns>False when it is not TCP, a fragment, or cut off before the end of the ports.</returns>
    public bool TryGetFlow(ReadOnlySpan<byte> payload, out FlowKey flow)
    {
        flow = default;
        if (Protocol != Tcp || IsFragment || PayloadLength < 4)
        {
            return false;
        }

        flow = new FlowKey(
            DestinationAddress,
            SourceAddress,
            BinaryPrimitives.ReadUInt16BigEndian(payload[2..]),
            BinaryPrimitives.ReadUInt16BigEndian(payload));
        return true;
    }

    /// <summary>Whether the upper-layer checksum (at the place where TCP has it, and in ICMPv6) is right.</summary>
    /// <param name="payload">The upper-layer header and data: all of it.</param>
    public bool HasValidChecksum(ReadOnlySpan<byte> payload)
    {
        InternetChecksum checksum = default;
        checksum.AddPseudoHeader(SourceAddress, DestinationAddress, Protocol, payload.Length);
        checksum.Add(payload);
        return checksum.IsValid;
    }

    private static bool TryParse(ReadOnlySpan<byte> packet, int available, bool isQuoted, out IpPacket ip)
    {
        ip = default;
        return !packet.IsEmpty && (packet[0] >> 4) switch
        {
            4 => TryParseIPv4(packet, available, isQuoted, out ip),
            6 => TryParseIPv6(packet, available, isQuoted, out ip),
            _ => false,
        };
    }

    private static bool TryParseIPv4(ReadOnlySpan<byte> packet, int available, bool isQuoted, out IpPacket ip)
    {
        ip = default;
        if (packet.Length < IPv4HeaderLength)
        {
            return false;
        }

        int headerLength = (packet[0] & 0xf) * 4;
        int totalLength = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if (totalLength == 0 && available > ushort.MaxValue)
        {
            // Linux writes 0 into super-segments that the field cannot count.
            totalLength = available;
        }

        if (headerLength < IPv4HeaderLength || headerLength > packet.Length || totalLength < headerLength ||
            (!isQuoted && totalLength > available))
        {
            return false;
        }

        // RFC 1122 3.2.1.2: a wrong header checksum means discard. In a quotation the TTL no longer fits it on some routers.
        if (!isQuoted && InternetChecksum.Of(packet[..headerLength]) != 0)
        {
            return false;
        }

        const int moreFragments = 0x2000;
        const int fragmentOffset = 0x1fff;
        int fragment = BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & (moreFragments | fragmentOffset);
        ip = new IpPacket
        {
            IsIPv4 = true,
            SourceAddress = InternetAddress.FromBytes(packet.Slice(12, 4)),
            DestinationAddress = InternetAddress.FromBytes(packet.Slice(16, 4)),
            Protocol = packet[9],
            Ttl = packet[8],
            Tos = packet[1],
            IsFragment = fragment != 0,
            IsFirstFragment = fragment == moreFragments,
            PayloadOffset = headerLength,
            PayloadLength = totalLength - headerLength,
        };
        return true;
    }

    private static bool TryParseIPv6(ReadOnlySpan<byte> packet, int available, bool isQuoted, out IpPacket ip)
    {
        ip = default;
        if (packet.Length < IPv6HeaderLength)
        {
            return false;
        }

        int payloadLength = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        if (payloadLength == 0 && available - IPv6HeaderLength > ushort.MaxValue)
        {
            // A jumbogram (RFC 2675), which is how Linux writes super-segments that the field cannot count.
            payloadLength = available - IPv6HeaderLength;
        }

        InternetAddress source = InternetAddress.FromBytes(packet.Slice(8, 16));
        InternetAddress destination = InternetAddress.FromBytes(packet.Slice(24, 16));
        int end = IPv6HeaderLength + payloadLength;
        if (source.IsIPv4 || destination.IsIPv4 || (!isQuoted && end > available))
        {
            return false;
        }

        byte protocol = packet[6];
        int offset = IPv6HeaderLength;
        bool isFragment = false;
        bool isFirstFragment = false;

        // RFC 7112 5: the first fragment has the whole chain of headers; RFC 8200 4.5: a later one begins anywhere.
        while (protocol == Fragment
            ? !isFragment
            : protocol is HopByHopOptions or Routing or DestinationOptions && (!isFragment || isFirstFragment))
        {
            if (offset + 8 > Math.Min(end, packet.Length))
            {
                return false;
            }

            // RFC 8200 4.4: with segments left this host is a way-point and not the destination.
            if (protocol == Routing && packet[offset + 3] != 0 && !isQuoted)
            {
                return false;
            }

            int length = 8;
            if (protocol == Fragment)
            {
                isFragment = true;
                isFirstFragment = BinaryPrimitives.ReadUInt16BigEndian(packet[(offset + 2)..]) >> 3 == 0;
            }
            else
            {
                length += packet[offset + 1] * 8;
            }

            bool mustHeed = protocol is HopByHopOptions or DestinationOptions && !isQuoted;
            if (offset + length > end || (mustHeed && offset + length > packet.Length) || (mustHeed && !CanSkipOptions(packet[(offset + 2)..(offset + length)])))
            {
                return false;
            }

            protocol = packet[offset];
            offset += length;
        }

        ip = new IpPacket
        {
            SourceAddress = source,
            DestinationAddress = destination,
            Protocol = protocol,
            Ttl = packet[7],
            Tos = (byte)(BinaryPrimitives.ReadUInt16BigEndian(packet) >> 4),
            IsFragment = isFragment,
            IsFirstFragment = isFirstFragment,
            PayloadOffset = offset,
            PayloadLength = end - offset,
        };
        return true;
    }

    // RFC 8200 4.2: an option of no meaning to us is skipped when its type begins with 00, else the packet is discarded.
    private static bool CanSkipOptions(ReadOnlySpan<byte> options)
    {
        const byte pad1 = 0;
        const byte jumboPayload = 0xc2;
        while (!options.IsEmpty)
        {
            byte type = options[0];
            int length = type == pad1 ? 1 : options.Length > 1 ? 2 + options[1] : int.MaxValue;
            if (length > options.Length || (type >> 6 != 0 && type != jumboPayload))
            {
                return false;
            }

            options = options[length..];
        }

        return true;
    }
}
