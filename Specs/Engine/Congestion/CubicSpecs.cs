using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Recovery;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>The numbers are the sections of RFC 9438.</summary>
public class CubicSpecs
{
    private const int Mss = ModelPath.Mss;

    // 4.6
    [Theory]
    [InlineData(LossKind.Loss, 70_000u)]
    [InlineData(LossKind.Timeout, 70_000u)]
    [InlineData(LossKind.Mark, 85_000u)] // RFC 8511 3
    public void What_a_sign_of_congestion_leaves(LossKind kind, uint expected)
    {
        SegmentVariants v = Window(100_000);
        Assert.Equal(expected, new Cubic().ThresholdAfterLoss(ref v, Sign(kind)));
    }

    // 4.6
    [Fact]
    public void Two_segments_are_left_at_least()
    {
        SegmentVariants v = Window(2000);
        Assert.Equal(2000u, new Cubic().ThresholdAfterLoss(ref v, Sign(LossKind.Loss)));
    }

    // 4.6: at once, as recovery begins
    [Fact]
    public void In_the_engine_a_lost_segment_leaves_seven_tenths()
    {
        using Conversation link = SackPath.Link(window: 10_000, invariants: Setup.Invariants with { CongestionControl = "cubic" });
        link.Writes(Seconds(1), 10_000);
        link.Receives(Seconds(1.1), link.Sack(0, (1000, 4000)));
        Assert.Equal((RecoveryPhase.FastRecovery, 7000u), (link.V.Recovery, link.V.SlowStartThreshold));
        link.Receives(Seconds(1.2), link.Ack(10_000));
        Assert.Equal((RecoveryPhase.Open, 7000u), (link.V.Recovery, link.V.CongestionWindow));
    }

    // 4.6: the window counts only where it was used
    [Fact]
    public void A_window_that_was_not_in_use_is_reduced_from_what_was_in_flight()
    {
        Cubic cubic = new();
        SegmentVariants v = Window(100_000);
        cubic.OnAcked(ref v, Ack(Seconds(1)) with { IsWindowLimited = false });
        Assert.Equal(7_000u, cubic.ThresholdAfterLoss(ref v, Sign(LossKind.Loss) with { Flight = 10_000 }));
    }

    // 4.2, 4.4, 4.5: 1000 segments of window, so that K is cbrt(300 / 0.4) = 9.086 s; Reno would have far less
    [Fact]
    public void After_a_loss_the_window_is_back_at_K_and_follows_the_curve()
    {
        ModelPath path = Path(1_000_000, roundTrip: 200_000);
        Lose(path);
        path.RunFor(Microseconds.FromMilliseconds(300));
        Microseconds epoch = path.V.Congestion.Moment(0);
        Assert.Equal(9_086_000, path.V.Congestion.As<CubicState>().Curve.K, 100_000d);
        path.AfterAck = () =>
        {
            double t = (path.Now - epoch).Value / 1_000_000.0;
            double curve = 1_000_000 + (Mss * 0.4 * Math.Pow(t - 9.0856, 3));
            Assert.InRange(path.V.CongestionWindow, curve - 25_000, curve + (Mss * 0.4 * Math.Pow(Math.Max(0, t - 8.8), 3)) + 45_000);
        };
        path.RunFor(Seconds(9));
        Assert.InRange(path.V.CongestionWindow, 985_000u, 1_005_000u);
        path.RunFor(Seconds(6));
        Assert.InRange(path.V.CongestionWindow, 1_060_000u, 1_120_000u);
    }

    // 4.3: 20 segments at 10 ms, where the curve moves far slower than Reno: 9/17 segments a round trip, and one from cwnd_prior on
    [Fact]
    public void Where_the_product_is_small_it_grows_as_Reno()
    {
        ModelPath path = Path(20_000, roundTrip: 10_000);
        Lose(path);
        path.RunFor(Microseconds.FromMilliseconds(20));
        uint from = path.V.CongestionWindow;
        path.RunFor(Microseconds.FromMilliseconds(100));
        Assert.InRange(path.V.CongestionWindow, from + 4_200u, from + 6_100u);
        path.RunFor(Microseconds.FromMilliseconds(100));
        uint prior = path.V.CongestionWindow;
        Assert.True(prior >= 20_000, $"{prior}");
        path.RunFor(Microseconds.FromMilliseconds(100));
        Assert.InRange(path.V.CongestionWindow, prior + 8_500u, prior + 10_500u);
    }

    [Fact]
    public void On_a_path_of_fifty_microseconds_it_grows_a_segment_in_a_round_trip_and_no_less()
    {
        ModelPath path = Path(20_000, roundTrip: 50);
        Lose(path);
        path.RunFor(Microseconds.FromMilliseconds(5));
        uint from = path.V.CongestionWindow;
        path.RunFor(Microseconds.FromMilliseconds(5));
        Assert.InRange(path.V.CongestionWindow, from + 85_000u, from + 101_000u);
    }

    // 4.2: the target is bounded
    [Fact]
    public void It_never_grows_by_more_than_half_in_a_round_trip()
    {
        Cubic cubic = new();
        SegmentVariants v = Window(100_000);
        v.SlowStartThreshold = 100_000;
        v.SmoothedRtt = Microseconds.FromMilliseconds(100);
        cubic.OnAcked(ref v, Ack(Seconds(1)));
        uint before = v.CongestionWindow;
        cubic.OnAcked(ref v, Ack(Seconds(300)) with { Acked = 100_000, Delivered = 100_000 });
        Assert.InRange(v.CongestionWindow, before + 40_000, before * 3 / 2);
    }

    // 4.2: W_cubic(t + RTT) < cwnd
    [Fact]
    public void Above_the_curve_it_stays_where_it_is()
    {
        Cubic cubic = new();
        SegmentVariants v = Window(100_000);
        v.SlowStartThreshold = 100_000;
        v.SmoothedRtt = Microseconds.FromMilliseconds(100);
        cubic.OnAcked(ref v, Ack(Seconds(1)));
        v.CongestionWindow = 150_000;
        cubic.OnAcked(ref v, Ack(Seconds(2)));
        Assert.Equal(150_000u, v.CongestionWindow);
    }

    // 4.2: the window grows, and a stage begins, with acknowledgements of new data only.
    [Fact]
    public void A_report_by_SACK_leaves_window_and_stage_as_they_are()
    {
        Cubic cubic = new();
        SegmentVariants v = Window(100_000);
        v.SlowStartThreshold = 100_000;
        cubic.OnAcked(ref v, Ack(Seconds(1)));
        uint window = v.CongestionWindow;
        cubic.OnAcked(ref v, Ack(Seconds(2)) with { Acked = 0 });
        Assert.Equal((window, Seconds(1)), (v.CongestionWindow, v.Congestion.Moment(0)));
    }

    // 4.7
    [Fact]
    public void A_window_that_did_not_get_back_gives_way_to_others()
    {
        Cubic cubic = new();
        SegmentVariants v = Window(100_000);
        cubic.ThresholdAfterLoss(ref v, Sign(LossKind.Loss));
        Assert.Equal(100_000u, v.Congestion.As<CubicState>().Curve.Plateau);
        v.CongestionWindow = 80_000;
        cubic.ThresholdAfterLoss(ref v, Sign(LossKind.Loss));
        Assert.Equal(68_000u, v.Congestion.As<CubicState>().Curve.Plateau);
        Assert.Equal(80_000u, v.Congestion.As<CubicState>().Curve.PriorWindow);
    }

    // 4.8
    [Fact]
    public void After_a_time_out_slow_start_ends_at_SSTHRESH_and_there_the_curve_is_flat()
    {
        Cubic cubic = new();
        SegmentVariants v = Window(100_000);
        TimeOut(cubic, ref v, isFirst: true);
        Assert.Equal(1000u, v.CongestionWindow);
        Assert.Equal(70_000u, v.SlowStartThreshold);
        Microseconds now = Seconds(2);
        while (v.CongestionWindow < 70_000)
        {
            cubic.OnAcked(ref v, Ack(now) with { Acked = 2000, Delivered = 2000 });
        }

        cubic.OnAcked(ref v, Ack(now));
        CubicCurve curve = v.Congestion.As<CubicState>().Curve;
        Assert.Equal(0u, curve.K);
        Assert.Equal(70_000u, curve.Plateau);
        Assert.InRange(curve.Reno, 70_000, 70_100);
        Assert.Equal(now, v.Congestion.Moment(0));
    }

    // RFC 5681 3.1: SSTHRESH is held when the segment had timed out before
    [Fact]
    public void A_second_time_out_of_the_same_segment_holds_SSTHRESH()
    {
        Cubic cubic = new();
        SegmentVariants v = Window(100_000);
        TimeOut(cubic, ref v, isFirst: true);
        TimeOut(cubic, ref v, isFirst: false);
        Assert.Equal(70_000u, v.SlowStartThreshold);
        Assert.Equal(1000u, v.CongestionWindow);
    }

    // 4.9
    [Theory]
    [InlineData(LossKind.Loss)]
    [InlineData(LossKind.Timeout)]
    public void A_reduction_for_nothing_is_taken_back_with_its_curve(LossKind kind)
    {
        Cubic cubic = new();
        ModelPath path = Path(1_000_000, roundTrip: 200_000, cubic);
        Lose(path);
        path.RunFor(Seconds(5));
        CubicCurve before = path.V.Congestion.As<CubicState>().Curve;
        Microseconds epoch = path.V.Congestion.Moment(0);
        SegmentVariants v = path.V;
        cubic.ThresholdAfterLoss(ref v, Sign(kind));
        Assert.NotEqual(before, v.Congestion.As<CubicState>().Curve);
        v.Recovery = RecoveryPhase.FastRecovery;

        // A time-out in the recovery, which is undone with it.
        cubic.ThresholdAfterLoss(ref v, Sign(LossKind.Timeout));
        cubic.OnUndo(ref v, path.Now);
        Assert.Equal(before, v.Congestion.As<CubicState>().Curve);
        Assert.Equal(epoch, v.Congestion.Moment(0));
    }

    // 4.2, 5.8: 8 s in which the application writes next to nothing do not move the curve
    [Fact]
    public void Time_in_which_the_window_is_not_in_use_does_not_count()
    {
        ModelPath path = Path(1_000_000, roundTrip: 200_000);
        Lose(path);
        path.RunFor(Seconds(2));
        Microseconds epoch = path.V.Congestion.Moment(0);
        uint window = path.V.CongestionWindow;
        path.Application = 1;
        path.RunFor(Seconds(8));
        Assert.InRange(path.V.CongestionWindow, window, window + 40_000);
        new Cubic().OnIdleEnd(ref path.V, new IdleEnd(path.Now, Mss, Seconds(8), ExceedsRto: false));
        path.Application = 0;
        Assert.InRange((path.V.Congestion.Moment(0) - epoch).Value, 7_500_000, 8_000_000);
    }

    // RFC 5681 4.1
    [Fact]
    public void After_a_time_out_of_idleness_the_window_restarts()
    {
        SegmentVariants v = Window(100_000);
        new Cubic().OnIdleEnd(ref v, new IdleEnd(Seconds(9), Mss, Seconds(8), ExceedsRto: true));
        Assert.Equal(10_000u, v.CongestionWindow);
    }

    // 4.10: slow start ended without a loss
    [Fact]
    public void Without_a_loss_the_curve_begins_flat_where_slow_start_ended()
    {
        Cubic cubic = new();
        SegmentVariants v = Window(100_000);
        v.SlowStartThreshold = 100_000;
        cubic.OnAcked(ref v, Ack(Seconds(1)));
        CubicCurve curve = v.Congestion.As<CubicState>().Curve;
        Assert.Equal((100_000u, 100_000u, 0u), (curve.PriorWindow, curve.Plateau, curve.K));
    }

    [Fact]
    public void In_fast_recovery_it_does_nothing()
    {
        SegmentVariants v = Window(100_000);
        v.SlowStartThreshold = 100_000;
        new Cubic().OnAcked(ref v, Ack(Seconds(1)) with { Recovery = RecoveryPhase.FastRecovery });
        Assert.Equal(100_000u, v.CongestionWindow);
        Assert.True(v.Congestion.Moment(0).IsNever);
    }

    // RFC 7323 2.3
    [Fact]
    public void No_window_is_larger_than_a_window_field_can_say()
    {
        Cubic cubic = new();
        SegmentVariants v = Window(1 << 30);
        v.SlowStartThreshold = 1 << 30;
        v.SmoothedRtt = Microseconds.FromMilliseconds(1);
        cubic.OnAcked(ref v, Ack(Seconds(1)));
        cubic.OnAcked(ref v, Ack(Seconds(1000)) with { Acked = 1 << 30, Delivered = 1 << 30 });
        Assert.Equal(1u << 30, v.CongestionWindow);
    }

    private static Microseconds Seconds(double seconds) => Microseconds.FromSeconds(seconds);

    private static SegmentVariants Window(uint window)
    {
        SegmentVariants v = SegmentVariants.Quiet;
        v.CongestionWindow = window;
        v.Congestion.Claim("cubic");
        new Cubic().Start(ref v, Mss);
        v.Congestion.As<CubicState>().IsWindowInUse = true;
        return v;
    }

    private static AckSample Ack(Microseconds now) =>
        new() { Now = now, Mss = Mss, Acked = Mss, Delivered = Mss, Flight = 0, IsWindowLimited = true, Rtt = Microseconds.Never };

    private static LossEvent Sign(LossKind kind) => new(kind, Seconds(1), Mss, 1_000_000);

    private static void TimeOut(ICongestionControl congestion, ref SegmentVariants v, bool isFirst) =>
        congestion.OnTimeout(ref v, Sign(LossKind.Timeout) with { IsFirst = isFirst });

    /// <summary>A path on which the window alone decides.</summary>
    private static ModelPath Path(uint window, int roundTrip, Cubic? cubic = null) =>
        new(cubic ?? new Cubic(), window, threshold: window) { Bandwidth = 1e10, RoundTrip = new Microseconds(roundTrip) };

    private static void Lose(ModelPath path)
    {
        path.RunFor(path.RoundTrip + path.RoundTrip);
        path.V.Congestion.Moment(0) = Microseconds.Never;
        path.V.CongestionWindow = path.V.SlowStartThreshold;
        path.V.SlowStartThreshold = new Cubic().ThresholdAfterLoss(
            ref path.V, new LossEvent(LossKind.Loss, path.Now, Mss, path.InFlight));
        path.V.CongestionWindow = path.V.SlowStartThreshold;
    }
}
