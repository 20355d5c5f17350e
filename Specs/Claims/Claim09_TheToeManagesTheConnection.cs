using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claims 9 and 10: the TOE manages segmentation, acknowledgement, windowing and congestion avoidance.</summary>
public sealed class Claim09_TheToeManagesTheConnection(ITestOutputHelper output)
{
    private const int Write = 6_000_000;

    // Fails when: TcpEngine.Transmit ignores SND.WND (SendableEnd without SndUna + SndWnd), or cuts nothing.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task A_write_far_beyond_the_peers_window_is_cut_and_sent_as_ACKs_open_it_and_never_a_byte_beyond_it(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output, static options => options with { SendBufferLimit = 2 * Write });
        world.Wire.Listen();
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();

        // One write, and nobody reads until the peer's window is shut.
        Task writing = line.Served.Output.WriteAsync(new byte[Write]).AsTask();
        await line.UntilAsync(report => report.Variants.SndWnd < 3000 || report.Variants.WindowProbesSent > 0, "the peer's window is shut");
        Assert.True((await line.ReportAsync()).Variants.SndUna < new WireReading(world.Wire.Segments).SndUna + Write);
        byte[] memory = new byte[64 << 10];
        for (int got = 0; got < Write;)
        {
            int count = await line.Peer.ReceiveAsync(memory).WaitAsync(ClaimWorld.Patience);
            Assert.True(count > 0);
            Assert.True(memory.AsSpan(0, count).IndexOfAnyExcept((byte)0) < 0);
            got += count;
        }

        await writing.WaitAsync(ClaimWorld.Patience);
        AssertNothingBeyondTheWindow(world.Wire.Segments);
        int mss = (await line.ReportAsync()).Segment!.EffectiveMss;
        Assert.All(world.Wire.FromHost, segment => Assert.True(segment.SegmentSize == 0 ? segment.Length <= mss : segment.SegmentSize <= mss));
    }

    // Fails when: TcpEngine.Transmit ignores SND_CWIN, or CongestionControls' ThresholdAfterLoss reduces nothing.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task What_is_in_flight_is_bounded_by_SND_CWIN_which_grows_with_acknowledgements_and_falls_with_a_loss(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output, static options => options with { CongestionControl = "cubic" });
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();
        uint initial = (await line.ReportAsync()).Variants.CongestionWindow;
        await line.SendAsync(2_000_000);
        uint grown = (await line.UntilAsync(report => report.Variants.Flight == 0, "all is acknowledged")).Variants.CongestionWindow;
        Assert.True(grown > initial, $"{grown} is not more than {initial}");

        // Nobody answers: as much as SND_CWIN allows leaves, then one segment for each time-out.
        SegmentVariants lost;
        using (world.Wire.LoseFromHost())
        {
            await line.Served.Output.WriteAsync(new byte[2_000_000]);
            lost = (await line.UntilAsync(report => report.Variants.Retransmissions > 0, "a time-out")).Variants;
        }

        // RFC 8985 7.3: a tail loss probe may be a new segment beyond it.
        Assert.InRange(lost.Flight, 1u, Math.Min(grown + (2 * 1448), lost.SndWnd));
        Assert.True(lost.CongestionWindow < grown, "a time-out left SND_CWIN as it was");
        Assert.True(lost.SlowStartThreshold < grown, "a time-out left SSTHRESH as it was");
        byte[] memory = new byte[64 << 10];
        for (int got = 0; got < 2_000_000;)
        {
            got += await line.Peer.ReceiveAsync(memory).WaitAsync(ClaimWorld.Patience);
        }

        Assert.True((await line.ReportAsync()).Variants.CongestionWindow > lost.CongestionWindow);
    }

    // Fails when: TcpEngine.Transmit does not send the acknowledgement that is owed (AckNow).
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task Received_segments_are_acknowledged_by_the_TOE(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();
        world.Wire.Listen();

        await line.ReceiveAsync(2_000_000);

        // RFC 9293 3.8.6.3: at least every second segment; a run that comes as one is acknowledged as one.
        WireSegment[] segments = [.. world.Wire.Segments];
        int runs = segments.Count(segment => !segment.IsFromHost && segment.Length > 0);
        int acknowledgements = segments.Where(segment => segment.IsFromHost).Select(segment => segment.Ack).Distinct().Count();
        Assert.True(acknowledgements > 5, $"{acknowledgements} acknowledgements of {runs} runs of segments");
        SeqNum end = segments.Where(segment => !segment.IsFromHost).Select(segment => segment.End).Aggregate(SeqNum.Max);
        await ClaimWorld.UntilAsync(() => Task.FromResult(world.Wire.FromHost.Last().Ack == end), "the last one is acknowledged");
    }

    private static void AssertNothingBeyondTheWindow(IReadOnlyList<WireSegment> segments)
    {
        byte scale = segments.First(segment => !segment.IsFromHost && segment.Has(TcpFlags.Syn)).Options.WindowScale ?? 0;
        SeqNum? edge = null;
        int sent = 0;
        foreach (WireSegment segment in segments.Where(segment => !segment.Has(TcpFlags.Syn)))
        {
            if (!segment.IsFromHost)
            {
                SeqNum offered = segment.Ack + ((uint)segment.Window << scale);
                edge = edge is null ? offered : SeqNum.Max(edge.Value, offered);
            }
            else if (segment.Length > 0)
            {
                // RFC 9293 3.8.6.1: a probe of a shut window is one byte beyond it.
                sent++;
                Assert.True(segment.End <= edge!.Value + (segment.Length == 1 ? 1 : 0), $"{segment.End - edge.Value} bytes beyond the peer's window");
            }
        }

        Assert.True(sent > 10);
    }
}
