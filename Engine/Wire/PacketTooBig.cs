using System.Buffers.Binary;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Wire;

/// <summary>
/// A router's word that a packet of ours does not fit the path: ICMP "fragmentation needed and DF set" (RFC 792, RFC 1191 4) or ICMPv6
/// "packet too big" (RFC 4443 3.2, RFC 8201).
/// </summary>
/// <param name="Flow">The connection whose packet it quotes; our side is local.</param>
/// <param name="Seq">Sequence number of the quoted segment: believe it only when it is in flight (RFC 5927 7.2).</param>
/// <param name="NextHopMtu">The largest IP packet that fits, in bytes; 0 from an IPv4 router that does not say (RFC 1191 5).</param>
/// <param name="QuotedLength">Bytes of the packet that did not fit.</param>
public readonly record struct PacketTooBig(FlowKey Flow, SeqNum Seq, uint NextHopMtu, int QuotedLength)
{
    private const int IcmpHeaderLength = 8;

    /// <param name="frame">A whole received frame.</param>
    /// <param name="ip">What <see cref="IpFrame.TryParse(ReadOnlySpan{byte}, out IpFrame)"/> made of it.</param>
    /// <param name="tooBig">What it reports.</param>
    /// <returns>
    /// False for any other packet, a wrong checksum, and a quotation that is not the beginning of a TCP segment which the addressed host
    /// sent.
    /// </returns>
    public static bool TryParse(ReadOnlySpan<byte> frame, in IpFrame ip, out PacketTooBig tooBig)
    {
        tooBig = default;
        ReadOnlySpan<byte> icmp = ip.PayloadOf(frame);
        if (ip.IsFragment || icmp.Length < IcmpHeaderLength)
        {
            return false;
        }

        uint mtu;
        switch (ip.Protocol, icmp[0], icmp[1])
        {
            case (IpPacket.Icmp, 3, 4) when ip.IsIPv4 && InternetChecksum.Of(icmp) == 0:
                mtu = BinaryPrimitives.ReadUInt16BigEndian(icmp[6..]);
                break;
            case (IpPacket.IcmpV6, 2, _) when !ip.IsIPv4 && ip.Packet.HasValidChecksum(icmp):
                mtu = BinaryPrimitives.ReadUInt32BigEndian(icmp[4..]);
                break;
            default:
                return false;
        }

        ReadOnlySpan<byte> quoted = icmp[IcmpHeaderLength..];
        if (!IpPacket.TryParseQuoted(quoted, out IpPacket sent) || sent.IsIPv4 != ip.IsIPv4 || sent.IsFragment ||
            sent.Protocol != IpPacket.Tcp || sent.SourceAddress != ip.DestinationAddress || quoted.Length < sent.PayloadOffset + 8)
        {
            return false;
        }

        // RFC 792: at least eight bytes of the segment are quoted, which is ports and sequence number.
        ReadOnlySpan<byte> tcp = quoted.Slice(sent.PayloadOffset, 8);
        var flow = new FlowKey(
            sent.SourceAddress,
            sent.DestinationAddress,
            BinaryPrimitives.ReadUInt16BigEndian(tcp),
            BinaryPrimitives.ReadUInt16BigEndian(tcp[2..]));
        tooBig = new PacketTooBig(flow, new SeqNum(BinaryPrimitives.ReadUInt32BigEndian(tcp[4..])), mtu, sent.Length);
        return true;
    }
}
