using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Kernel;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>What is told of the paths of flows, however many flows and changes there are.</summary>
public sealed class KernelPathsSpecs
{
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_change_is_told_once_for_all_flows_that_share_it(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        using var told = new Told(hosts.Server);
        told.Watch(hosts.Server, hosts.Client, family, count: 1000);
        var own = MacAddress.Parse("02:00:00:00:09:0a");
        var peers = MacAddress.Parse("02:00:00:00:09:0b");

        hosts.Server.Netlink.SetLinkMac(hosts.Server.LinkIndex, own);
        hosts.Server.Netlink.SetNeighbor(hosts.Server.LinkIndex, hosts.Client.Address(family), peers);
        hosts.Server.Netlink.SetLinkMtu(hosts.Server.LinkIndex, 1400);

        await told.UntilAsync(news => news.SelectMany(each => each.Paths).Any(path => path.Mtu == 1400));
        Assert.Equal(own, Assert.Single(told.Neighbors.ToHashSet(), each => each.SourceMac == own && each.Mac != peers).SourceMac);
        Assert.Equal(peers, Assert.Single(told.Neighbors.ToHashSet(), each => each.Version == told.Neighbors.Max(other => other.Version)).Mac);
        Assert.Single(told.Paths, each => each.Version > 0);
        Assert.Single(told.Paths.Select(each => each.Id).ToHashSet());
        Assert.Single(told.Neighbors.Select(each => each.Id).ToHashSet());
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Changes_that_come_faster_than_they_are_heard_are_told_all_the_same(AddressFamily family)
    {
        using var hosts = new TwoWays();
        using var told = new Told(hosts.Server, eventQueueBytes: 4096);
        told.Watch(hosts.Server, hosts.Client, family, count: 3);
        var own = MacAddress.Parse("02:00:00:00:09:0c");
        var gateway = MacAddress.Parse("02:00:00:00:09:0d");

        Burst(1);
        hosts.Server.Netlink.SetLinkMac(hosts.Server.LinkIndex, own);
        hosts.Server.Netlink.SetNeighbor(hosts.Server.LinkIndex, hosts.Gateway.Address(family), gateway);
        Burst(2);
        hosts.RouteBy(hosts.OtherGateway.Address(family), hosts.Other.LinkIndex);
        Burst(3);

        await told.UntilAsync(news => news.SelectMany(each => each.Neighbors).Any(each => each.SourceMac == own && each.Mac == gateway)
            && news.Any(each => each.Elsewhere.Count > 0));

        void Burst(int which)
        {
            for (int i = 1; i < 200; i++)
            {
                hosts.Server.Netlink.AddRoute(IPAddress.Parse($"192.0.{which}.{i}"), 32, hosts.Gateway.IPv4);
            }
        }
    }

    [KernelFact]
    public async Task A_route_that_comes_back_is_told_as_well_as_one_that_goes()
    {
        using var hosts = new TwoWays();
        using var told = new Told(hosts.Server);
        told.Watch(hosts.Server, hosts.Client, AddressFamily.InterNetwork, count: 3);

        // The way goes with the interface, and nobody says so; when that is up again somebody has to make it anew.
        hosts.Server.Netlink.SetLinkUp(hosts.Server.LinkIndex, up: false);
        await told.UntilAsync(news => news.SelectMany(each => each.Paths).Any(path => !path.IsUsable));
        hosts.Server.Netlink.SetLinkUp(hosts.Server.LinkIndex);
        await told.UntilAsync(_ => hosts.Server.Netlink.GetRoute(hosts.Gateway.IPv4) is { } route && route.LinkIndex == hosts.Server.LinkIndex);
        Assert.False(told.Paths[^1].IsUsable);
        hosts.RouteBy(hosts.Gateway.IPv4, hosts.Server.LinkIndex);

        await told.UntilAsync(news => news.SelectMany(each => each.Paths).Last().IsUsable);
        Assert.Single(told.Paths.Select(each => each.Id).ToHashSet());
    }

    [Fact]
    public void A_path_gets_wider_with_its_first_hop_only_where_that_had_held_it()
    {
        Assert.Equal(1280, new MtuChange(1500, 1280).ApplyTo(1500));
        Assert.Equal(1500, new MtuChange(1280, 1500).ApplyTo(1280));

        // A router takes no more than that.
        Assert.Equal(1400, new MtuChange(1500, 9000).ApplyTo(1400));
        Assert.Equal(1300, new MtuChange(1500, 1400).ApplyTo(1300));
    }

    /// <summary>Paths of a host, and what they told.</summary>
    private sealed class Told : IDisposable
    {
        private readonly ConcurrentQueue<HostMessages.PathChanged> _news = new();
        private readonly KernelPaths _paths;

        public Told(SpecHost host, int? eventQueueBytes = null)
        {
            _paths = host.Run(() => new KernelPaths(NullLogger.Instance, eventQueueBytes));
            _paths.ReportTo(message =>
            {
                if (message is HostMessages.PathChanged changed)
                {
                    _news.Enqueue(changed);
                }
            });
        }

        public Neighbor[] Neighbors => [.. _news.SelectMany(each => each.Neighbors)];

        public NetworkPath[] Paths => [.. _news.SelectMany(each => each.Paths)];

        public void Watch(SpecHost server, SpecHost client, AddressFamily family, int count)
        {
            FlowKey[] flows = [.. Enumerable.Range(1, count).Select(port => FlowKey.From(
                new IPEndPoint(server.Address(family), 7), new IPEndPoint(client.Address(family), port)))];
            KernelPath path = _paths.Find(flows[0], scope: 0);
            foreach (FlowKey flow in flows)
            {
                _paths.Watch(in flow, path);
            }
        }

        public async Task UntilAsync(Func<HostMessages.PathChanged[], bool> wanted)
        {
            try
            {
                await TrafficStream.UntilAsync(() => wanted([.. _news])).WaitAsync(TimeSpan.FromSeconds(10));
            }
            catch (TimeoutException)
            {
                Assert.Fail($"it told only: {string.Join("; ", _news)}");
            }
        }

        public void Dispose() => _paths.Dispose();
    }
}
