using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using PacketDotNet;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// Two hosts that know each other's MAC, so that no TCP or ARP passes the cable but what a spec sends and what the kernel answers to it.
/// Nobody listens: the kernel answers an ACK with a reset, which shows that it speaks for the flow.
/// </summary>
internal sealed class BpfLine : IDisposable
{
    private readonly TwoHosts _hosts = new();

    public BpfLine()
    {
        foreach (var (host, other) in new[] { (_hosts.Server, _hosts.Client), (_hosts.Client, _hosts.Server) })
        {
            host.Netlink.SetNeighbor(host.LinkIndex, other.IPv4, other.Mac);
            host.Netlink.SetNeighbor(host.LinkIndex, other.IPv6, other.Mac);
        }
    }

    public NetworkNamespace Us => _hosts.Server.Namespace;

    public NetworkNamespace Peer => _hosts.Client.Namespace;

    public int OurIndex => _hosts.Server.LinkIndex;

    public int PeerIndex => _hosts.Client.LinkIndex;

    public void Dispose() => _hosts.Dispose();

    /// <summary>A flow between us and the peer, as its owner sees it.</summary>
    public FlowKey Flow(bool ipv6, ushort localPort)
    {
        var family = ipv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        return FlowKey.From(
            new IPEndPoint(_hosts.Server.Address(family), localPort), new IPEndPoint(_hosts.Client.Address(family), 40000));
    }

    /// <summary>An ACK from the peer to us, which our kernel answers when it may.</summary>
    public byte[] Received(in FlowKey flow) => Frame(flow.Reversed, _hosts.Client.Mac, _hosts.Server.Mac, reset: false);

    /// <summary>A reset from us to the peer, which nobody answers.</summary>
    public byte[] Sent(in FlowKey flow) => Frame(flow, _hosts.Server.Mac, _hosts.Client.Mac, reset: true);

    /// <summary>Is this frame a reset from us to the peer on that flow?</summary>
    public static bool IsReset(byte[] frame, in FlowKey flow)
    {
        var tcp = Packet.ParsePacket(LinkLayers.Ethernet, frame).Extract<TcpPacket>();
        return tcp is { Reset: true } && tcp.SourcePort == flow.LocalPort && tcp.DestinationPort == flow.RemotePort;
    }

    private static byte[] Frame(in FlowKey flow, MacAddress from, MacAddress to, bool reset)
    {
        var tcp = new TcpPacket(flow.LocalPort, flow.RemotePort)
        {
            Acknowledgment = true,
            Reset = reset,
            SequenceNumber = 1000,
            AcknowledgmentNumber = 2000,
            WindowSize = 1000,
        };
        IPPacket ip = flow.IsIPv4
            ? new IPv4Packet(flow.LocalAddress.ToIPAddress(), flow.RemoteAddress.ToIPAddress()) { TimeToLive = 64 }
            : new IPv6Packet(flow.LocalAddress.ToIPAddress(), flow.RemoteAddress.ToIPAddress()) { TimeToLive = 64 };
        ip.PayloadPacket = tcp;
        var type = flow.IsIPv4 ? EthernetType.IPv4 : EthernetType.IPv6;
        var frame = new EthernetPacket(Mac(from), Mac(to), type) { PayloadPacket = ip };
        tcp.UpdateTcpChecksum();
        if (ip is IPv4Packet ipv4)
            ipv4.UpdateIPChecksum();
        return frame.Bytes;
    }

    private static PhysicalAddress Mac(MacAddress mac) => PhysicalAddress.Parse(mac.ToString().ToUpperInvariant().Replace(':', '-'));
}
