using System.Buffers.Binary;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Wire;

/// <summary>Writes the fixed part of each header of a frame.</summary>
internal static class FrameHeaders
{
    private const ushort DontFragment = 0x4000;

    /// <returns>Bytes written: 14 or 18.</returns>
    public static int WriteEthernet(Span<byte> to, MacAddress destination, MacAddress source, MacEncapsulation encapsulation, bool isIPv4)
    {
        destination.CopyTo(to);
        source.CopyTo(to[6..]);
        int at = 12;
        if (encapsulation.IsTagged)
        {
            BinaryPrimitives.WriteUInt16BigEndian(to[at..], IpFrame.VlanEtherType);
            BinaryPrimitives.WriteUInt16BigEndian(to[(at + 2)..], (ushort)(encapsulation.Priority << 13 | encapsulation.VlanId));
            at += 4;
        }

        BinaryPrimitives.WriteUInt16BigEndian(to[at..], isIPv4 ? IpFrame.IPv4EtherType : IpFrame.IPv6EtherType);
        return at + 2;
    }

    /// <summary>Writes an IPv4 or IPv6 header for a TCP segment; lengths, identification and header checksum are zero.</summary>
    /// <returns>Bytes written: 20 or 40.</returns>
    public static int WriteIp(Span<byte> to, in FlowKey flow, byte ttl, byte tos)
    {
        if (!flow.IsIPv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(to, 6u << 28 | (uint)tos << 20);
            to[4] = to[5] = 0;
            to[6] = IpPacket.Tcp;
            to[7] = ttl;
            flow.LocalAddress.WriteTo(to[8..]);
            flow.RemoteAddress.WriteTo(to[24..]);
            return IpPacket.IPv6HeaderLength;
        }

        to[..IpPacket.IPv4HeaderLength].Clear();
        to[0] = 0x45;
        to[1] = tos;

        // RFC 1191 3: every packet of a connection that learns its path MTU has DF set.
        BinaryPrimitives.WriteUInt16BigEndian(to[6..], DontFragment);
        to[8] = ttl;
        to[9] = IpPacket.Tcp;
        flow.LocalAddress.WriteTo(to[12..]);
        flow.RemoteAddress.WriteTo(to[16..]);
        return IpPacket.IPv4HeaderLength;
    }

    /// <summary>Completes what <see cref="WriteIp"/> left zero.</summary>
    /// <param name="ip">The IP header.</param>
    /// <param name="isIPv4">Its family.</param>
    /// <param name="id">IPv4 identification.</param>
    /// <param name="tcpLength">Bytes of TCP header and payload.</param>
    /// <param name="sum">The header's sum as <see cref="WriteIp"/> left it.</param>
    public static void CompleteIp(Span<byte> ip, bool isIPv4, ushort id, int tcpLength, InternetChecksum sum)
    {
        if (!isIPv4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)tcpLength);
            return;
        }

        ushort totalLength = (ushort)(IpPacket.IPv4HeaderLength + tcpLength);
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], totalLength);
        BinaryPrimitives.WriteUInt16BigEndian(ip[4..], id);
        sum.Add(totalLength);
        sum.Add(id);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], sum.Value);
    }
}
