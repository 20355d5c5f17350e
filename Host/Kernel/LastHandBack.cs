using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// What the kernel was given at the last upload and does not tell when the connection is taken out again. A connection may move more often
/// than its round trip is measured or its timer runs out, and must not forget either; and the window that it had found took it longer still:
/// the kernel's socket is a new one and begins with ten segments.
/// </summary>
internal sealed class LastHandBack
{
    /// <summary>It was never given anything, or has given it away again.</summary>
    public static readonly LastHandBack None = new();

    private readonly SegmentVariants _variants;
    private readonly MacAddress _nextHop;

    private LastHandBack()
    {
    }

    /// <param name="state">As the TOE gave it back.</param>
    /// <param name="now">The host's clock.</param>
    public LastHandBack(in HandBack state, Microseconds now) =>
        (_variants, _nextHop) = (state.Variants.ToDeadlines(now), state.Segment.Neighbor.Mac);

    /// <summary>What it was given, times as deadlines.</summary>
    public ref readonly SegmentVariants Given => ref _variants;

    /// <param name="variants">Read from the kernel, times remaining.</param>
    /// <param name="hasRetransmitted">Whether the kernel has sent anything again.</param>
    /// <param name="nextHop">Where the next segment will go.</param>
    /// <param name="now">The host's clock.</param>
    public void Complete(ref SegmentVariants variants, bool hasRetransmitted, MacAddress nextHop, Microseconds now)
    {
        if (this == None)
        {
            return;
        }

        CompleteCongestion(ref variants, hasRetransmitted, now);
        if (variants.SmoothedRtt == Microseconds.Zero && _variants.SmoothedRtt > Microseconds.Zero)
        {
            (variants.SmoothedRtt, variants.Delta) = (_variants.SmoothedRtt, _variants.Delta);
            (variants.MinRtt, variants.Rto) = (_variants.MinRtt, _variants.Rto);
        }

        if (variants.Flight == 0)
        {
            return;
        }

        variants.RetransmitAt = variants.Rto;
        if (_variants.Flight > 0 && _variants.SndUna == variants.SndUna && !_variants.RetransmitAt.IsNever)
        {
            // The same bytes are in flight still: their timer runs on. What left to an address that is no more need not be waited for.
            variants.RetransmitAt = nextHop == _nextHop
                ? Microseconds.Max(_variants.RetransmitAt - now, Microseconds.Zero)
                : Microseconds.Zero;
            variants.Probe = _variants.Probe;
            variants.Retransmissions = _variants.Retransmissions;
            variants.RtoBackoff = _variants.RtoBackoff;
            variants.StalledSince = _variants.StalledSince.IsNever ? Microseconds.Never : _variants.StalledSince - now;
        }
    }

    /// <summary>
    /// The window, what the congestion control knows, and the recovery under way. The kernel has answered for what it found lost with a window of its own,
    /// which says nothing of ours: ours is to be reduced once.
    /// </summary>
    private void CompleteCongestion(ref SegmentVariants variants, bool hasRetransmitted, Microseconds now)
    {
        uint kernels = variants.CongestionWindow;
        SegmentVariants given = _variants.ToTimesRemaining(now);
        variants.Congestion = given.Congestion;
        variants.Rate = given.Rate;
        variants.Sacked = variants.SndUna == given.SndUna ? Math.Min(given.Sacked, variants.Flight) : 0;
        variants.ReorderWindow = given.ReorderWindow;
        variants.PathSearch = given.PathSearch;
        variants.CongestionWindow = given.CongestionWindow;
        variants.SlowStartThreshold = given.SlowStartThreshold;
        if (given.Recovery == RecoveryPhase.Open)
        {
            variants.OwesReduction = hasRetransmitted;
            variants.CongestionWindow = hasRetransmitted ? given.CongestionWindow : Math.Max(given.CongestionWindow, kernels);
        }
        else if (variants.SndUna >= given.SndUna && variants.SndUna < given.RecoveryPoint)
        {
            // RFC 6298 5.4: what has not been sent again since the time-out still has to be. What the kernel has sent again meanwhile is sent once more at worst.
            variants.Recovery = given.Recovery;
            variants.RecoveryPoint = given.RecoveryPoint;
            variants.Reduction = given.Reduction;
            variants.RetransmittedTo = given.RetransmittedTo;
            variants.SndNxt = given.SndNxt == given.SndMax ? variants.SndMax : SeqNum.Max(variants.SndUna, given.SndNxt);
        }
        else if (given.Recovery == RecoveryPhase.FastRecovery && given.SlowStartThreshold != uint.MaxValue)
        {
            // RFC 9937 6.4. Without a threshold it was an algorithm that sets its window in recovery too (BBR): that is kept.
            variants.CongestionWindow = given.SlowStartThreshold;
        }
    }
}
