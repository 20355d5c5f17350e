using TcpActors.Engine.State;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>
/// Claims 41, 43 and 48, second half: the host uses the updated variables for other connections (RFC 9040 6.1). Here the threshold: a round trip that the handshake has
/// measured is newer than any that is remembered, and both hosts' handshakes have; where none is, <c>PathMemorySpecs</c>.
/// </summary>
public sealed class Claim41_ForOtherConnections(ITestOutputHelper output)
{
    // Fails when: HostSupervisor.OnUploaded has PathMemory learn nothing; on the kernel host also when MoveWork.Complete starts nothing from it (the managed
    // stack looks there at its handshake already).
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task A_new_connection_to_the_same_destination_starts_from_the_threshold_of_one_that_came_back(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output, static options => options with { CongestionControl = "cubic" });
        await using ClaimLine former = await world.ConnectAsync();
        await former.OffloadAsync();
        Assert.Equal(uint.MaxValue, (await former.ReportAsync()).Variants.SlowStartThreshold);
        SegmentVariants returned = await FindThresholdAsync(world, former);

        await using ClaimLine next = await world.ConnectAsync();
        await next.OffloadAsync();

        uint started = (await next.ReportAsync()).Variants.SlowStartThreshold;
        output.WriteLine($"returned {returned.SlowStartThreshold}, window {returned.CongestionWindow}; the next one starts from {started}");
        Assert.Equal(Math.Max(returned.SlowStartThreshold, returned.CongestionWindow / 2), started);
        await next.ExchangeAsync(1_000_000, 100_000);
    }

    /// <summary>Sends until the window is far beyond the first one, loses a flight, sends on, and uploads.</summary>
    private static async Task<SegmentVariants> FindThresholdAsync(ClaimWorld world, ClaimLine line)
    {
        await line.SendAsync(2_000_000);
        bool isOver = false;
        Task sending = line.SendUntilAsync(() => Volatile.Read(ref isOver));
        await line.UntilAsync(report => report.Variants.Flight > 50_000, "a large flight");
        using (world.Wire.LoseFromHost())
        {
            await line.UntilAsync(report => report.Variants.SlowStartThreshold != uint.MaxValue, "a threshold");
        }

        Volatile.Write(ref isOver, true);
        await sending;
        await line.SendAsync(1_000_000);
        await line.UntilAsync(report => report.Variants.Flight == 0 && report.Variants.Recovery == RecoveryPhase.Open, "all is acknowledged");
        await line.UploadAsync();
        return line.Committed;
    }
}
