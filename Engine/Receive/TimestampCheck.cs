using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine.Receive;

internal enum TimestampResult
{
    Pass,
    Missing,
    Old,
}

/// <summary>PAWS (RFC 7323 5) and TS.Recent (RFC 7323 4.3).</summary>
internal static class TimestampCheck
{
    /// <summary>
    /// RFC 7323 5.5: after 24 days without an update TS.Recent says nothing any more, as the peer's clock may have wrapped.
    /// </summary>
    private static readonly Microseconds Outdated = Microseconds.FromSeconds(24 * 86400);

    public static TimestampResult Test(in TcpSegment segment, in SegmentVariants variants, Microseconds now)
    {
        // RFC 7323 5.2: PAWS is not for RSTs; 3.2: nor must they carry timestamps.
        if (segment.Has(TcpFlags.Rst))
        {
            return TimestampResult.Pass;
        }

        // RFC 7323 3.2: once negotiated, a segment without timestamps should be dropped silently.
        if (!segment.Options.HasTimestamps)
        {
            return TimestampResult.Missing;
        }

        // RFC 7323 5.3 R1.
        return IsOlder(segment.Options.TsVal, variants.TsRecent) && IsUsable(variants, now) ? TimestampResult.Old : TimestampResult.Pass;
    }

    /// <summary>
    /// RFC 7323 4.3 (2) and 5.3 R3: TS.Recent follows the segment that reaches back to what we last acknowledged, so that TSecr spans our
    /// delay of the acknowledgement and a lost segment's gap.
    /// </summary>
    public static void Update(in TcpSegment segment, ref SegmentVariants variants, Microseconds now)
    {
        uint value = segment.Options.TsVal;
        if (segment.Seq <= variants.LastAckSent && !(IsOlder(value, variants.TsRecent) && IsUsable(variants, now)))
        {
            variants.TsRecent = value;
            variants.TsRecentValid = true;
            variants.TsRecentAt = now;
        }
    }

    private static bool IsOlder(uint value, uint recent) => (int)(value - recent) < 0;

    private static bool IsUsable(in SegmentVariants variants, Microseconds now) =>
        variants.TsRecentValid && now - variants.TsRecentAt <= Outdated;
}
