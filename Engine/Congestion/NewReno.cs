using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>
/// Slow start and congestion avoidance of RFC 5681 3.1, counting bytes and not acknowledgements (RFC 3465). Fast recovery of RFC 6582 is in
/// <see cref="Recovery.FastRecovery"/>.
/// </summary>
internal sealed class NewReno : ICongestionControl
{
    public static readonly NewReno Instance = new();

    private NewReno()
    {
    }

    public void OnAcked(ref SegmentVariants variants, int mss, int acked)
    {
        if (variants.CongestionWindow < variants.SlowStartThreshold)
        {
            // RFC 3465 2.2, 2.3: at most L segments for one acknowledgement, L = 2, and 1 in the slow start that follows a time-out.
            int limit = variants.Recovery == RecoveryPhase.Loss ? mss : 2 * mss;
            variants.CongestionWindow = Grown(variants.CongestionWindow, Math.Min(acked, limit));
            return;
        }

        // RFC 5681 3.1, RFC 3465 2.1: one segment for each window of data acknowledged.
        variants.CongestionCredit += (uint)acked;
        if (variants.CongestionCredit >= variants.CongestionWindow)
        {
            variants.CongestionCredit -= variants.CongestionWindow;
            variants.CongestionWindow = Grown(variants.CongestionWindow, mss);
        }
    }

    public uint ThresholdAfterLoss(in SegmentVariants variants, int mss)
    {
        // RFC 5681 3.1 (4): max(FlightSize / 2, 2 * SMSS). What limited transmit sent is not to be counted (RFC 5681 3.2 step 2): the
        // window bounds what the flight was before it.
        uint flight = Math.Min((uint)(variants.SndNxt - variants.SndUna), variants.CongestionWindow);
        return Math.Max(flight / 2, 2 * (uint)mss);
    }

    public void OnTimeout(ref SegmentVariants variants, int mss, bool isFirst)
    {
        // RFC 5681 3.1: SSTHRESH is held when the segment was sent again by the timer before.
        if (isFirst)
        {
            variants.SlowStartThreshold = ThresholdAfterLoss(variants, mss);
        }

        // RFC 5681 3.1: the loss window is one segment.
        variants.CongestionWindow = (uint)mss;
        variants.CongestionCredit = 0;
    }

    public void OnIdleRestart(ref SegmentVariants variants, int mss)
    {
        // RFC 5681 4.1: RW = min(IW, cwnd).
        variants.CongestionWindow = Math.Min(variants.CongestionWindow, InitialWindow.For(mss));
    }

    // No window field can say more than 2^30.
    private static uint Grown(uint window, int by) => Math.Min(window + (uint)by, 1u << 30);
}
