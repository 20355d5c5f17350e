using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>CUBIC (RFC 9438), with HyStart++ (RFC 9406) for the first slow start.</summary>
internal sealed class Cubic : ICongestionControl
{
    // Moments.

    /// <summary>t_epoch, moved on by whatever time does not count; Never: congestion avoidance has not begun.</summary>
    private const int Epoch = 0;

    /// <summary>Until when the time since t_epoch has been looked at.</summary>
    private const int CountedUntil = 1;

    /// <summary>t_epoch as before the last reduction.</summary>
    private const int UndoEpoch = 2;

    /// <summary>RFC 9438 4.6: beta_cubic, in hundredths.</summary>
    private const uint BetaForLoss = 70;

    /// <summary>RFC 8511 3: a mark means a short queue, so less is given up.</summary>
    private const uint BetaForMark = 85;

    /// <summary>alpha_cubic of RFC 9438 4.3: 3 * (1 - beta) / (1 + beta).</summary>
    private const double Alpha = 9.0 / 17.0;

    public string Name => "cubic";

    public void Start(ref SegmentVariants variants, int mss) => variants.Congestion.As<CubicState>().HyStart = HyStart.Begin(variants);

    public void OnAcked(ref SegmentVariants variants, in AckSample ack)
    {
        ref CubicState state = ref variants.Congestion.As<CubicState>();
        state.IsWindowInUse = ack.IsWindowLimited;
        if (!ack.MayWiden)
        {
            return;
        }

        if (HyStart.AppliesTo(variants))
        {
            state.HyStart.OnAcked(ref variants, ack);
            return;
        }

        if (!ack.IsWindowLimited)
        {
            SkipTime(ref variants.Congestion, ack.Now);
            return;
        }

        if (variants.CongestionWindow < variants.SlowStartThreshold)
        {
            // The next stage of congestion avoidance begins when slow start is over.
            variants.Congestion.Moment(Epoch) = Microseconds.Never;
        }

        uint acked = SlowStart.Grow(ref variants, ack);
        if (acked == 0)
        {
            return;
        }

        if (variants.Congestion.Moment(Epoch).IsNever)
        {
            BeginStage(ref variants, ref state, ack);
        }

        variants.Congestion.Moment(CountedUntil) = ack.Now;
        Grow(ref variants, ref state, ack, Math.Min(acked, variants.CongestionWindow));
    }

    public uint ThresholdAfterLoss(ref SegmentVariants variants, in LossEvent loss)
    {
        ref CongestionState congestion = ref variants.Congestion;
        ref CubicState state = ref congestion.As<CubicState>();
        if (variants.Recovery == RecoveryPhase.Open)
        {
            // A time-out in recovery does not make forget what was before both (RFC 3522 3.2, RFC 4015 3.1).
            state.Undo = state.Curve;
            congestion.Moment(UndoEpoch) = congestion.Moment(Epoch);
        }

        congestion.Moment(Epoch) = Microseconds.Never;

        // RFC 9438 4.6: FlightSize, or the window where it did not grow beyond what was in flight, which is when it was in full use.
        uint window = variants.CongestionWindow;
        if (!state.IsWindowInUse)
        {
            window = Math.Min(window, loss.Flight);
        }

        uint beta = loss.Kind == LossKind.Mark ? BetaForMark : BetaForLoss;
        state.Curve.PriorWindow = window;
        state.Curve.Plateau = loss.Kind == LossKind.Timeout ? 0
            : window < state.Curve.Plateau ? (uint)((ulong)window * (100 + beta) / 200) // RFC 9438 4.7: fast convergence.
            : window;
        return Math.Max((uint)((ulong)window * beta / 100), 2 * (uint)loss.Mss);
    }

    /// <summary>RFC 9438 4.9: the curve goes on as if nothing had been.</summary>
    public void OnUndo(ref SegmentVariants variants, Microseconds now)
    {
        ref CubicState state = ref variants.Congestion.As<CubicState>();
        state.Curve = state.Undo;
        variants.Congestion.Moment(Epoch) = variants.Congestion.Moment(UndoEpoch);
    }

    public void OnIdleEnd(ref SegmentVariants variants, in IdleEnd idle)
    {
        SkipTime(ref variants.Congestion, idle.Now);
        InitialWindow.Restart(ref variants, idle);
    }

    /// <summary>RFC 9438 4.2, 5.8: t does not include the time in which the window was not in full use.</summary>
    private static void SkipTime(ref CongestionState congestion, Microseconds now)
    {
        if (!congestion.Moment(Epoch).IsNever)
        {
            congestion.Moment(Epoch) += now - congestion.Moment(CountedUntil);
            congestion.Moment(CountedUntil) = now;
        }
    }

    /// <summary>A stage of congestion avoidance begins: t_epoch, K, W_max and W_est.</summary>
    private static void BeginStage(ref SegmentVariants variants, ref CubicState state, in AckSample ack)
    {
        uint window = variants.CongestionWindow;
        variants.Congestion.Moment(Epoch) = ack.Now;
        state.Fraction = 0;
        ref CubicCurve curve = ref state.Curve;
        curve.Reno = window;

        // RFC 9438 4.10: HyStart++ ended slow start without a loss; or another owner did.
        if (curve.PriorWindow == 0)
        {
            curve.PriorWindow = window;
        }

        if (curve.Plateau <= window)
        {
            // RFC 9438 4.8 and 4.10; and where slow start went beyond W_max.
            curve.Plateau = window;
        }

        curve.K = (uint)CubicFunction.K(curve.Plateau - window, ack.Mss).Value;
    }

    private static void Grow(ref SegmentVariants variants, ref CubicState state, in AckSample ack, uint acked)
    {
        ref CubicCurve curve = ref state.Curve;
        double window = variants.CongestionWindow + state.Fraction;
        Microseconds sinceK = ack.Now - variants.Congestion.Moment(Epoch) - new Microseconds(curve.K);

        // RFC 9438 4.3: what Reno would have, in bytes as RFC 3465 counts them.
        double alpha = curve.Reno >= curve.PriorWindow ? 1.0 : Alpha;
        curve.Reno += alpha * ack.Mss * acked / window;
        if (CubicFunction.Window(sinceK, curve.Plateau, ack.Mss) < curve.Reno)
        {
            window = Math.Max(window, curve.Reno);
        }
        else
        {
            // RFC 9438 4.4 and 4.5, with the bounds of 4.2.
            double target = CubicFunction.Window(sinceK + variants.SmoothedRtt, curve.Plateau, ack.Mss);
            window += (Math.Clamp(target, window, 1.5 * window) - window) * acked / window;
        }

        window = Math.Min(window, SlowStart.LargestWindow);
        variants.CongestionWindow = (uint)window;
        state.Fraction = window - variants.CongestionWindow;
    }
}
