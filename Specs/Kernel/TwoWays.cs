using System.Net;
using System.Net.Sockets;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// A server with two cables to a router, and a client behind that: server - 10.77.1.0/24 and 10.77.4.0/24 - router - 10.77.3.0/24 - client,
/// and the same with fd77:N::/64. The first cable is the way to the client.
/// </summary>
internal sealed class TwoWays : IDisposable
{
    public TwoWays()
    {
        var server = NetworkNamespace.Create();
        var router = NetworkNamespace.Create();
        var client = NetworkNamespace.Create();
        foreach (NetworkNamespace each in new[] { server, router, client })
        {
            each.Sysctl("net.ipv6.conf.default.accept_dad", "0");
            each.Sysctl("net.ipv4.conf.all.rp_filter", "0");
            each.Sysctl("net.ipv4.conf.default.rp_filter", "0");
        }

        router.Sysctl("net.ipv4.ip_forward", "1");
        router.Sysctl("net.ipv6.conf.all.forwarding", "1");
        Cable(server, "server0", router, "router1");
        Cable(server, "server4", router, "router4");
        Cable(client, "client0", router, "router3");
        Server = new SpecHost(server, "server0", 1, hasIPv6: true, subnet: 1);
        Other = new SpecHost(server, "server4", 1, hasIPv6: true, subnet: 4);
        Gateway = new SpecHost(router, "router1", 2, hasIPv6: true, subnet: 1);
        OtherGateway = new SpecHost(router, "router4", 2, hasIPv6: true, subnet: 4);
        RouterToClient = new SpecHost(router, "router3", 1, hasIPv6: true, subnet: 3);
        Client = new SpecHost(client, "client0", 2, hasIPv6: true, subnet: 3);
        RouteBy(Gateway.IPv4, Server.LinkIndex);
        RouteBy(Gateway.IPv6, Server.LinkIndex);
        Client.Netlink.AddRoute(IPAddress.Parse("10.77.1.0"), 24, RouterToClient.IPv4);
        Client.Netlink.AddRoute(IPAddress.Parse("fd77:1::"), 64, RouterToClient.IPv6);
        foreach (SpecHost each in new[] { Server, Other, Gateway, OtherGateway, RouterToClient, Client })
        {
            each.AwaitIPv6();
        }
    }

    /// <summary>The server by its first cable.</summary>
    public SpecHost Server { get; }

    /// <summary>The server by its second cable.</summary>
    public SpecHost Other { get; }

    public SpecHost Gateway { get; }

    public SpecHost OtherGateway { get; }

    public SpecHost Client { get; }

    private SpecHost RouterToClient { get; }

    /// <summary>From now on the server reaches the client in this way.</summary>
    public void RouteBy(IPAddress gateway, int linkIndex) => Server.Netlink.AddRoute(
        IPAddress.Parse(gateway.AddressFamily == AddressFamily.InterNetwork ? "10.77.3.0" : "fd77:3::"),
        gateway.AddressFamily == AddressFamily.InterNetwork ? 24 : 64, gateway, linkIndex);

    public void Dispose()
    {
        foreach (SpecHost each in new[] { Server, Other, Gateway, OtherGateway, RouterToClient, Client })
        {
            each.Dispose();
        }
    }

    private static void Cable(NetworkNamespace one, string oneLink, NetworkNamespace other, string otherLink) => one.Run(() =>
    {
        using var netlink = new RtNetlink();
        netlink.CreateVethPair(oneLink, otherLink, other);
    });
}
