using TcpActors.Engine.State;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// What is left of the variables when a connection has been with the kernel: sequence numbers, windows and what TCP_REPAIR takes and gives.
/// The round trip, the congestion window, the state of a repair and every timer begin anew; only that something is in flight is known.
/// </summary>
internal static class KernelStay
{
    /// <summary>For <see cref="EngineNode.Move"/>.</summary>
    public static SegmentVariants Forget(SegmentVariants before, NodeSetup setup)
    {
        SegmentVariants after = SegmentVariants.Quiet;
        (after.SndUna, after.SndNxt, after.SndMax) = (before.SndUna, before.SndMax, before.SndMax);
        (after.SndWl1, after.SndWl2) = (before.RcvNxt, before.SndUna);
        (after.SndWnd, after.MaxWindow) = (before.SndWnd, before.MaxWindow);
        (after.RcvNxt, after.RcvWnd, after.LastAckSent) = (before.RcvNxt, before.RcvWnd, before.LastAckSent);
        after.RecoveryPoint = before.SndUna;
        (after.TsOffset, after.IpId) = (before.TsOffset, before.IpId);
        after.CongestionWindow = 10 * (uint)setup.Segment.EffectiveMss;
        after.Rto = Microseconds.FromSeconds(1);
        if (after.Flight > 0)
        {
            // TCP_INFO counts from when the socket began.
            after.LastDataSentAt = Microseconds.Zero;
            after.RetransmitAt = after.Rto;
            after.StalledSince = Microseconds.Zero;
        }

        return after;
    }
}
