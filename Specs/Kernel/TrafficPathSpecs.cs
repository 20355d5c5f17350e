using System.Net.Sockets;
using TcpActors.Bench.Lab;
using TcpActors.Transport.Linux.Netlink;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>What lies between the ends, or what the peer's kernel cannot do, makes no difference to a connection that moves.</summary>
public sealed class TrafficPathSpecs(ITestOutputHelper output)
{
    private const int Moves = 40;
    private const long Bytes = 8 << 20;

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_stateful_firewall_lets_every_move_pass(AddressFamily family)
    {
        const ushort port = 8080;
        using var hosts = new TwoHosts();
        using OwnedTable firewall = hosts.Server.Run(() => NetlinkFirewall.Stateful(port));
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output, port);

        await line.EchoWhileMovingAsync(Moves, 64 << 20, seed: 20);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_stateful_firewall_lets_the_FIN_pass_that_brings_a_connection_back(AddressFamily family)
    {
        const ushort port = 8080;
        using var hosts = new TwoHosts();
        using OwnedTable firewall = hosts.Server.Run(() => NetlinkFirewall.Stateful(port));
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output, port);
        await line.OffloadAsync();
        await line.Client.SendAsync(new byte[100]);
        Assert.Equal(100, await line.Served.ReceiveAsync(new byte[100]).AsTask().WaitAsync(TrafficConnection.Patience));

        line.Client.Shutdown(SocketShutdown.Send);

        Assert.Equal(0, await line.Served.ReceiveAsync(new byte[1]).AsTask().WaitAsync(TrafficConnection.Patience));
        Assert.Equal(0, FenceLine.TcpCounter(hosts.Client, "RetransSegs"));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, true, false)]
    [InlineData(AddressFamily.InterNetwork, false, true)]
    [InlineData(AddressFamily.InterNetworkV6, true, false)]
    [InlineData(AddressFamily.InterNetworkV6, false, true)]
    [InlineData(AddressFamily.InterNetwork, true, true)]
    [InlineData(AddressFamily.InterNetworkV6, true, true)]
    public async Task One_lost_segment_in_a_hundred_is_repaired_by_whoever_owns_the_connection(
        AddressFamily family, bool toServer, bool toClient)
    {
        using var hosts = new TwoHosts();
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        LoseSegmentsOnly(hosts);
        using OwnedTable? there = toServer ? hosts.Server.Run(() => RandomLoss.At(hosts.Server.Link, oneOf: 100)) : null;
        using OwnedTable? back = toClient ? hosts.Client.Run(() => RandomLoss.At(hosts.Client.Link, oneOf: 100)) : null;

        await line.EchoWhileMovingAsync(Moves, Bytes, seed: 21);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, "tcp_timestamps")]
    [InlineData(AddressFamily.InterNetworkV6, "tcp_timestamps")]
    [InlineData(AddressFamily.InterNetwork, "tcp_sack")]
    [InlineData(AddressFamily.InterNetworkV6, "tcp_sack")]
    [InlineData(AddressFamily.InterNetwork, "tcp_window_scaling")]
    [InlineData(AddressFamily.InterNetworkV6, "tcp_window_scaling")]
    public async Task A_peer_that_does_not_know_an_extension_is_served_without_it(AddressFamily family, string extension)
    {
        using var hosts = new TwoHosts();
        hosts.Client.Namespace.Sysctl($"net.ipv4.{extension}", "0");
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);

        await line.EchoWhileMovingAsync(Moves, Bytes, seed: 22);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_peer_that_knows_no_extension_survives_losses_too(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        foreach (string extension in new[] { "tcp_timestamps", "tcp_sack", "tcp_window_scaling" })
        {
            hosts.Client.Namespace.Sysctl($"net.ipv4.{extension}", "0");
        }

        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        LoseSegmentsOnly(hosts);
        using OwnedTable there = hosts.Server.Run(() => RandomLoss.At(hosts.Server.Link, oneOf: 100));
        using OwnedTable back = hosts.Client.Run(() => RandomLoss.At(hosts.Client.Link, oneOf: 100));

        await line.EchoWhileMovingAsync(Moves, bytes: 2 << 20, seed: 23);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, 576)]
    [InlineData(AddressFamily.InterNetworkV6, 1280)]
    [InlineData(AddressFamily.InterNetwork, 9000)]
    [InlineData(AddressFamily.InterNetworkV6, 9000)]
    public async Task Any_MTU_will_do(AddressFamily family, int mtu)
    {
        using var hosts = new TwoHosts(mtu);
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);

        await line.EchoWhileMovingAsync(Moves, Bytes, seed: 24);
    }

    /// <summary>So that what is lost is a segment and not 64 KiB of them; where that cannot be had the losses are larger and fewer.</summary>
    private static void LoseSegmentsOnly(TwoHosts hosts)
    {
        if (EthtoolFactAttribute.IsInstalled)
        {
            EthtoolFactAttribute.SwitchOffloadsOff(hosts.Server);
            EthtoolFactAttribute.SwitchOffloadsOff(hosts.Client);
        }
    }
}
