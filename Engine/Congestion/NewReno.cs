using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>Slow start and congestion avoidance of RFC 5681 3.1, counting bytes and not acknowledgements (RFC 3465).</summary>
internal sealed class NewReno : ICongestionControl
{
    public string Name => "reno";

    public void OnAcked(ref SegmentVariants variants, in AckSample ack)
    {
        if (!ack.IsWindowLimited || !ack.MayWiden)
        {
            return;
        }

        uint acked = SlowStart.Grow(ref variants, ack);
        if (acked == 0)
        {
            return;
        }

        // RFC 5681 3.1, RFC 3465 2.1: one segment for each window of data acknowledged.
        ref uint credit = ref variants.Congestion.As<uint>();
        credit += acked;
        while (credit >= variants.CongestionWindow)
        {
            credit -= variants.CongestionWindow;
            variants.CongestionWindow = SlowStart.Grown(variants.CongestionWindow, (uint)ack.Mss);
        }
    }

    public uint ThresholdAfterLoss(ref SegmentVariants variants, in LossEvent loss)
    {
        variants.Congestion.As<uint>() = 0;

        // RFC 5681 3.1 (4). RFC 8511 3: a mark means a shorter queue than a loss, so that 0.8 is left and not 0.5.
        uint left = loss.Kind == LossKind.Mark ? (uint)(loss.Flight * 4L / 5) : loss.Flight / 2;
        return Math.Max(left, 2 * (uint)loss.Mss);
    }
}
