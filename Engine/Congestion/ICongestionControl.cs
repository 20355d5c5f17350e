using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>
/// How large SND_CWIN and SSTHRESH are, and how fast is sent. One instance serves every connection and holds nothing of theirs: what an
/// algorithm remembers about a connection is in <see cref="SegmentVariants.Congestion"/>, so that it survives a move. What is lost, when
/// recovery begins and ends and what is sent in it is not its business.
/// </summary>
/// <remarks>Called by the connection's owner only. It must neither block, nor throw, nor allocate, nor read a clock.</remarks>
public interface ICongestionControl
{
    /// <summary>What <see cref="SegmentInvariants.CongestionControl"/> says to have it: lower case, as Linux names its own.</summary>
    string Name { get; }

    /// <summary>
    /// Whether it sets SND_CWIN during recovery too. If not, proportional rate reduction (RFC 9937) leads SND_CWIN to SSTHRESH.
    /// </summary>
    bool SetsWindowInRecovery => false;

    /// <summary>
    /// Whether it sets <see cref="RateVariants.PacingRate"/>. If not, sending is paced only where the host bounds it.
    /// </summary>
    bool SetsPacingRate => false;

    /// <summary>
    /// Whether it answers marks (ECN). If not, nothing is sent as ECN-capable: RFC 3168 5 asks those who claim that to answer a mark as a
    /// loss.
    /// </summary>
    bool AnswersMarks => true;

    /// <summary>It takes the connection over: its state is zero, its moments Never. SND_CWIN and SSTHRESH are what they are.</summary>
    /// <param name="variants">Of the connection.</param>
    /// <param name="mss">SMSS in bytes.</param>
    void Start(ref SegmentVariants variants, int mss)
    {
    }

    /// <summary>Something was delivered: acknowledged or reported by SACK for the first time.</summary>
    /// <param name="variants">SND_UNA has moved, recovery has been entered or left.</param>
    /// <param name="ack">What the acknowledgement told.</param>
    void OnAcked(ref SegmentVariants variants, in AckSample ack);

    /// <summary>
    /// SSTHRESH after a sign of congestion, in bytes; once for each recovery, each time-out and each window with a mark (RFC 3168 6.1.2).
    /// </summary>
    /// <param name="variants">As before the reduction; its own state may be changed.</param>
    /// <param name="loss">What happened.</param>
    uint ThresholdAfterLoss(ref SegmentVariants variants, in LossEvent loss);

    /// <summary>A retransmission time-out. RFC 5681 3.1: SSTHRESH is held when the segment had timed out before; the loss window is one segment.</summary>
    /// <param name="variants">As before it; SND_CWIN and SSTHRESH are to be set.</param>
    /// <param name="loss">Of kind <see cref="LossKind.Timeout"/>.</param>
    void OnTimeout(ref SegmentVariants variants, in LossEvent loss)
    {
        if (loss.IsFirst)
        {
            variants.SlowStartThreshold = ThresholdAfterLoss(ref variants, loss);
        }

        variants.CongestionWindow = (uint)loss.Mss;
    }

    /// <summary>
    /// The last reduction was for nothing (RFC 4015); SND_CWIN and SSTHRESH are those from before it again. Where SND_CWIN has grown beyond
    /// that meanwhile, only an algorithm that leads it itself is told (RFC 9438 4.9.2).
    /// </summary>
    /// <param name="variants">Its own state is still that of after the reduction.</param>
    /// <param name="now">The owner's clock.</param>
    void OnUndo(ref SegmentVariants variants, Microseconds now)
    {
    }

    /// <summary>Data is about to be sent, and nothing was in flight. RFC 5681 4.1: after an RTO of that, the window restarts.</summary>
    /// <param name="variants">Of the connection.</param>
    /// <param name="idle">How long it was idle.</param>
    void OnIdleEnd(ref SegmentVariants variants, in IdleEnd idle) => InitialWindow.Restart(ref variants, idle);
}
