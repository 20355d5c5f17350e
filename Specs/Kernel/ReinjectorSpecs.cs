using System.Buffers.Binary;
using System.Net;
using TcpActors.Engine.Wire;
using TcpActors.HostSide.Kernel;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Netlink;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>What goes back to the stack, whatever a peer has sent.</summary>
public sealed class ReinjectorSpecs
{
    private const int Ethernet = 14;

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_has_no_whole_TCP_header_or_is_not_TCP_is_dropped_and_counted(bool ipv4)
    {
        using NetworkNamespace network = NewNetwork();
        using Reinjector reinjector = network.Run(() => new Reinjector());
        for (int length = 0; length < 20; length++)
        {
            byte[] runt = Packet(ipv4, tcpLength: length);
            reinjector.Inject(runt, scope: 0);
        }

        byte[] other = Packet(ipv4, tcpLength: 20);
        SetProtocol(other, 17);
        reinjector.Inject(other, scope: 0);
        Assert.Equal((0, 21), (reinjector.Injected, reinjector.Dropped));

        reinjector.Inject(Packet(ipv4, tcpLength: 20), scope: 0);
        Assert.Equal((1, 21), (reinjector.Injected, reinjector.Dropped));
    }

    /// <summary>One with loopback alone, where nobody listens.</summary>
    private static NetworkNamespace NewNetwork()
    {
        var network = NetworkNamespace.Create();
        using RtNetlink netlink = network.Run(() => new RtNetlink());
        netlink.SetLinkUp(netlink.Link("lo")!.Index);
        return network;
    }

    /// <summary>An IP packet whose TCP header is cut off when it is to be shorter than that.</summary>
    private static byte[] Packet(bool ipv4, int tcpLength)
    {
        string address = ipv4 ? "127.0.0.1" : "[::1]";
        byte[] packet = new FrameBuilder
        {
            Flow = FlowKey.From(IPEndPoint.Parse($"{address}:40000"), IPEndPoint.Parse($"{address}:80")),
            Flags = TcpFlags.Ack | TcpFlags.Fin,
            Payload = new byte[Math.Max(0, tcpLength - 20)],
        }.ToArray()[Ethernet..];
        packet = packet[..((ipv4 ? 20 : 40) + tcpLength)];
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(ipv4 ? 2 : 4), (ushort)(ipv4 ? packet.Length : tcpLength));
        SetProtocol(packet, IpPacket.Tcp);
        return packet;
    }

    private static void SetProtocol(byte[] packet, byte protocol)
    {
        bool ipv4 = packet[0] >> 4 == 4;
        packet[ipv4 ? 9 : 6] = protocol;
        if (ipv4)
        {
            packet.AsSpan(10, 2).Clear();
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), InternetChecksum.Of(packet.AsSpan(0, 20)));
        }
    }
}
