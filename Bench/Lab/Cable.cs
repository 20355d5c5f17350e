using System.Net;
using TcpActors.Engine.Wire;
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

    private const int PrefixLength = 24;
    private static readonly IPAddress s_network = IPAddress.Parse("10.77.0.0");

    private readonly List<OwnedTable> _losses = [];

    /// <exception cref="IOException">The right to make namespaces is missing.</exception>
    public Cable(CableOptions options)
    {
        Server.Run(() =>
        {
            using var netlink = new RtNetlink();
            netlink.CreateVethPair(ServerInterface, LoadInterface, Load);
            Up(netlink, ServerInterface, ServerAddress, options.CongestionControl);
        });
        Load.Run(() =>
        {
            using var netlink = new RtNetlink();
            Up(netlink, LoadInterface, LoadAddress, options.CongestionControl);
        });

        // As many connections one after the other as the port numbers allow.
        Load.Sysctl("net.ipv4.ip_local_port_range", "1024 65535");
        if (!options.Offloads)
        {
            LinkOffloads.SwitchOff(Server, ServerInterface);
            LinkOffloads.SwitchOff(Load, LoadInterface);
        }

        if (options.LostToServer is { } atServer)
        {
            _losses.Add(Server.Run(() => RandomLoss.At(ServerInterface, atServer)));
        }

        if (options.LostToLoad is { } atLoad)
        {
            _losses.Add(Load.Run(() => RandomLoss.At(LoadInterface, atLoad)));
        }
    }

    public static IPAddress ServerAddress { get; } = IPAddress.Parse("10.77.0.1");

    public static IPAddress LoadAddress { get; } = IPAddress.Parse("10.77.0.2");

    /// <summary>On the cable and in no kernel: for a stack of one's own at the server's end.</summary>
    public static IPAddress SpareAddress { get; } = IPAddress.Parse("10.77.0.3");

    public NetworkNamespace Server { get; } = NetworkNamespace.Create();

    public NetworkNamespace Load { get; } = NetworkNamespace.Create();

    /// <summary>The load's network card gets another MAC address, and the server's neighbour table is told so.</summary>
    /// <returns>When that table was told, in nanoseconds since 1970.</returns>
    public long ChangeLoadMac(MacAddress mac)
    {
        Load.Run(() =>
        {
            using var netlink = new RtNetlink();
            netlink.SetLinkMac(netlink.Link(LoadInterface)!.Index, mac);
        });
        return Server.Run(() =>
        {
            using var netlink = new RtNetlink();
            int link = netlink.Link(ServerInterface)!.Index;
            long now = (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
            netlink.SetNeighbor(link, LoadAddress, mac);
            return now;
        });
    }

    public void Dispose()
    {
        _losses.ForEach(loss => loss.Dispose());
        Server.Dispose();
        Load.Dispose();
    }

    // Congestion control by the route: only the initial namespace may make a default of one that users are not allowed.
    private static void Up(RtNetlink netlink, string name, IPAddress address, string congestionControl)
    {
        int index = netlink.Link(name)!.Index;
        netlink.AddAddress(index, address, PrefixLength);
        netlink.SetLinkUp(index);
        netlink.AddRoute(s_network, PrefixLength, gateway: null, index, address, congestionControl: congestionControl);
        netlink.SetLinkUp(netlink.Link("lo")!.Index);
    }
}
