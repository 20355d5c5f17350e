using System.Net;
using System.Net.Sockets;
using System.Text;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Netlink;
using Xunit;

namespace TcpActors.Specs.Kernel;

public sealed class NetlinkRouteSpecs
{
    [KernelFact]
    public void A_new_namespace_has_nothing_but_a_loopback_interface_that_is_down()
    {
        using var network = NetworkNamespace.Create();
        using var netlink = network.Run(() => new RtNetlink());

        var link = Assert.Single(netlink.Links());

        Assert.Equal("lo", link.Name);
        Assert.True(link.IsLoopback);
        Assert.False(link.IsUp);
    }

    [KernelFact]
    public void The_calling_thread_stays_where_it_is()
    {
        using var network = NetworkNamespace.Create();
        static string Name() => File.ResolveLinkTarget("/proc/thread-self/ns/net", returnFinalTarget: false)!.Name;
        var before = Name();

        var inside = network.Run(Name);

        Assert.NotEqual(before, inside, StringComparer.Ordinal);
        Assert.Equal(before, Name());
    }

    [KernelFact]
    public void A_sysctl_is_set_in_its_namespace_only()
    {
        using var one = NetworkNamespace.Create();
        using var other = NetworkNamespace.Create();

        one.Sysctl("net.ipv4.tcp_sack", "0");

        Assert.Equal("0", one.Sysctl("net.ipv4.tcp_sack"));
        Assert.Equal("1", other.Sysctl("net.ipv4.tcp_sack"));
    }

    [KernelFact]
    public void An_unknown_sysctl_and_a_refused_value_are_errors()
    {
        using var network = NetworkNamespace.Create();

        Assert.Throws<FileNotFoundException>(() => network.Sysctl("net.ipv4.no_such_key", "1"));
        Assert.Throws<IOException>(() => network.Sysctl("net.ipv4.tcp_sack", "many"));
    }

    [KernelFact]
    public void A_failure_inside_a_namespace_is_the_callers()
    {
        using var network = NetworkNamespace.Create();

        Assert.Throws<InvalidTimeZoneException>(() => network.Run(() => throw new InvalidTimeZoneException()));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void A_veth_pair_carries_traffic_between_its_namespaces(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        using var connection = hosts.Connect(family);

        connection.Client.Send("across"u8);
        var received = new byte[16];
        var count = connection.Server.Receive(received);

        Assert.Equal("across", Encoding.UTF8.GetString(received, 0, count));
        var link = hosts.Server.Netlink.Link(hosts.Server.Link)!;
        Assert.Equal("veth", link.Kind);
        Assert.True(link.IsUp && link.IsRunning);
    }

    [KernelFact]
    public void A_link_tells_its_MTU_and_MAC_address_and_takes_new_ones()
    {
        using var hosts = new TwoHosts(mtu: 9000);
        var netlink = hosts.Server.Netlink;
        Assert.Equal(9000, netlink.Link(hosts.Server.LinkIndex)!.Mtu);

        netlink.SetLinkMtu(hosts.Server.LinkIndex, 576);
        netlink.SetLinkMac(hosts.Server.LinkIndex, MacAddress.Parse("02:00:00:00:77:01"));

        var link = Assert.Single(netlink.Links(), l => l.Index == hosts.Server.LinkIndex);
        Assert.Equal(576, link.Mtu);
        Assert.Equal("02:00:00:00:77:01", link.Mac.ToString());
    }

    [KernelFact]
    public void A_deleted_link_is_gone_and_a_missing_one_is_null()
    {
        using var hosts = new TwoHosts();
        hosts.Server.Netlink.DeleteLink(hosts.Server.LinkIndex);

        Assert.Null(hosts.Server.Netlink.Link(hosts.Server.LinkIndex));
        Assert.Null(hosts.Client.Netlink.Link("client0"));
    }

    [KernelFact]
    public void What_the_kernel_refuses_is_told_in_its_own_words()
    {
        using var hosts = new TwoHosts();

        var again = Assert.Throws<NetlinkException>(() => hosts.Server.Netlink.CreateVethPair("server0", "client0"));
        var unreachable = Assert.Throws<NetlinkException>(
            () => hosts.Server.Netlink.AddRoute(IPAddress.Parse("192.0.2.0"), 24, IPAddress.Parse("198.51.100.1")));

        Assert.Equal(17, again.Errno);
        Assert.Contains("create the veth pair server0 and client0", again.Message, StringComparison.Ordinal);
        Assert.Equal("Nexthop has invalid gateway", unreachable.KernelMessage);
    }

    [KernelFact]
    public void Addresses_are_listed_with_their_prefix()
    {
        using var hosts = new TwoHosts();

        var addresses = hosts.Server.Netlink.Addresses();

        Assert.Contains(new AddressInfo(hosts.Server.LinkIndex, IPAddress.Parse("10.77.0.1"), 24), addresses);
        Assert.Contains(new AddressInfo(hosts.Server.LinkIndex, IPAddress.Parse("fd77::1"), 64), addresses);
    }

    [KernelTheory]
    [InlineData("192.0.2.0", 24, "192.0.2.9", "10.77.0.1", "10.77.0.2")]
    [InlineData("2001:db8::", 32, "2001:db8::9", "fd77::1", "fd77::2")]
    public void A_route_tells_gateway_interface_source_and_MTU(string network, int bits, string destination, string source, string gateway)
    {
        using var hosts = new TwoHosts();
        hosts.Server.Netlink.AddRoute(IPAddress.Parse(network), bits, IPAddress.Parse(gateway), mtu: 1400);

        var route = hosts.Server.Netlink.GetRoute(IPAddress.Parse(destination), IPAddress.Parse(source))!;

        Assert.Equal(RouteType.Unicast, route.Type);
        Assert.Equal(hosts.Server.LinkIndex, route.LinkIndex);
        Assert.Equal(IPAddress.Parse(gateway), route.Gateway);
        Assert.Equal(1400, route.Mtu);
        Assert.Equal(IPAddress.Parse(source), hosts.Server.Netlink.GetRoute(IPAddress.Parse(destination))!.PreferredSource);
    }

    [KernelTheory]
    [InlineData("10.77.0.1", RouteType.Local)]
    [InlineData("fd77::1", RouteType.Local)]
    [InlineData("10.77.0.2", RouteType.Unicast)]
    [InlineData("fd77::2", RouteType.Unicast)]
    public void A_neighbour_is_its_own_next_hop_and_an_own_address_is_local(string destination, RouteType type)
    {
        using var hosts = new TwoHosts();

        var route = hosts.Server.Netlink.GetRoute(IPAddress.Parse(destination))!;

        Assert.Equal(type, route.Type);
        Assert.Null(route.Gateway);
        Assert.Null(route.Mtu);
    }

    [KernelTheory]
    [InlineData("192.0.2.1")]
    [InlineData("2001:db8::1")]
    public void There_is_no_route_to_what_cannot_be_reached(string destination)
    {
        using var hosts = new TwoHosts();

        Assert.Null(hosts.Server.Netlink.GetRoute(IPAddress.Parse(destination)));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void A_neighbour_is_resolved_probed_confirmed_and_deleted(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        var (netlink, index, client) = (hosts.Server.Netlink, hosts.Server.LinkIndex, hosts.Client.Address(family));
        using var monitor = hosts.Server.Run(() => new RtNetlinkMonitor());
        Assert.Null(netlink.Neighbor(index, client));
        Assert.False(netlink.ProbeNeighbor(index, client));

        netlink.ResolveNeighbor(index, client);
        var resolved = monitor.Await<NeighborChanged>(e => e.Neighbor is { State: NeighborState.Reachable } n && n.Address.Equals(client));
        Assert.Equal(hosts.Client.Mac, resolved.Neighbor.Mac);

        netlink.SetNeighbor(index, client, hosts.Client.Mac, NeighborState.Stale);
        Assert.True(netlink.ConfirmNeighbor(index, client, hosts.Client.Mac));
        Assert.Equal(NeighborState.Reachable, netlink.Neighbor(index, client)!.State);

        netlink.SetNeighbor(index, client, hosts.Client.Mac, NeighborState.Stale);
        Assert.True(netlink.ProbeNeighbor(index, client));
        monitor.Await<NeighborChanged>(e => e.Neighbor.State == NeighborState.Probe && e.Neighbor.Address.Equals(client));
        monitor.Await<NeighborChanged>(e => e.Neighbor.State == NeighborState.Reachable && e.Neighbor.Address.Equals(client));

        Assert.True(netlink.DeleteNeighbor(index, client));
    }

    [KernelFact]
    public void A_permanent_neighbour_is_left_alone()
    {
        using var hosts = new TwoHosts();
        var (netlink, index) = (hosts.Server.Netlink, hosts.Server.LinkIndex);
        netlink.SetNeighbor(index, hosts.Client.IPv4, hosts.Client.Mac);

        Assert.False(netlink.ProbeNeighbor(index, hosts.Client.IPv4));
        Assert.False(netlink.ConfirmNeighbor(index, hosts.Client.IPv4, hosts.Client.Mac));

        Assert.Equal(NeighborState.Permanent, netlink.Neighbor(index, hosts.Client.IPv4)!.State);
        Assert.Contains(netlink.Neighbors(), n => n.Address.Equals(hosts.Client.IPv4));
    }
}
