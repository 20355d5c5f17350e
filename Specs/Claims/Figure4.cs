using TcpActors.Engine.State;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>
/// The patent's figure 4, and claims 29, 30 and 31: what the TOE acquires, updates and transfers back is independent of the bandwidth-delay product. In its
/// order, with its numbers.
/// </summary>
public sealed class Figure4(ITestOutputHelper output)
{
    private const int InFlight = 200_000;

    // Fails when: KernelHalf.Restore or ManagedHalf.Restore begins with other variables than it was given (SndUna, RcvNxt), or the payload in flight is
    // left behind (KernelHalf.Fill).
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task The_TOE_acquires_updates_and_transfers_back_and_the_host_utilizes(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        world.Wire.Listen();
        await using ClaimLine line = await world.ConnectAsync();
        await line.ExchangeAsync(1_000_000, 100_000);
        SegmentVariants acquired;
        using (world.Wire.LoseFromPeer())
        {
            // Bytes are under way that nobody has acknowledged: the bandwidth-delay product is not zero.
            await line.Served.Output.WriteAsync(new byte[InFlight]);
            await line.UntilAsync(report => report.Variants.State == TcpState.Established, "the connection is there");

            // 402: the TOE acquires the variables from the host.
            await line.OffloadAsync();
            acquired = (await line.ReportAsync()).Variants;
            Assert.True(line.Served.Memory.Send.Count >= (int)acquired.Flight);
        }

        // 404: the TOE manages the connection with them; what was under way at the transfer is acknowledged to the TOE.
        byte[] received = new byte[InFlight];
        for (int got = 0; got < InFlight;)
        {
            got += await line.Peer.ReceiveAsync(received.AsMemory(got)).WaitAsync(ClaimWorld.Patience);
        }

        Assert.Equal(-1, received.AsSpan().IndexOfAnyExcept((byte)0));
        await line.ExchangeAsync(1_000_000, 500_000);

        // 406: the TOE updates them.
        await line.UntilAsync(report => report.Variants.Flight == 0, "all is acknowledged");
        SegmentVariants updated = (await line.ReportAsync()).Variants;
        Assert.Equal(acquired.RcvNxt + 500_000, updated.RcvNxt);
        Assert.True(updated.SndUna - acquired.SndUna >= 1_000_000);
        Assert.Equal(new WireReading(world.Wire.Segments).SndUna, updated.SndUna);

        // 408: they are transferred back to the host.
        await line.UploadAsync();
        SegmentVariants returned = line.Committed;
        Assert.Equal((updated.SndUna, updated.SndNxt, updated.RcvNxt), (returned.SndUna, returned.SndNxt, returned.RcvNxt));

        // 410: the host utilizes them for its own TCP processing.
        int before = world.Wire.Segments.Count;
        await line.ExchangeAsync(100_000, 100_000);
        WireSegment first = world.Wire.Segments.Skip(before).First(segment => segment.IsFromHost && segment.Length > 0);
        Assert.Equal((returned.SndNxt, world.Stack), (first.Seq, (await line.ReportAsync()).Owner));
    }
}
