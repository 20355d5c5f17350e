using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>
/// How large SND_CWIN and SSTHRESH are. An algorithm holds no state of its own: all of it is in the variables, so that it survives a
/// move, and one instance serves every connection. When loss recovery begins and ends is not its business.
/// </summary>
internal interface ICongestionControl
{
    /// <summary>New data was acknowledged outside fast recovery while the window was in full use.</summary>
    /// <param name="variants">SND_UNA has moved.</param>
    /// <param name="mss">SMSS.</param>
    /// <param name="acked">Bytes acknowledged for the first time.</param>
    void OnAcked(ref SegmentVariants variants, int mss, int acked);

    /// <summary>SSTHRESH after a loss that duplicate acknowledgements have shown.</summary>
    uint ThresholdAfterLoss(in SegmentVariants variants, int mss);

    /// <summary>A retransmission time-out; the variables are as before it.</summary>
    /// <param name="variants">SND_CWIN and SSTHRESH are set.</param>
    /// <param name="mss">SMSS.</param>
    /// <param name="isFirst">Whether it is the first for this segment.</param>
    void OnTimeout(ref SegmentVariants variants, int mss, bool isFirst);

    /// <summary>Nothing was sent for longer than an RTO (RFC 5681 4.1), and now something is.</summary>
    void OnIdleRestart(ref SegmentVariants variants, int mss);
}
