using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide.Policy;

/// <summary>What moving a connection's bytes has taken: payload bytes, and segments of the wire.</summary>
public readonly record struct Work(long BytesReceived, long BytesSent, long SegmentsReceived, long SegmentsSent)
{
    /// <summary>Payload of a full segment on Ethernet: 1,500 bytes less the headers of IPv4 and of TCP with timestamps.</summary>
    public const int FullSegment = 1448;

    public long Bytes => BytesReceived + BytesSent;

    public long Segments => SegmentsReceived + SegmentsSent;

    /// <summary>
    /// Segments beyond those that the bytes would fill: messages shorter than a segment, and acknowledgements by themselves. Each is a frame, and mostly
    /// somebody who is woken for it; the full ones come and go in frames of dozens.
    /// </summary>
    public double Exchanges => Math.Max(0, Segments - ((double)Bytes / FullSegment));

    /// <summary>Since a connection was set up.</summary>
    public static Work Of(ConnectionStatistics statistics)
    {
        ArgumentNullException.ThrowIfNull(statistics);
        return new Work(
            statistics.Received.Bytes, statistics.Sent.Bytes, statistics.Received.Segments, statistics.Sent.Segments);
    }

    /// <summary>In a second, at the rates of the last sample.</summary>
    public static Work OfSecond(ConnectionStatistics statistics)
    {
        ArgumentNullException.ThrowIfNull(statistics);
        return new Work(
            (long)statistics.Received.BytesPerSecond,
            (long)statistics.Sent.BytesPerSecond,
            (long)statistics.Received.SegmentsPerSecond,
            (long)statistics.Sent.SegmentsPerSecond);
    }

    public static Work operator +(Work left, Work right) => new(
        left.BytesReceived + right.BytesReceived,
        left.BytesSent + right.BytesSent,
        left.SegmentsReceived + right.SegmentsReceived,
        left.SegmentsSent + right.SegmentsSent);

    /// <summary>What was done between two moments. Never less than nothing: an owner that crashed has taken back what it had not committed.</summary>
    public static Work operator -(Work later, Work earlier) => new(
        Math.Max(0, later.BytesReceived - earlier.BytesReceived),
        Math.Max(0, later.BytesSent - earlier.BytesSent),
        Math.Max(0, later.SegmentsReceived - earlier.SegmentsReceived),
        Math.Max(0, later.SegmentsSent - earlier.SegmentsSent));

    /// <summary>What was done when that share of the way to <paramref name="later"/> was gone.</summary>
    internal Work Towards(Work later, double share) => new(
        BytesReceived + (long)(share * (later.BytesReceived - BytesReceived)),
        BytesSent + (long)(share * (later.BytesSent - BytesSent)),
        SegmentsReceived + (long)(share * (later.SegmentsReceived - SegmentsReceived)),
        SegmentsSent + (long)(share * (later.SegmentsSent - SegmentsSent)));
}
