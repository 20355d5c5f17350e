using System.Net;
using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// What the kernel applies by itself to a connection of its own reaches a connection that a TOE owns as well: interfaces, addresses and
/// routes change in the middle of a transfer, which goes on.
/// </summary>
public sealed class TrafficPathChangeSpecs(ITestOutputHelper output)
{
    private static readonly TimeSpan s_longestGap = TimeSpan.FromSeconds(4);

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Frames_bear_the_new_MAC_address_of_our_own_interface(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        var mac = new MacAddress([2, 0, 0, 0, 9, 1]);
        OwnedTable? only = null;

        // The kernel tells the neighbours when it is asked to; what a TOE sends tells them nothing.
        hosts.Server.Namespace.Sysctl("net.ipv4.conf.server0.arp_notify", "1");
        hosts.Server.Namespace.Sysctl("net.ipv6.conf.server0.ndisc_notify", "1");
        await GoesOnAsync(hosts.Server, hosts.Client, family, async line =>
        {
            hosts.Server.Netlink.SetLinkMac(hosts.Server.LinkIndex, mac);
            only = hosts.Client.Run(() => NetlinkFirewall.OnlyFrom(hosts.Client.Link, mac));
            await line.UntilAsync(report => report.Segment!.Neighbor.SourceMac == mac);
        });
        only!.Dispose();
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task The_path_MTU_follows_that_of_our_own_interface_down_and_up(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        if (EthtoolFactAttribute.IsInstalled)
        {
            // So that the client's end of the cable sees each segment, and takes none that is too long.
            EthtoolFactAttribute.SwitchOffloadsOff(hosts.Server);
        }

        int mss = 0;
        await GoesOnAsync(
            hosts.Server, hosts.Client, family,
            async line =>
            {
                await line.UntilAsync(report => (mss = report.Segment!.EffectiveMss) > 1280);
                hosts.Server.Netlink.SetLinkMtu(hosts.Server.LinkIndex, 1280);
                hosts.Client.Netlink.SetLinkMtu(hosts.Client.LinkIndex, 1280);
                await line.UntilAsync(report => report.Segment!.PathMtu == 1280 && report.Segment.EffectiveMss == mss - 220);
            },
            async line =>
            {
                hosts.Client.Netlink.SetLinkMtu(hosts.Client.LinkIndex, 1500);
                hosts.Server.Netlink.SetLinkMtu(hosts.Server.LinkIndex, 1500);
                await line.UntilAsync(report => report.Segment!.PathMtu == 1500 && report.Segment.EffectiveMss == mss);
            });
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Nothing_is_sent_while_our_own_interface_is_down(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        hosts.Server.Namespace.Sysctl("net.ipv6.conf.server0.keep_addr_on_down", "1");
        await GoesOnAsync(hosts.Server, hosts.Client, family, async line =>
        {
            hosts.Server.Netlink.SetLinkUp(hosts.Server.LinkIndex, up: false);
            await line.UntilAsync(report => !report.Segment!.IsPathUsable);

            await SendsNothingAsync(line);

            // A kernel without a route would not take it back, and it would be lost.
            Assert.Single((await line.Host!.UploadAsync().WaitAsync(TrafficConnection.Patience)).Refused);
            hosts.Server.Netlink.SetLinkUp(hosts.Server.LinkIndex);
            await line.UntilAsync(report => report.Segment!.IsPathUsable);
        });
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, 24)]
    [InlineData(AddressFamily.InterNetworkV6, 64)]
    public async Task Nothing_is_sent_while_our_address_is_not_ours(AddressFamily family, int bits)
    {
        using var hosts = new TwoHosts();
        await GoesOnAsync(hosts.Server, hosts.Client, family, async line =>
        {
            hosts.Server.Netlink.RemoveAddress(hosts.Server.LinkIndex, hosts.Server.Address(family), bits);
            await line.UntilAsync(report => !report.Segment!.IsPathUsable);
            await SendsNothingAsync(line);
            hosts.Server.Netlink.AddAddress(hosts.Server.LinkIndex, hosts.Server.Address(family), bits);
            await line.UntilAsync(report => report.Segment!.IsPathUsable);
        });
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, "ipv4")]
    [InlineData(AddressFamily.InterNetworkV6, "ipv6")]
    public async Task Nothing_is_sent_to_a_next_hop_that_does_not_answer(AddressFamily family, string table)
    {
        using var hosts = new TwoHosts();

        // The kernel asks three times, and would wait for a second each time.
        hosts.Server.Namespace.Sysctl($"net.{table}.neigh.server0.retrans_time_ms", "50");
        await GoesOnAsync(hosts.Server, hosts.Client, family, async line =>
        {
            OwnedTable deaf = hosts.Client.Run(() => NetlinkFirewall.Deaf(hosts.Client.Link));
            await line.UntilAsync(report => !report.Segment!.Neighbor.IsReachable);
            await SendsNothingAsync(line);
            deaf.Dispose();
            await line.UntilAsync(report => report.Segment!.Neighbor.IsReachable);
        });
    }

    /// <summary>
    /// RFC 4861 7.3.1: the kernel sends nothing to the next hop and hears nothing from it, so that it would take it for stale; whoever sees
    /// that data is acknowledged says so.
    /// </summary>
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Acknowledged_data_makes_a_stale_next_hop_reachable(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await GoesOnAsync(hosts.Server, hosts.Client, family, async _ =>
        {
            IPAddress peer = hosts.Client.Address(family);
            hosts.Server.Netlink.SetNeighbor(hosts.Server.LinkIndex, peer, hosts.Client.Mac, NeighborState.Stale);
            await TrafficStream.UntilAsync(() => hosts.Server.Netlink.Neighbor(hosts.Server.LinkIndex, peer)?.State == NeighborState.Reachable)
                .WaitAsync(TrafficConnection.Patience);
        });
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, 24, "10.77.1.3")]
    [InlineData(AddressFamily.InterNetworkV6, 64, "fd77:1::3")]
    public async Task A_new_gateway_on_the_same_link_takes_over(AddressFamily family, int bits, string gateway)
    {
        using var hosts = new TwoWays();
        var mac = new MacAddress([2, 0, 0, 0, 9, 2]);
        await GoesOnAsync(hosts.Server, hosts.Client, family, async line =>
        {
            // Nobody has the old gateway's addresses any more. In this order: IPv4's later ones go with the first.
            hosts.Gateway.Netlink.RemoveAddress(hosts.Gateway.LinkIndex, hosts.Gateway.Address(family), bits);
            hosts.Gateway.Netlink.AddAddress(hosts.Gateway.LinkIndex, IPAddress.Parse(gateway), bits);
            hosts.Gateway.Netlink.SetLinkMac(hosts.Gateway.LinkIndex, mac);
            hosts.RouteBy(IPAddress.Parse(gateway), hosts.Server.LinkIndex);
            await line.UntilAsync(report => report.Segment!.Neighbor.Mac == mac);
        });
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_route_over_another_interface_brings_the_connection_back_to_the_kernel(AddressFamily family)
    {
        using var hosts = new TwoWays();
        await GoesOnAsync(hosts.Server, hosts.Client, family, async line =>
        {
            hosts.RouteBy(hosts.OtherGateway.Address(family), hosts.Other.LinkIndex);
            await line.UntilAsync(report => string.Equals(report.Owner, "kernel", StringComparison.Ordinal));

            // Where no TOE is it stays; back on the first way it can be offloaded again.
            Assert.Single((await line.Served.OffloadAsync().WaitAsync(TrafficConnection.Patience)).Refused);
            hosts.RouteBy(hosts.Gateway.Address(family), hosts.Server.LinkIndex);
            await line.OffloadAsync();
        });
    }

    private static async Task SendsNothingAsync(TrafficConnection line)
    {
        await TrafficStream.UntilAsync(() => line.Served.InvariantUpdates > 0).WaitAsync(TrafficConnection.Patience);
        SeqNum? last = null;
        int looks = 0;
        await line.UntilAsync(report =>
        {
            Assert.Equal(last ??= report.Variants.SndMax, report.Variants.SndMax);
            return ++looks == 20;
        });
    }

    /// <summary>A transfer to the client, owned by the TOE, goes on after each change, and all of it arrives.</summary>
    private async Task GoesOnAsync(SpecHost server, SpecHost client, AddressFamily family, params Func<TrafficConnection, Task>[] changes)
    {
        const long between = 4 << 20;
        await using TrafficConnection line = await TrafficConnection.OpenAsync(server, client, family, output);
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        await line.OffloadAsync();
        bool isEnough = false;
        Task sending = Task.Run(() => sent.SendAsync(line.Served, () => !Volatile.Read(ref isEnough), seed: 40));
        Task receiving = Task.Run(() => received.ReceiveAsync(line.Client));
        Task changing = Task.Run(async () =>
        {
            await ReceiveMoreAsync();
            foreach (Func<TrafficConnection, Task> change in changes)
            {
                await change(line);
                await ReceiveMoreAsync();
            }

            Volatile.Write(ref isEnough, true);
        });

        await line.AllAsync("change", sent, received, changing, sending, receiving);

        TrafficStream.AssertEqual(sent, received);
        output.WriteLine($"longest gap {received.LongestGap}, {line.Moves} moves, {line.Served.InvariantUpdates} updates");
        Assert.InRange(received.LongestGap, TimeSpan.Zero, s_longestGap);

        async Task ReceiveMoreAsync()
        {
            long then = received.Bytes;
            await TrafficStream.UntilAsync(() => received.Bytes >= then + between).WaitAsync(TrafficConnection.Patience);
        }
    }
}
