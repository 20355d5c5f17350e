using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>
/// BBR version 3 (draft-ietf-ccwg-bbr-06, whose sections the numbers in its files are): a model of the path, of its bandwidth and its shortest
/// round trip, sets the pace and bounds what is in flight; losses above 2 % bound the model.
/// </summary>
/// <remarks>
/// Two things are coarser than in the draft. Losses are looked at once for each acknowledgement, with the state of the segment that it delivered
/// and not of each that was lost (5.5.10.2). A mark (ECN) has no answer there (3.7): what is sent may not be marked.
/// On a path that is shorter than a tick of the owners' timers the pace is kept on average only (<see cref="Transmit.Pacer"/>); there what is in
/// flight is bounded by twice the model, and from below by four segments and three runs of segments (5.5.8.1), which hosts with offloads need.
/// </remarks>
internal sealed class Bbr : ICongestionControl
{
    public string Name => "bbr";

    public bool SetsWindowInRecovery => true;

    public bool SetsPacingRate => true;

    public bool AnswersMarks => false;

    public void Start(ref SegmentVariants variants, int mss) =>
        new BbrFlow(ref variants, Silence(Microseconds.Zero, mss)).Start();

    public void OnAcked(ref SegmentVariants variants, in AckSample ack) => new BbrFlow(ref variants, ack).OnAcked();

    public uint ThresholdAfterLoss(ref SegmentVariants variants, in LossEvent loss)
    {
        if (loss.Kind == LossKind.Loss)
        {
            new BbrFlow(ref variants, Silence(loss.Now, loss.Mss)).NoteLoss();
        }

        return variants.SlowStartThreshold;
    }

    /// <summary>5.6.4.4: one segment, as nothing is known to be in flight; recovery's end gives the window back.</summary>
    public void OnTimeout(ref SegmentVariants variants, in LossEvent loss)
    {
        new BbrFlow(ref variants, Silence(loss.Now, loss.Mss)).SaveStateUponLoss();
        variants.CongestionWindow = (uint)loss.Mss;
    }

    public void OnUndo(ref SegmentVariants variants, Microseconds now) => new BbrFlow(ref variants, Silence(now, mss: 1)).OnUndo();

    public void OnIdleEnd(ref SegmentVariants variants, in IdleEnd idle) =>
        new BbrFlow(ref variants, Silence(idle.Now, idle.Mss)).OnIdleEnd();

    /// <summary>What happens without an acknowledgement.</summary>
    private static AckSample Silence(Microseconds now, int mss) =>
        new() { Now = now, Mss = mss, Acked = 0, Delivered = 0, Flight = 0, Rtt = Microseconds.Never };
}
