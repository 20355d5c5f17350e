using System.Diagnostics;
using System.Net.Sockets;
using TcpActors.Engine.Wire;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>Clients that behave oddly, while their connection moves.</summary>
public sealed class TrafficClientSpecs(ITestOutputHelper output)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(10);

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_client_that_stops_reading_closes_both_windows_and_loses_nothing(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        Task echo = TrafficStream.EchoAsync(line.Served);
        var readAgain = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        const long before = 1 << 20;
        Task sending = Task.Run(() => sent.SendAsync(line.Client, () => !readAgain.Task.IsCompleted, seed: 3));
        Task receiving = Task.Run(() => received.ReceiveAsync(
            line.Client, () => received.Bytes < before ? Task.CompletedTask : readAgain.Task));

        Task moving = Task.Run(async () =>
        {
            long began = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(began) < s_pause)
            {
                await line.MoveToAndFroAsync();
            }

            output.WriteLine($"{line.Moves} moves with both windows closed; {sent.Bytes} sent, {received.Bytes} received");
            Assert.InRange(received.Bytes, before, before + (256 << 10));
            await line.OffloadAsync();
            readAgain.SetResult();
        });

        await line.AllAsync("zero window", sent, received, moving, sending, receiving, echo);
        TrafficStream.AssertEqual(sent, received);
        Assert.True(line.Moves >= 20, $"only {line.Moves} moves");
        output.WriteLine($"longest gap {received.LongestGap}");
        Assert.InRange(received.LongestGap, TimeSpan.Zero, s_pause + TimeSpan.FromSeconds(1));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_client_that_writes_a_byte_at_a_time_gets_each_back(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using TrafficConnection line = await TrafficConnection.OpenAsync(
            hosts.Server, hosts.Client, family, output, prepare: client => client.NoDelay = true);

        await line.EchoWhileMovingAsync(moves: 40, bytes: 20_000, seed: 4, block: 1);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, false)]
    [InlineData(AddressFamily.InterNetworkV6, false)]
    [InlineData(AddressFamily.InterNetwork, true)]
    [InlineData(AddressFamily.InterNetworkV6, true)]
    public async Task A_client_that_only_receives_is_found_again_when_its_MAC_changes_silently(AddressFamily family, bool movesMeanwhile)
    {
        using var hosts = new TwoHosts();
        hosts.Client.Namespace.Sysctl("net.ipv4.conf.client0.arp_notify", "0");
        hosts.Client.Namespace.Sysctl("net.ipv6.conf.client0.ndisc_notify", "0");
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        bool enough = false;
        Task sending = Task.Run(() => sent.SendAsync(line.Served, () => !Volatile.Read(ref enough), seed: 5));
        Task receiving = Task.Run(() => received.ReceiveAsync(line.Client));
        Task moving = Task.Run(async () =>
        {
            for (byte change = 1; change <= 2; change++)
            {
                // The kernel is not asked about a neighbour more often than once a second (RFC 1122 2.3.2.1).
                long began = Stopwatch.GetTimestamp();
                while (Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(1.2))
                {
                    await line.MoveToAndFroAsync();
                }

                await line.OffloadAsync();
                hosts.Client.Netlink.SetLinkMac(hosts.Client.LinkIndex, new MacAddress([2, 0, 0, 0, 7, change]));
                long then = received.Bytes;
                if (!movesMeanwhile)
                {
                    await TrafficStream.UntilAsync(() => received.Bytes >= then + (8 << 20)).WaitAsync(TrafficConnection.Patience);
                }

                while (received.Bytes < then + (8 << 20))
                {
                    await line.MoveToAndFroAsync();
                }
            }

            Volatile.Write(ref enough, true);
        });

        await line.AllAsync("MAC", sent, received, moving, sending, receiving);

        TrafficStream.AssertEqual(sent, received);
        output.WriteLine($"longest gap {received.LongestGap}; {line.Moves} moves, {line.Served.InvariantUpdates} updates");
        Assert.True(movesMeanwhile || line.Served.InvariantUpdates > 0, "no Update reached the TOE");

        // The kernel by itself would get to asking everybody after three probes, a second apart each. Measured here: 0.3 s.
        Assert.InRange(received.LongestGap, TimeSpan.Zero, TimeSpan.FromSeconds(3));
    }
}
