using System.Net.Sockets;
using TcpActors.Engine.State;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>A kernel's restored socket begins with ten segments; the connection does not.</summary>
public sealed class WindowMoveSpecs(ITestOutputHelper output)
{
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task The_congestion_window_and_what_the_algorithm_knows_survive_stays_in_the_kernel(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        await line.OffloadAsync();
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        Task receiving = Task.Run(() => received.ReceiveAsync(line.Client));
        var isResting = new TaskCompletionSource();
        var mayEnd = new TaskCompletionSource();
        Task sending = Task.Run(() => sent.SendAsync(line.Served, MoreAsync, seed: 50));
        await isResting.Task.WaitAsync(TrafficConnection.Patience);

        // While nothing is in flight nothing can be lost, and the window is what it was.
        await TrafficStream.UntilAsync(() => received.Bytes == 64 << 20);
        await line.UntilAsync(report => report.Variants.Flight == 0);
        SegmentVariants before = await VariantsAsync(line);
        Assert.InRange(before.CongestionWindow, 20 * 1448u, uint.MaxValue);
        for (int i = 0; i < 5; i++)
        {
            await line.MoveToAndFroAsync();
        }

        await line.OffloadAsync();
        SegmentVariants after = await VariantsAsync(line);
        output.WriteLine($"{before.CongestionWindow} bytes, then {after.CongestionWindow}");
        Assert.InRange(after.CongestionWindow / (double)before.CongestionWindow, 0.8, 1.2);
        mayEnd.SetResult();
        await line.AllAsync("moving windows", sent, received, sending, receiving);
        TrafficStream.AssertEqual(sent, received);

        async Task<bool> MoreAsync()
        {
            if (sent.Bytes == 64 << 20)
            {
                isResting.SetResult();
                await mayEnd.Task;
            }

            return sent.Bytes < 96 << 20;
        }
    }

    private static async Task<SegmentVariants> VariantsAsync(TrafficConnection line) =>
        Assert.Single(await line.Host!.ListAsync()).Variants;
}
