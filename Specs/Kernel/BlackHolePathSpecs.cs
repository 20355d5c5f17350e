using System.Net.Sockets;
using TcpActors.Transport.Linux.Netlink;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// A router that drops what is too big and says nothing (RFC 2923 2.1): the kernel, which by default looks for no such thing, would wait for ever; RFC 4821 7.7.
/// </summary>
public sealed class BlackHolePathSpecs(ITestOutputHelper output)
{
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_router_that_does_not_say_too_big_is_found_out_and_the_kernel_is_told(AddressFamily family)
    {
        using var hosts = new RoutedHosts(middleMtu: 1300);
        using OwnedTable silence = hosts.Near.Run(NetlinkFirewall.SaysNotTooBig);
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        await line.OffloadAsync();
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        Task receiving = Task.Run(() => received.ReceiveAsync(line.Client));
        Task moving = Task.Run(async () =>
        {
            await TrafficStream.UntilAsync(() => received.Bytes > 1 << 20);
            await line.UploadAsync();
            await TrafficStream.UntilAsync(() => received.Bytes > 8 << 20);
            await line.OffloadAsync();
        });
        Task sending = Task.Run(() => sent.SendAsync(line.Served, () => !moving.IsCompleted || sent.Bytes < 16 << 20, seed: 40));

        await line.AllAsync("black hole", sent, received, sending, receiving, moving);

        TrafficStream.AssertEqual(sent, received);
        Assert.Equal(0, line.Served.InvariantUpdates);
        output.WriteLine($"longest gap {received.LongestGap}");
    }
}
