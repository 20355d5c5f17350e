using PacketDotNet;
using PacketDotNet.Tcp;

namespace TcpActors.Specs.Fuzzing;

/// <summary>What PacketDotNet, which is not ours, reads in a frame.</summary>
internal sealed class OracleReading
{
    private const int Ethernet = 14;
    private const int TagLength = 4;
    private const byte Tcp = 6;

    private readonly byte[] _frame;
    private readonly int _network;

    private OracleReading(byte[] frame, Packet whole, IPPacket ip, TcpPacket tcp)
    {
        (_frame, _network, Tag, Ip, Segment) = (frame, NetworkOf(frame), whole.Extract<Ieee8021QPacket>(), ip, tcp);
        PayloadLength = tcp.PayloadData?.Length ?? 0;
        IsChecksumRight = tcp.ValidTcpChecksum;
    }

    /// <summary>The (outer) tag; null: none.</summary>
    public Ieee8021QPacket? Tag { get; }

    public IPPacket Ip { get; }

    public TcpPacket Segment { get; }

    public int PayloadLength { get; }

    public bool IsChecksumRight { get; }

    /// <summary>
    /// Whether TCP follows the IP header: over IPv6 with extension headers, and over other protocols, a damaged length can keep PacketDotNet busy for ever.
    /// </summary>
    public static bool MayAsk(ReadOnlySpan<byte> frame)
    {
        int network = NetworkOf(frame);
        if (frame.Length <= network + 20)
        {
            return false;
        }

        (byte, byte) type = (frame[network - 2], frame[network - 1]);
        return (type, frame[network + 9]) is ((0x08, 0x00), Tcp) || (type, frame[network + 6]) is ((0x86, 0xdd), Tcp);
    }

    /// <returns>Null when it does not read a TCP segment.</returns>
    public static OracleReading? Of(byte[] frame)
    {
        try
        {
            Packet packet = Packet.ParsePacket(LinkLayers.Ethernet, frame);
            return packet.Extract<IPPacket>() is { } ip && packet.Extract<TcpPacket>() is { } tcp
                ? new OracleReading(frame, packet, ip, tcp)
                : null;
        }
        catch (Exception e) when (IsRefusal(e))
        {
            return null;
        }
    }

    /// <summary>
    /// The options; null when it may not be asked, or cannot read them. It reads on behind the end of the list, and an option of length 0 keeps it busy for ever.
    /// </summary>
    public List<TcpOption>? Options
    {
        get
        {
            try
            {
                return IsListWhole() ? Segment.OptionsCollection ?? [] : null;
            }
            catch (Exception e) when (IsRefusal(e))
            {
                return null;
            }
        }
    }

    /// <summary>
    /// Why we do not take what it reads, by the numbers that it reads itself; null: there is no reason. It neither compares lengths with one another nor
    /// looks at an IP header's checksum, and takes fragments for segments.
    /// </summary>
    public string? ReasonToRefuse
    {
        get
        {
            int headerLength = Ip.HeaderLength * 4;
            int length = Ip is IPv4Packet ? Ip.TotalLength : 40 + Ip.PayloadLength;
            if (Ip is IPv4Packet v4)
            {
                if (headerLength < 20 || length < headerLength)
                {
                    return "RFC 791 3.1: the header is shorter than a header, or the packet shorter than that";
                }

                if (!v4.ValidIPChecksum)
                {
                    return "RFC 1122 3.2.1.2: the header's checksum is wrong";
                }

                if ((v4.FragmentFlags & 1) != 0 || v4.FragmentOffset != 0)
                {
                    return "RFC 791 3.2: a fragment";
                }
            }
            else
            {
                headerLength = 40;
                if (Ip.SourceAddress.IsIPv4MappedToIPv6 || Ip.DestinationAddress.IsIPv4MappedToIPv6)
                {
                    return "RFC 4942 2.2: IPv4-mapped addresses";
                }
            }

            if (length > _frame.Length - _network)
            {
                return "RFC 791 3.1, RFC 8200 3: the packet is cut off";
            }

            if (_network > Ethernet + TagLength || (_network > Ethernet && _frame[12] != 0x81))
            {
                return "IEEE 802.1Q: a tag of a provider, or more than one";
            }

            int header = Segment.DataOffset * 4;
            bool isVersionOfEthernet = _frame[_network] >> 4 == (_frame[_network - 2] == 8 ? 4 : 6);
            return !isVersionOfEthernet ? "RFC 894, RFC 2464 3: another version than Ethernet says"
                : header < 20 || header > length - headerLength ? "RFC 9293 3.1: a data offset that is impossible"
                : null;
        }
    }

    /// <summary>Where the packet begins, behind as many tags as there are.</summary>
    private static int NetworkOf(ReadOnlySpan<byte> frame)
    {
        int network = Ethernet;
        while (network + TagLength <= frame.Length && (frame[network - 2], frame[network - 1]) is (0x81, 0x00) or (0x88, 0xa8))
        {
            network += TagLength;
        }

        return network;
    }

    /// <summary>Whether each option ends within the list and nothing but zeros, the padding of RFC 9293 3.1, comes after the end of it.</summary>
    private bool IsListWhole()
    {
        ReadOnlySpan<byte> list = Segment.Options;
        while (!list.IsEmpty && list[0] != 0)
        {
            int length = list[0] == 1 ? 1 : list.Length < 2 ? 0 : list[1];
            if (length == 0 || length > list.Length || (length == 1 && list[0] != 1))
            {
                return false;
            }

            list = list[length..];
        }

        return !list.ContainsAnyExcept((byte)0);
    }

    private static bool IsRefusal(Exception e) => e is ArgumentException or IndexOutOfRangeException or InvalidOperationException or OverflowException
        or NotImplementedException or NotSupportedException or NullReferenceException;
}
