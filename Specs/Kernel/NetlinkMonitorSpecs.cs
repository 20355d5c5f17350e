using System.Net;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;
using Xunit;

namespace TcpActors.Specs.Kernel;

public sealed class NetlinkMonitorSpecs
{
    [KernelFact]
    public void A_neighbours_new_MAC_address_is_seen()
    {
        using var hosts = new TwoHosts();
        using var connection = hosts.Connect();
        using var monitor = hosts.Server.Run(() => new RtNetlinkMonitor());
        var mac = MacAddress.Parse("02:00:00:00:77:99");

        hosts.Client.Namespace.Sysctl("net.ipv4.conf.client0.arp_notify", "0");
        hosts.Client.Netlink.SetLinkMac(hosts.Client.LinkIndex, mac);
        // Nobody announced it: the kernel finds out when it asks, first the old address, then everybody.
        hosts.Server.Netlink.DeleteNeighbor(hosts.Server.LinkIndex, hosts.Client.IPv4);
        hosts.Server.Netlink.ResolveNeighbor(hosts.Server.LinkIndex, hosts.Client.IPv4);

        var change = monitor.Await<NeighborChanged>(e => e.Neighbor.Mac == mac && e.Neighbor.Address.Equals(hosts.Client.IPv4));
        Assert.Equal(hosts.Server.LinkIndex, change.Neighbor.LinkIndex);
        Assert.False(change.Removed);
        Assert.True(change.Neighbor.IsUsable);
    }

    [KernelFact]
    public void A_neighbour_that_moved_silently_is_found_by_a_probe_and_a_resolution()
    {
        using var hosts = new TwoHosts();
        using var connection = hosts.Connect();
        using var monitor = hosts.Server.Run(() => new RtNetlinkMonitor());
        var (netlink, index, client) = (hosts.Server.Netlink, hosts.Server.LinkIndex, hosts.Client.IPv4);
        hosts.Server.Namespace.Sysctl("net.ipv4.neigh.server0.retrans_time_ms", "50");
        var mac = MacAddress.Parse("02:00:00:00:77:98");
        hosts.Client.Netlink.SetLinkMac(hosts.Client.LinkIndex, mac);

        Assert.True(netlink.ProbeNeighbor(index, client));
        monitor.Await<NeighborChanged>(e => e.Neighbor.State == NeighborState.Failed && e.Neighbor.Address.Equals(client));
        netlink.ResolveNeighbor(index, client);

        monitor.Await<NeighborChanged>(e => e.Neighbor.Mac == mac && e.Neighbor.State == NeighborState.Reachable);
    }

    [KernelFact]
    public void A_cable_that_is_cut_is_seen_at_the_other_end()
    {
        using var hosts = new TwoHosts();
        using var monitor = hosts.Server.Run(() => new RtNetlinkMonitor());

        hosts.Client.Netlink.SetLinkUp(hosts.Client.LinkIndex, up: false);

        var change = monitor.Await<LinkChanged>(e => e.Link.Index == hosts.Server.LinkIndex && !e.Link.IsRunning);
        Assert.True(change.Link.IsUp);
        hosts.Client.Netlink.DeleteLink(hosts.Client.LinkIndex);
        monitor.Await<LinkChanged>(e => e.Link.Index == hosts.Server.LinkIndex && e.Removed);
    }

    [KernelTheory]
    [InlineData("192.0.2.0", 24, "10.77.0.2")]
    [InlineData("2001:db8::", 32, "fd77::2")]
    public void A_new_route_and_a_new_address_are_seen(string network, int bits, string gateway)
    {
        using var hosts = new TwoHosts();
        using var monitor = hosts.Server.Run(() => new RtNetlinkMonitor());

        hosts.Server.Netlink.AddRoute(IPAddress.Parse(network), bits, IPAddress.Parse(gateway));
        hosts.Server.Netlink.AddAddress(hosts.Server.LinkIndex, IPAddress.Parse("10.78.0.1"), 24);

        var route = monitor.Await<RouteChanged>(e => IPAddress.Parse(network).Equals(e.Route.Destination)).Route;
        Assert.Equal((bits, IPAddress.Parse(gateway)), (route.PrefixLength, route.Gateway));
        Assert.Equal(IPAddress.Parse("10.78.0.1"), monitor.Await<AddressChanged>(_ => true).Address.Address);
    }

    [KernelFact]
    public void An_overrun_is_told_and_the_monitor_goes_on()
    {
        using var hosts = new TwoHosts();
        using var monitor = hosts.Server.Run(() => new RtNetlinkMonitor(queueBytes: 4096));

        for (var i = 1; i < 200; i++)
            hosts.Server.Netlink.AddRoute(IPAddress.Parse($"192.0.2.{i}"), 32, hosts.Client.IPv4);

        monitor.Await<Overrun>(_ => true);
        while (monitor.Receive(TimeSpan.Zero) is not null)
        {
        }

        hosts.Server.Netlink.SetLinkMtu(hosts.Server.LinkIndex, 1400);
        monitor.Await<LinkChanged>(e => e.Link.Mtu == 1400);
    }

    [KernelFact]
    public async Task A_wait_ends_when_it_is_cancelled_and_when_the_monitor_is_disposed()
    {
        using var hosts = new TwoHosts();
        var monitor = hosts.Server.Run(() => new RtNetlinkMonitor());
        while (monitor.Receive(TimeSpan.Zero) is not null)
        {
        }

        using var cancellation = new CancellationTokenSource();
        var cancelled = Waiting(cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => cancelled.WaitAsync(TimeSpan.FromSeconds(10)));

        var disposed = Waiting(CancellationToken.None);
        monitor.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => disposed.WaitAsync(TimeSpan.FromSeconds(10)));

        // Late router solicitations and the like are events too: only the end of the wait counts.
        Task Waiting(CancellationToken token) => Task.Factory.StartNew(
            () =>
            {
                while (true)
                    monitor.Receive(Timeout.InfiniteTimeSpan, token);
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }
}

/// <summary>Awaiting an event with a deadline.</summary>
internal static class MonitorAwait
{
    public static T Await<T>(this RtNetlinkMonitor monitor, Func<T, bool> wanted)
        where T : RtNetlinkEvent
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (true)
        {
            if (monitor.Receive(Timeout.InfiniteTimeSpan, deadline.Token) is T candidate && wanted(candidate))
                return candidate;
        }
    }
}
