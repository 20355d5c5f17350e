using TcpActors.Actors;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Actors;

/// <summary>What a TOE finds about a connection that its host might do better with.</summary>
public sealed class LoadWatchSpecs
{
    private static readonly UploadRequestOptions s_limits = new();

    [Theory]
    [InlineData(2000, 2000, 0, 0, 2_000_000, UploadReason.None)]
    [InlineData(2000, 2000, 200, 0, 2_000_000, UploadReason.None)]
    [InlineData(2000, 2000, 201, 0, 2_000_000, UploadReason.HighLoss)]
    [InlineData(2000, 2000, 0, 400, 2_000_000, UploadReason.None)]
    [InlineData(2000, 2000, 0, 401, 2_000_000, UploadReason.HighReordering)]
    [InlineData(2000, 2000, 201, 401, 2_000_000, UploadReason.HighLoss)]
    [InlineData(2000, 2000, 0, 0, 255_999, UploadReason.ManySmallSegments)]
    [InlineData(2000, 2000, 0, 0, 256_000, UploadReason.None)]

    // Too few to say anything.
    [InlineData(499, 500, 499, 500, 1, UploadReason.None)]
    [InlineData(500, 500, 500, 0, 1, UploadReason.HighLoss)]
    public void One_interval_is_compared_with_the_limits(int sent, int received, int again, int beyond, int bytes, UploadReason expected)
    {
        // What was before does not count.
        var before = new EngineCounters { SegmentsSent = 1 << 20, SegmentsRetransmitted = 1 << 20, OutOfOrder = 1 << 20, BytesSent = 7 };
        var watch = new LoadWatch(s_limits, Microseconds.Zero, in before);
        EngineCounters after = before;
        after.SegmentsSent += sent;
        after.SegmentsReceived += received;
        after.SegmentsRetransmitted += again;
        after.OutOfOrder += beyond;
        after.BytesSent += bytes / 2;
        after.BytesReceived += bytes - (bytes / 2);

        Assert.Equal(UploadReason.None, watch.Look(s_limits.Interval - new Microseconds(1), in after, declined: 0));
        Assert.Equal(expected, watch.Look(s_limits.Interval, in after, declined: 0));

        // The next interval begins where this one ended.
        Assert.Equal(UploadReason.None, watch.Look(s_limits.Interval * 2, in after, declined: 0));
    }

    [Fact]
    public void Each_time_that_the_host_declines_doubles_the_interval()
    {
        EngineCounters counters = default;
        var watch = new LoadWatch(s_limits, Microseconds.Zero, in counters);
        counters = new EngineCounters { SegmentsSent = 5000, SegmentsRetransmitted = 5000 };

        Assert.Equal(UploadReason.None, watch.Look((s_limits.Interval * 8) - new Microseconds(1), in counters, declined: 3));
        Assert.Equal(UploadReason.HighLoss, watch.Look(s_limits.Interval * 8, in counters, declined: 3));
    }
}
