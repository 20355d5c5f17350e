using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <summary>
/// Fast retransmit and fast recovery of RFC 6582 (NewReno): what duplicate and partial acknowledgements do to the variables. Each step says
/// whether the first unacknowledged segment is to be sent again. It does not look at SACK blocks; a scoreboard would answer the same
/// questions.
/// </summary>
internal static class FastRecovery
{
    /// <summary>RFC 5681 3.2: the duplicate acknowledgement that is taken for a loss.</summary>
    private const int DuplicateThreshold = 3;

    /// <summary>RFC 3042 2: while the first two duplicates come in, this much may be sent beyond the congestion window.</summary>
    public static uint LimitedTransmit(in SegmentVariants variants, int mss) =>
        variants.Recovery == RecoveryPhase.Open && variants.DuplicateAcks < DuplicateThreshold ? (uint)(variants.DuplicateAcks * mss) : 0;

    /// <summary>A duplicate acknowledgement (RFC 5681 2) came in.</summary>
    /// <returns>Whether to retransmit.</returns>
    public static bool OnDuplicateAck(ref SegmentVariants variants, ICongestionControl congestion, int mss, Microseconds now)
    {
        variants.DuplicateAcks = (ushort)Math.Min(ushort.MaxValue, variants.DuplicateAcks + 1);
        switch (variants.Recovery)
        {
            case RecoveryPhase.Open when variants.DuplicateAcks >= DuplicateThreshold && variants.SndUna > variants.RecoveryPoint:
                // RFC 6582 3.2 step 2: only if the acknowledgement covers more than "recover"; else the duplicates may stem from what we
                // sent again ourselves.
                variants.SlowStartThreshold = congestion.ThresholdAfterLoss(ref variants, new LossEvent(LossKind.Loss, now, mss, Math.Min((uint)(variants.SndNxt - variants.SndUna), variants.CongestionWindow)));
                variants.RecoveryPoint = variants.SndMax;
                variants.Recovery = RecoveryPhase.FastRecovery;
                variants.CongestionWindow = variants.SlowStartThreshold + (DuplicateThreshold * (uint)mss);
                return true;
            case RecoveryPhase.FastRecovery:
                // RFC 5681 3.2 step 4: each one says that a segment has left the network.
                variants.CongestionWindow += (uint)mss;
                return false;
            default:
                return false;
        }
    }

    /// <summary>New data was acknowledged during fast recovery; SND_UNA has moved.</summary>
    /// <returns>Whether to retransmit: the acknowledgement was partial.</returns>
    public static bool OnAcked(ref SegmentVariants variants, int mss, int acked)
    {
        if (variants.SndUna >= variants.RecoveryPoint)
        {
            // RFC 6582 3.2 step 3, full acknowledgement, option 1, which sends no burst.
            uint flight = Math.Max((uint)(variants.SndNxt - variants.SndUna), (uint)mss);
            variants.CongestionWindow = Math.Min(variants.SlowStartThreshold, flight + (uint)mss);
            variants.Recovery = RecoveryPhase.Open;
            return false;
        }

        // RFC 6582 3.2 step 3, partial acknowledgement: deflate by what was acknowledged, and add back one segment.
        uint deflated = variants.CongestionWindow - Math.Min(variants.CongestionWindow, (uint)acked);
        variants.CongestionWindow = Math.Max(deflated + (acked >= mss ? (uint)mss : 0), (uint)mss);
        return true;
    }

    /// <summary>RFC 6298 5.4 and RFC 6582 3.2 step 4: everything from SND_UNA on is sent again.</summary>
    public static void GoBack(ref SegmentVariants variants)
    {
        variants.RecoveryPoint = variants.SndMax;
        variants.Recovery = RecoveryPhase.Loss;
        variants.DuplicateAcks = 0;
        variants.SndNxt = variants.SndUna;

        // Karn's algorithm (RFC 6298 3).
        variants.TimedSegmentSentAt = Microseconds.Never;
    }
}
