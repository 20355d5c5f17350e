using System.Net.Sockets;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// A router that says "too big" is heard, though the kernel makes nothing of it for a flow that it does not own (RFC 1191, RFC 8201).
/// </summary>
public sealed class TrafficPathMtuSpecs(ITestOutputHelper output)
{
    private const int MiddleMtu = 1300;

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Too_big_lowers_the_path_MTU_of_an_owned_flow_by_an_update(AddressFamily family)
    {
        using var hosts = new RoutedHosts(MiddleMtu);
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        await line.OffloadAsync();
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        Task sending = Task.Run(() => sent.SendAsync(line.Served, () => sent.Bytes < 16 << 20, seed: 30));
        Task receiving = Task.Run(() => received.ReceiveAsync(line.Client));
        Task updated = Task.Run(() => TrafficStream.UntilAsync(() => line.Served.InvariantUpdates > 0));

        await line.AllAsync("path MTU", sent, received, updated, sending, receiving);

        TrafficStream.AssertEqual(sent, received);
        output.WriteLine($"longest gap {received.LongestGap}, {line.Served.InvariantUpdates} updates");
        Assert.InRange(received.LongestGap, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_path_with_a_small_MTU_carries_a_connection_that_moves(AddressFamily family)
    {
        using var hosts = new RoutedHosts(MiddleMtu);
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);

        await line.EchoWhileMovingAsync(moves: 40, bytes: 16 << 20, seed: 31);
    }
}
