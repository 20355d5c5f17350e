using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>The numbers are the sections of draft-ietf-ccwg-bbr-06.</summary>
public class BbrSpecs
{
    private const double TenMegabits = 1_250_000;

    // 5.5.5, 5.5.7
    [Theory]
    [InlineData(1_250_000, 40_000)]
    [InlineData(125_000, 100_000)]
    [InlineData(125_000_000, 1_000)]
    [InlineData(125_000_000, 50)]
    public void The_bandwidth_is_found_and_used(double bandwidth, int roundTrip)
    {
        ModelPath path = new(new Bbr()) { Bandwidth = bandwidth, RoundTrip = new Microseconds(roundTrip) };
        path.RunFor(Microseconds.FromSeconds(4));
        long before = path.Delivered;
        path.RunFor(Microseconds.FromSeconds(2));
        Assert.InRange((path.Delivered - before) / 2.0, 0.9 * bandwidth, bandwidth * 1.01);
        Assert.InRange(State(path).MaxBandwidth * (double)BbrFlow.Unit, 0.95 * bandwidth, 1.1 * bandwidth);
    }

    // 5.6.2: the engine starts it before it has looked at the window
    [Theory]
    [InlineData(0u, 0, 27_700_000)]
    [InlineData(10_000u, 100_000, 277_000)]
    [InlineData(100_000u, 100_000, 2_770_000)]
    public void It_begins_with_a_window_in_a_round_trip_faster_than_it_doubles(uint window, int rtt, long expected)
    {
        SegmentVariants v = SegmentVariants.Quiet;
        v.CongestionWindow = window;
        v.SmoothedRtt = new Microseconds(rtt);
        v.Congestion.Claim("bbr");
        new Bbr().Start(ref v, ModelPath.Mss);
        Assert.Equal(expected, v.Rate.PacingRate);
    }

    // 10.1
    [Fact]
    public void Startup_ends_where_the_bandwidth_grows_no_more_and_its_queue_is_drained()
    {
        ModelPath path = new(new Bbr()) { Bandwidth = TenMegabits, RoundTrip = Microseconds.FromMilliseconds(40) };
        HashSet<BbrPhase> seen = [];
        path.AfterAck = () => seen.Add(State(path).Phase);
        path.RunFor(Microseconds.FromSeconds(1));
        Assert.Contains(BbrPhase.Drain, seen);
        Assert.NotEqual(BbrPhase.Startup, State(path).Phase);
        Assert.InRange(path.InFlight, 40_000u, 80_000u);
    }

    // 5.3.3: down is over at once after a drain
    [Fact]
    public void It_probes_for_bandwidth_in_the_order_of_the_phases()
    {
        ModelPath path = new(new Bbr()) { Bandwidth = TenMegabits, RoundTrip = Microseconds.FromMilliseconds(40) };
        List<BbrPhase> seen = [];
        path.AfterAck = () =>
        {
            BbrPhase phase = State(path).Phase;
            if (seen.Count == 0 || seen[^1] != phase)
            {
                seen.Add(phase);
            }
        };
        path.RunFor(Microseconds.FromSeconds(4.5));
        Assert.Equal(
            [BbrPhase.Startup, BbrPhase.Drain, BbrPhase.Cruise, BbrPhase.Refill, BbrPhase.Up, BbrPhase.Down, BbrPhase.Cruise], seen.Take(7));
    }

    // 5.3.4.3
    [Fact]
    public void It_probes_for_the_round_trip_every_five_seconds_for_a_fifth_of_one()
    {
        ModelPath path = new(new Bbr()) { Bandwidth = TenMegabits, RoundTrip = Microseconds.FromMilliseconds(40) };
        List<(Microseconds At, bool Begins)> turns = [];
        bool isProbing = false;
        path.AfterAck = () =>
        {
            bool probes = State(path).Phase == BbrPhase.ProbeRtt;
            if (probes != isProbing)
            {
                turns.Add((path.Now, probes));
                isProbing = probes;
            }
        };
        path.RunFor(Microseconds.FromSeconds(17));
        Assert.True(turns.Count >= 4, $"{turns.Count} turns");
        for (int i = 0; i + 1 < turns.Count; i += 2)
        {
            Assert.InRange((turns[i + 1].At - turns[i].At).Value, 200_000, 400_000);
        }

        Assert.InRange((turns[2].At - turns[1].At).Value, 4_900_000, 5_600_000);
    }

    // 5.6.4.5
    [Fact]
    public void A_probe_for_the_round_trip_halves_what_is_in_flight_and_gives_it_back()
    {
        ModelPath path = new(new Bbr()) { Bandwidth = TenMegabits, RoundTrip = Microseconds.FromMilliseconds(40) };
        uint least = uint.MaxValue;
        path.AfterAck = () => least = State(path).Phase == BbrPhase.ProbeRtt ? Math.Min(least, path.InFlight) : least;
        path.RunFor(Microseconds.FromSeconds(8));
        Assert.InRange(least, 4000u, 26_000u);
        Assert.InRange(path.V.CongestionWindow, 90_000u, 130_000u);
    }

    // 5.5.10.2, 10.21
    [Fact]
    public void A_loss_above_two_per_cent_while_it_probes_bounds_what_is_in_flight()
    {
        ModelPath path = new(new Bbr()) { Bandwidth = TenMegabits, RoundTrip = Microseconds.FromMilliseconds(40), Queue = 5000 };
        path.RunFor(Microseconds.FromSeconds(12));
        BbrState state = State(path);
        Assert.InRange(state.LongTermInflight, 35_000u, 75_000u);
        long before = path.Delivered;
        uint lost = path.V.Rate.Lost;
        path.RunFor(Microseconds.FromSeconds(10));
        long delivered = path.Delivered - before;
        Assert.InRange(delivered / 10.0, 0.85 * TenMegabits, TenMegabits);
        Assert.InRange((path.V.Rate.Lost - lost) / (double)delivered, 0, 0.02);
    }

    // 5.3.1.3
    [Fact]
    public void Startup_ends_when_a_shallow_queue_loses_a_lot()
    {
        ModelPath path = new(new Bbr()) { Bandwidth = TenMegabits, RoundTrip = Microseconds.FromMilliseconds(100), Queue = 2000 };
        Microseconds left = Microseconds.Never;
        path.AfterAck = () => left = left.IsNever && State(path).Phase != BbrPhase.Startup ? path.Now : left;
        path.RunFor(Microseconds.FromSeconds(3));
        Assert.InRange(left.Value, 1_300_000, 2_500_000);
        Assert.NotEqual(BbrState.Infinity, State(path).LongTermInflight);
    }

    [Fact]
    public void One_per_cent_of_random_loss_costs_next_to_nothing()
    {
        ModelPath path = new(new Bbr()) { Bandwidth = TenMegabits, RoundTrip = Microseconds.FromMilliseconds(40), LossInterval = 100 };
        path.RunFor(Microseconds.FromSeconds(20));
        Assert.InRange(path.Delivered / 20.0, 0.8 * TenMegabits, TenMegabits);
    }

    // 10.16
    [Fact]
    public void A_path_that_gets_ten_times_slower_is_followed()
    {
        ModelPath path = new(new Bbr()) { Bandwidth = TenMegabits, RoundTrip = Microseconds.FromMilliseconds(40), Queue = 100_000 };
        path.RunFor(Microseconds.FromSeconds(4));
        path.Bandwidth = TenMegabits / 10;
        path.RunFor(Microseconds.FromSeconds(30));
        Assert.InRange(State(path).MaxBandwidth * (double)BbrFlow.Unit, 0.08 * TenMegabits, 0.15 * TenMegabits);
    }

    // 10.15
    [Fact]
    public void A_path_that_gets_ten_times_faster_is_used()
    {
        ModelPath path = new(new Bbr()) { Bandwidth = TenMegabits / 10, RoundTrip = Microseconds.FromMilliseconds(40), Queue = 100_000 };
        path.RunFor(Microseconds.FromSeconds(4));
        path.Bandwidth = TenMegabits;
        path.RunFor(Microseconds.FromSeconds(16));
        Assert.InRange(State(path).MaxBandwidth * (double)BbrFlow.Unit, 0.8 * TenMegabits, 1.1 * TenMegabits);
    }

    // 5.5.4
    [Fact]
    public void An_application_that_writes_little_does_not_lower_the_bandwidth()
    {
        ModelPath path = new(new Bbr()) { Bandwidth = TenMegabits, RoundTrip = Microseconds.FromMilliseconds(40) };
        path.RunFor(Microseconds.FromSeconds(2));
        path.Application = 1;
        path.RunFor(Microseconds.FromSeconds(1));
        path.Application = 100_000_000;
        uint known = State(path).MaxBandwidth;
        Assert.InRange(known * (double)BbrFlow.Unit, 0.9 * TenMegabits, 1.1 * TenMegabits);
    }

    // 10.18, 5.5.11.2
    [Fact]
    public void A_reduction_for_nothing_is_taken_back()
    {
        Bbr bbr = new();
        ModelPath path = new(bbr) { Bandwidth = TenMegabits, RoundTrip = Microseconds.FromMilliseconds(40) };
        path.RunFor(Microseconds.FromSeconds(1));
        uint window = path.V.CongestionWindow;
        BbrState before = State(path);
        bbr.ThresholdAfterLoss(ref path.V, new LossEvent(LossKind.Loss, path.Now, ModelPath.Mss, path.InFlight));
        path.V.Congestion.As<BbrState>().ShortTermInflight = 10_000;
        path.V.Congestion.As<BbrState>().ShortTermBandwidth = 10;
        path.V.CongestionWindow = 10_000;
        bbr.OnUndo(ref path.V, path.Now);
        Assert.Equal(window, path.V.CongestionWindow);
        Assert.Equal(before.ShortTermInflight, State(path).ShortTermInflight);
        Assert.Equal(before.ShortTermBandwidth, State(path).ShortTermBandwidth);
    }

    // 5.6.4.4
    [Fact]
    public void A_time_out_leaves_one_segment_and_the_end_of_recovery_gives_the_window_back()
    {
        Bbr bbr = new();
        ModelPath path = new(bbr) { Bandwidth = TenMegabits, RoundTrip = Microseconds.FromMilliseconds(40) };
        path.RunFor(Microseconds.FromSeconds(1));
        uint window = path.V.CongestionWindow;
        bbr.OnTimeout(ref path.V, new LossEvent(LossKind.Timeout, path.Now, ModelPath.Mss, path.InFlight));
        Assert.Equal((uint)ModelPath.Mss, path.V.CongestionWindow);
        path.V.Recovery = RecoveryPhase.Loss;
        path.V.RecoveryPoint = path.V.SndMax;
        path.RunFor(Microseconds.FromMilliseconds(100));
        Assert.Equal(RecoveryPhase.Open, path.V.Recovery);
        Assert.InRange(path.V.CongestionWindow, window * 9 / 10, window * 5 / 4);
    }

    // 5.4.1
    [Fact]
    public void After_idleness_it_goes_on_at_the_bandwidth_and_the_window_stays()
    {
        Bbr bbr = new();
        ModelPath path = new(bbr) { Bandwidth = TenMegabits, RoundTrip = Microseconds.FromMilliseconds(40) };
        path.RunFor(Microseconds.FromSeconds(1));
        uint window = path.V.CongestionWindow;
        path.V.Rate.AppLimitedUntil = path.V.Rate.Delivered + 1;
        Microseconds length = Microseconds.FromSeconds(30);
        bbr.OnIdleEnd(ref path.V, new IdleEnd(path.Now + length, ModelPath.Mss, length, ExceedsRto: true));
        Assert.Equal(window, path.V.CongestionWindow);
        Assert.InRange(path.V.Rate.PacingRate, (long)(0.9 * TenMegabits), (long)(1.05 * TenMegabits));
    }

    // 5.6.4.3
    [Fact]
    public void The_window_is_never_below_four_segments()
    {
        ModelPath path = new(new Bbr()) { Bandwidth = 2000, RoundTrip = new Microseconds(50), LossInterval = 7 };
        path.AfterAck = () => Assert.True(path.V.CongestionWindow >= 4 * ModelPath.Mss);
        path.RunFor(Microseconds.FromSeconds(30));
    }

    private static BbrState State(ModelPath path) => path.V.Congestion.As<BbrState>();
}
