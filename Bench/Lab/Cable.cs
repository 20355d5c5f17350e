using System.Net;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Bench.Lab;

/// <summary>
/// Two network namespaces joined by a veth pair. They have no name and vanish with the last process in them, also after <c>kill -9</c>. Each
/// contender has a pair of its own, so that what one leaves at its interface costs the other nothing.
/// </summary>
internal sealed class Cable : IDisposable
{
    public const string ServerInterface = "server0";
    public const string LoadInterface = "load0";

    /// <summary>
    /// The engine's. On a kernel whose default is BBR its pacing would hold the kernel back (seen: 24 Gbit/s for 70), and the ratio would
    /// flatter.
    /// </summary>
    public const string CongestionControl = "reno";

    private const int PrefixLength = 24;

    /// <exception cref="IOException">The right to make namespaces is missing.</exception>
    public Cable(bool linkOffloads)
    {
        Server.Run(() =>
        {
            using var netlink = new RtNetlink();
            netlink.CreateVethPair(ServerInterface, LoadInterface, Load);
            Up(netlink, ServerInterface, ServerAddress);
        });
        Load.Run(() =>
        {
            using var netlink = new RtNetlink();
            Up(netlink, LoadInterface, LoadAddress);
        });

        // As many connections one after the other as the port numbers allow.
        Load.Sysctl("net.ipv4.ip_local_port_range", "1024 65535");
        foreach (NetworkNamespace each in (NetworkNamespace[])[Server, Load])
        {
            each.Sysctl("net.ipv4.tcp_congestion_control", CongestionControl);
        }

        if (!linkOffloads)
        {
            LinkOffloads.SwitchOff(Server, ServerInterface);
            LinkOffloads.SwitchOff(Load, LoadInterface);
        }
    }

    public static IPAddress ServerAddress { get; } = IPAddress.Parse("10.77.0.1");

    public static IPAddress LoadAddress { get; } = IPAddress.Parse("10.77.0.2");

    /// <summary>On the cable and in no kernel: for a stack of one's own at the server's end.</summary>
    public static IPAddress SpareAddress { get; } = IPAddress.Parse("10.77.0.3");

    public NetworkNamespace Server { get; } = NetworkNamespace.Create();

    public NetworkNamespace Load { get; } = NetworkNamespace.Create();

    public void Dispose()
    {
        Server.Dispose();
        Load.Dispose();
    }

    private static void Up(RtNetlink netlink, string name, IPAddress address)
    {
        int index = netlink.Link(name)!.Index;
        netlink.AddAddress(index, address, PrefixLength);
        netlink.SetLinkUp(index);
        netlink.SetLinkUp(netlink.Link("lo")!.Index);
    }
}
