using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>Slow start of RFC 5681 3.1, counting bytes (RFC 3465), for any algorithm that begins so.</summary>
public static class SlowStart
{
    /// <summary>
    /// RFC 9406 4.3: how many segments an acknowledgement may widen the window by where sending is not paced. RFC 3465 2.3 has 2, which grows
    /// by next to nothing where the peer's stack acknowledges dozens of segments at once.
    /// </summary>
    private const int Limit = 8;

    /// <summary>No window field can say more than 2^30 (RFC 7323 2.3).</summary>
    internal const uint LargestWindow = 1U << 30;

    /// <summary>Widens the window by what was acknowledged, up to SSTHRESH.</summary>
    /// <param name="variants">SND_CWIN.</param>
    /// <param name="ack">The acknowledgement.</param>
    /// <param name="divisor">By how much slower than that (RFC 9406 4.3).</param>
    /// <returns>Bytes acknowledged that are left for congestion avoidance; 0: it is not its turn.</returns>
    public static uint Grow(ref SegmentVariants variants, in AckSample ack, int divisor = 1)
    {
        if (variants.CongestionWindow >= variants.SlowStartThreshold)
        {
            return ack.Acked;
        }

        // RFC 3465 2.3: one segment in the slow start that follows a time-out: what is acknowledged then may have been delivered long before.
        uint limit = ack.Recovery == RecoveryPhase.Loss ? (uint)ack.Mss
            : variants.Rate.PacingRate > 0 ? uint.MaxValue : Limit * (uint)ack.Mss;
        uint counted = Math.Min(ack.Acked, limit) / (uint)divisor;
        uint by = Math.Min(counted, variants.SlowStartThreshold - variants.CongestionWindow);
        variants.CongestionWindow = Grown(variants.CongestionWindow, by);
        return counted - by;
    }

    /// <summary>The window, wider by so much, up to <see cref="LargestWindow"/>.</summary>
    public static uint Grown(uint window, uint by) => (uint)Math.Min((long)window + by, LargestWindow);
}
