using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>Gives up an eighth for a loss and takes a segment each round trip: for a path that is yours alone.</summary>
public sealed class Eighth : ICongestionControl
{
    public string Name => "eighth";

    public void OnAcked(ref SegmentVariants v, in AckSample ack)
    {
        if (ack.IsWindowLimited && ack.Recovery != RecoveryPhase.FastRecovery)
        {
            uint acked = SlowStart.Grow(ref v, ack);          // up to SSTHRESH, as everybody does
            ref uint credit = ref v.Congestion.As<uint>();    // what it remembers of this connection moves with it
            credit += acked;
            uint windows = credit / v.CongestionWindow;
            credit %= v.CongestionWindow;
            v.CongestionWindow = SlowStart.Grown(v.CongestionWindow, windows * (uint)ack.Mss);
        }
    }

    public uint ThresholdAfterLoss(ref SegmentVariants v, in LossEvent loss) =>
        Math.Max(v.CongestionWindow / 8 * 7, 2 * (uint)loss.Mss);
}
