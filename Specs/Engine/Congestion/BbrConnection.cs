using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>
/// A connection with BBR and without a path, in the middle of ProbeBW's cruising: 1.25 MB/s (78,125 units) and 40 ms were found, so that the product is
/// 50,000 bytes; the window is twice that. A spec sets what it wants otherwise, and says what each acknowledgement tells.
/// </summary>
internal sealed class BbrConnection
{
    public const uint Bandwidth = 78_125;

    private readonly Bbr _bbr = new();
    private SegmentVariants _v = SegmentVariants.Quiet;

    public BbrConnection(BbrPhase phase = BbrPhase.Cruise)
    {
        _v.SmoothedRtt = _v.MinRtt = 40.ms;
        _v.CongestionWindow = 100_000;
        _v.SlowStartThreshold = uint.MaxValue;
        _v.Congestion.Claim("bbr");
        _bbr.Start(ref _v, ModelPath.Mss);
        _v.Rate.Delivered = 1_000_000;
        S.NextRoundDelivered = S.LossRoundDelivered = 1_000_000;
        S.BandwidthThisCycle = S.BandwidthLastCycle = Bandwidth;
        S.MinRtt = S.ProbeRttMinDelay = 40_000;
        S.ProbeWait = 2_500_000;
        S.Set(BbrFlags.FullBandwidthReached, phase != BbrPhase.Startup);
        S.Phase = phase;
        for (int moment = 0; moment < CongestionState.Moments; moment++)
        {
            _v.Congestion.Moment(moment) = Now;
        }
    }

    public Microseconds Now { get; set; } = 100.s;

    public ref SegmentVariants V => ref _v;

    public ref BbrState S => ref _v.Congestion.As<BbrState>();

    public uint Window => _v.CongestionWindow;

    /// <summary>An acknowledgement; of bytes that left in this round trip, or (<paramref name="isRound"/>) of the first that left in the next.</summary>
    public void Acks(uint delivered = 0, bool isRound = false, Func<AckSample, AckSample>? but = null)
    {
        long prior = isRound ? _v.Rate.Delivered : S.NextRoundDelivered - 1L;
        _v.Rate.Delivered += delivered;
        var ack = new AckSample
        {
            Now = Now,
            Mss = ModelPath.Mss,
            Acked = delivered,
            Delivered = delivered,
            Rtt = 40.ms,
            Flight = 100_000,
            IsWindowLimited = true,
            RateDelivered = 50_000,
            Interval = 40.ms,
            PriorDelivered = prior,
            TxInFlight = 50_000,
        };
        _bbr.OnAcked(ref _v, but is null ? ack : but(ack));
    }

    /// <summary>An acknowledgement shows losses.</summary>
    /// <param name="lost">Bytes that were found lost with it.</param>
    /// <param name="lostSinceSent">Bytes lost since what it acknowledges was sent.</param>
    /// <param name="txInFlight">What was in flight then.</param>
    /// <param name="isRound">As of any acknowledgement.</param>
    /// <param name="but">What else.</param>
    public void Loses(uint lost, uint lostSinceSent, uint txInFlight = 100_000, bool isRound = false, Func<AckSample, AckSample>? but = null)
    {
        _v.Rate.Lost += lost;
        Acks(isRound: isRound, but: ack =>
        {
            ack = ack with { Lost = lost, LostSinceSent = lostSinceSent, TxInFlight = txInFlight };
            return but is null ? ack : but(ack);
        });
    }

    public void Reduces(LossKind kind)
    {
        var loss = new LossEvent(kind, Now, ModelPath.Mss, 100_000);
        if (kind == LossKind.Timeout)
        {
            _bbr.OnTimeout(ref _v, loss);
        }
        else
        {
            _v.SlowStartThreshold = _bbr.ThresholdAfterLoss(ref _v, loss);
        }
    }

    public void Undoes() => _bbr.OnUndo(ref _v, Now);

    public void WasIdle() => _bbr.OnIdleEnd(ref _v, new IdleEnd(Now, ModelPath.Mss, 1.s, ExceedsRto: true));
}
