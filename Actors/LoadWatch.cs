using TcpActors.Engine.State;

namespace TcpActors.Actors;

/// <summary>Compares what a connection has counted over an interval with what its TOE is glad to carry.</summary>
internal sealed class LoadWatch
{
    private readonly UploadRequestOptions _limits;
    private Microseconds _since;
    private long _sent;
    private long _received;
    private long _again;
    private long _beyond;
    private long _bytes;

    /// <param name="limits">What it is compared with.</param>
    /// <param name="now">The TOE's clock.</param>
    /// <param name="counters">What has been counted by now.</param>
    public LoadWatch(UploadRequestOptions limits, Microseconds now, in EngineCounters counters)
    {
        _limits = limits;
        Begin(now, in counters);
    }

    /// <param name="now">The TOE's clock.</param>
    /// <param name="counters">What has been counted by now.</param>
    /// <param name="declined">How often the host has declined: each time doubles the interval.</param>
    /// <returns>What the host might take the connection back for.</returns>
    public UploadReason Look(Microseconds now, in EngineCounters counters, int declined)
    {
        if (now - _since < _limits.Interval * (1 << declined))
        {
            return UploadReason.None;
        }

        // An actor that crashed has taken back what it had not committed.
        long sent = Math.Max(1, counters.SegmentsSent - _sent);
        long received = Math.Max(1, counters.SegmentsReceived - _received);
        long bytes = counters.BytesSent + counters.BytesReceived - _bytes;
        UploadReason reason = sent + received < _limits.FewestSegments ? UploadReason.None
            : counters.SegmentsRetransmitted - _again > _limits.Loss * sent ? UploadReason.HighLoss
            : counters.OutOfOrder - _beyond > _limits.Reordering * received ? UploadReason.HighReordering
            : bytes < _limits.SmallSegment * (sent + received) ? UploadReason.ManySmallSegments
            : UploadReason.None;
        Begin(now, in counters);
        return reason;
    }

    private void Begin(Microseconds now, in EngineCounters counters)
    {
        _since = now;
        (_sent, _received) = (counters.SegmentsSent, counters.SegmentsReceived);
        (_again, _beyond) = (counters.SegmentsRetransmitted, counters.OutOfOrder);
        _bytes = counters.BytesSent + counters.BytesReceived;
    }
}
