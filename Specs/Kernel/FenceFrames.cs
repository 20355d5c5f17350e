using System.Net.NetworkInformation;
using System.Net.Sockets;
using PacketDotNet;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;

namespace TcpActors.Specs.Kernel;

/// <summary>Segments of a live connection that others than its owner might send.</summary>
internal static class FenceFrames
{
    /// <summary>From the peer to us: an IP packet with an acknowledgement of all we sent.</summary>
    public static byte[] Acknowledgement(Connection connection, in SegmentVariants now) => Packet(
        new TcpPacket((ushort)connection.RemoteEndPoint.Port, (ushort)connection.LocalEndPoint.Port)
        {
            Acknowledgment = true,
            SequenceNumber = now.RcvNxt.Value,
            AcknowledgmentNumber = now.SndNxt.Value,
            WindowSize = 1000,
        },
        connection.RemoteEndPoint.Address,
        connection.LocalEndPoint.Address).Bytes;

    /// <summary>From us to the peer: an Ethernet frame with a reset where the peer expects the next byte (RFC 5961 3.2).</summary>
    public static byte[] Reset(Connection connection, in SegmentVariants now, MacAddress from, MacAddress to)
    {
        IPPacket packet = Packet(
            new TcpPacket((ushort)connection.LocalEndPoint.Port, (ushort)connection.RemoteEndPoint.Port)
            {
                Reset = true,
                SequenceNumber = now.SndNxt.Value,
            },
            connection.LocalEndPoint.Address,
            connection.RemoteEndPoint.Address);
        EthernetType type = packet is IPv4Packet ? EthernetType.IPv4 : EthernetType.IPv6;
        return new EthernetPacket(Mac(from), Mac(to), type) { PayloadPacket = packet }.Bytes;
    }

    private static IPPacket Packet(TcpPacket segment, System.Net.IPAddress from, System.Net.IPAddress to)
    {
        IPPacket packet = from.AddressFamily == AddressFamily.InterNetwork
            ? new IPv4Packet(from, to) { TimeToLive = 64 }
            : new IPv6Packet(from, to) { TimeToLive = 64 };
        packet.PayloadPacket = segment;
        segment.UpdateTcpChecksum();
        (packet as IPv4Packet)?.UpdateIPChecksum();
        return packet;
    }

    private static PhysicalAddress Mac(MacAddress mac) => PhysicalAddress.Parse(mac.ToString().ToUpperInvariant().Replace(':', '-'));
}
