using System.Net;
using System.Net.Sockets;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// A server and a client with two routers in between: server - 10.77.1.0/24 - near - 10.77.2.0/24 - far - 10.77.3.0/24 - client, and the same
/// with fd77:N::/64. Only the link between the routers has a small MTU, so that neither end knows of it.
/// </summary>
internal sealed class RoutedHosts : IDisposable
{
    private readonly List<SpecHost> _routers = [];

    /// <param name="middleMtu">Bytes of an IP packet between the routers; at least 1,280.</param>
    public RoutedHosts(int middleMtu)
    {
        var near = NetworkNamespace.Create();
        var far = NetworkNamespace.Create();
        var server = NetworkNamespace.Create();
        var client = NetworkNamespace.Create();
        Cable(server, "server0", near, "near1", mtu: null);
        Cable(near, "near2", far, "far2", middleMtu);
        Cable(far, "far3", client, "client0", mtu: null);
        Server = new SpecHost(server, "server0", 1, hasIPv6: true, subnet: 1);
        Client = new SpecHost(client, "client0", 2, hasIPv6: true, subnet: 3);
        SpecHost near1 = Router(near, "near1", 2, subnet: 1);
        Near = near1;
        SpecHost near2 = Router(near, "near2", 1, subnet: 2);
        SpecHost far2 = Router(far, "far2", 2, subnet: 2);
        SpecHost far3 = Router(far, "far3", 1, subnet: 3);
        Route(Server, near1, subnet: 3);
        Route(near2, far2, subnet: 3);
        Route(far2, near2, subnet: 1);
        Route(Client, far3, subnet: 1);
    }

    public SpecHost Server { get; }

    /// <summary>The router next to the server.</summary>
    public SpecHost Near { get; }

    public SpecHost Client { get; }

    public void Dispose()
    {
        Server.Dispose();
        Client.Dispose();
        _routers.ForEach(router => router.Dispose());
    }

    private static void Cable(NetworkNamespace one, string oneLink, NetworkNamespace other, string otherLink, int? mtu)
    {
        one.Sysctl("net.ipv6.conf.default.accept_dad", "0");
        other.Sysctl("net.ipv6.conf.default.accept_dad", "0");
        one.Run(() =>
        {
            using var netlink = new RtNetlink();
            netlink.CreateVethPair(oneLink, otherLink, other, mtu);
        });
    }

    private static void Route(SpecHost from, SpecHost to, int subnet)
    {
        from.Netlink.AddRoute(IPAddress.Parse($"10.77.{subnet}.0"), 24, to.Address(AddressFamily.InterNetwork));
        from.Netlink.AddRoute(IPAddress.Parse($"fd77:{subnet}::"), 64, to.Address(AddressFamily.InterNetworkV6));
    }

    private SpecHost Router(NetworkNamespace network, string link, int number, int subnet)
    {
        network.Sysctl("net.ipv4.ip_forward", "1");
        network.Sysctl("net.ipv6.conf.all.forwarding", "1");
        var router = new SpecHost(network, link, number, hasIPv6: true, subnet);
        _routers.Add(router);
        return router;
    }
}
