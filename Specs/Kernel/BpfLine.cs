using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using PacketDotNet;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// Two network namespaces joined by a veth pair with fixed indexes, MACs, addresses and neighbours, so that nothing is sent but what a spec
/// sends and what the kernel answers to it. Nobody listens: the kernel answers an ACK with a reset, which shows that it speaks for the flow.
/// </summary>
internal sealed class BpfLine : IDisposable
{
    public const int OurIndex = 10, PeerIndex = 11;

    private static readonly PhysicalAddress _ourMac = PhysicalAddress.Parse("02-00-00-00-00-01");
    private static readonly PhysicalAddress _peerMac = PhysicalAddress.Parse("02-00-00-00-00-02");

    public BpfLine()
    {
        Us = NetworkNamespace.Create();
        Peer = NetworkNamespace.Create();
        Us.Run(() => Ip($"link add us index {OurIndex} address 02:00:00:00:00:01 type veth peer name peer index {PeerIndex} "
            + $"address 02:00:00:00:00:02 netns /proc/{Environment.ProcessId}/fd/{Peer.Handle.DangerousGetHandle()}"));
        Us.Run(() => SetUp("us", 1, 2));
        Peer.Run(() => SetUp("peer", 2, 1));
    }

    public NetworkNamespace Us { get; }

    public NetworkNamespace Peer { get; }

    public void Dispose()
    {
        Us.Dispose();
        Peer.Dispose();
    }

    /// <summary>A flow between us and the peer, as its owner sees it.</summary>
    public static FlowKey Flow(bool ipv6, ushort localPort) =>
        FlowKey.From(new IPEndPoint(Address(ipv6, 1), localPort), new IPEndPoint(Address(ipv6, 2), 40000));

    /// <summary>An ACK from the peer to us.</summary>
    public static EthernetPacket Received(in FlowKey flow) => Ack(flow.Reversed, _peerMac, _ourMac);

    /// <summary>An ACK from us to the peer.</summary>
    public static EthernetPacket Sent(in FlowKey flow) => Ack(flow, _ourMac, _peerMac);

    /// <summary>Is this frame a reset from us to the peer on that flow?</summary>
    public static bool IsReset(byte[] frame, in FlowKey flow)
    {
        var tcp = Packet.ParsePacket(LinkLayers.Ethernet, frame).Extract<TcpPacket>();
        return tcp is { Reset: true } && tcp.SourcePort == flow.LocalPort && tcp.DestinationPort == flow.RemotePort;
    }

    /// <summary>Runs ip(8) in the calling thread's namespace.</summary>
    public static void Ip(string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {arguments}: {errors}");
    }

    private static void SetUp(string name, int own, int other)
    {
        // Without duplicate address detection and router solicitations the line stays silent.
        File.WriteAllText($"/proc/sys/net/ipv6/conf/{name}/accept_dad", "0");
        File.WriteAllText($"/proc/sys/net/ipv6/conf/{name}/router_solicitations", "0");
        Ip($"addr add {Address(ipv6: false, own)}/24 dev {name}");
        Ip($"addr add {Address(ipv6: true, own)}/64 dev {name} nodad");
        Ip($"link set {name} up");
        foreach (var ipv6 in new[] { false, true })
            Ip($"neigh add {Address(ipv6, other)} lladdr 02:00:00:00:00:0{other} nud permanent dev {name}");
    }

    private static IPAddress Address(bool ipv6, int host) => IPAddress.Parse(ipv6 ? $"fd00:77::{host}" : $"10.77.0.{host}");

    private static EthernetPacket Ack(in FlowKey flow, PhysicalAddress from, PhysicalAddress to)
    {
        var tcp = new TcpPacket(flow.LocalPort, flow.RemotePort)
        {
            Acknowledgment = true,
            SequenceNumber = 1000,
            AcknowledgmentNumber = 2000,
            WindowSize = 1000,
        };
        IPPacket ip = flow.IsIPv4
            ? new IPv4Packet(flow.LocalAddress.ToIPAddress(), flow.RemoteAddress.ToIPAddress()) { TimeToLive = 64 }
            : new IPv6Packet(flow.LocalAddress.ToIPAddress(), flow.RemoteAddress.ToIPAddress()) { TimeToLive = 64 };
        ip.PayloadPacket = tcp;
        var frame = new EthernetPacket(from, to, flow.IsIPv4 ? EthernetType.IPv4 : EthernetType.IPv6) { PayloadPacket = ip };
        tcp.UpdateTcpChecksum();
        if (ip is IPv4Packet ipv4)
            ipv4.UpdateIPChecksum();
        return frame;
    }
}
