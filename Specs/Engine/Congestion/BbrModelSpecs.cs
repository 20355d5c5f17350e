using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>What each acknowledgement does to the model of the path, to the pace and to the window. The numbers are the sections of draft-ietf-ccwg-bbr-06.</summary>
public class BbrModelSpecs
{
    private readonly BbrConnection _bbr = new();

    // 5.2.1: where it takes over from another algorithm, or from the kernel's, round trips have been measured.
    [Theory]
    [InlineData(40, 50, 40_000)]
    [InlineData(-1, 50, 50_000)]
    [InlineData(-1, 0, 0)]
    public void It_begins_with_the_shortest_round_trip_that_is_known(int shortest, int smoothed, uint expected)
    {
        SegmentVariants variants = SegmentVariants.Quiet;
        variants.MinRtt = shortest < 0 ? Microseconds.Never : shortest.ms;
        variants.SmoothedRtt = smoothed.ms;
        variants.Congestion.Claim("bbr");
        new Bbr().Start(ref variants, ModelPath.Mss);
        Assert.Equal(expected, variants.Congestion.As<BbrState>().MinRtt);
    }

    // 5.5.7: ten seconds after it was measured, not after the one before it was.
    [Fact]
    public void A_round_trip_is_the_shortest_for_ten_seconds_after_it_was_measured()
    {
        _bbr.Now += 8.s;
        _bbr.Acks(but: ack => ack with { Rtt = 39.ms });
        _bbr.Now += 6.s;
        _bbr.Acks(but: ack => ack with { Rtt = 45.ms });
        Assert.Equal((39_000u, 45_000u), (_bbr.S.MinRtt, _bbr.S.ProbeRttMinDelay));
        _bbr.Now += 4.s + 1.us;
        _bbr.Acks(but: ack => ack with { Rtt = 46.ms });
        Assert.Equal(45_000u, _bbr.S.MinRtt);
    }

    // 5.6.2: one per cent less, so that a queue drains.
    [Theory]
    [InlineData(BbrPhase.Startup, 3_427_875)]
    [InlineData(BbrPhase.Drain, 618_750)]
    [InlineData(BbrPhase.Down, 1_113_750)]
    [InlineData(BbrPhase.Cruise, 1_237_500)]
    [InlineData(BbrPhase.Refill, 1_237_500)]
    [InlineData(BbrPhase.Up, 1_546_875)]
    [InlineData(BbrPhase.ProbeRtt, 1_237_500)]
    internal void Each_phase_has_its_pace(BbrPhase phase, long expected)
    {
        BbrConnection bbr = new(phase);
        bbr.V.Rate.PacingRate = 1;
        bbr.Acks();
        Assert.Equal(phase, bbr.S.Phase);
        Assert.Equal(expected, bbr.V.Rate.PacingRate);
    }

    // A connection that had sent one byte, and crashed, measured 31 bytes in a second: the next segment had 46 s to wait.
    [Fact]
    public void The_pace_is_never_less_than_a_segment_in_a_round_trip()
    {
        var bbr = new BbrConnection();
        bbr.S.BandwidthThisCycle = bbr.S.BandwidthLastCycle = 1;
        bbr.Acks(but: ack => ack with { RateDelivered = 1 });
        Assert.Equal(ModelPath.Mss * 25, bbr.V.Rate.PacingRate);
    }

    // 5.6.2: the first bandwidths that are measured are too low.
    [Fact]
    public void In_startup_the_pace_never_slows_down()
    {
        BbrConnection bbr = new(BbrPhase.Startup);
        bbr.V.Rate.PacingRate = 4_000_000;
        bbr.Acks();
        Assert.Equal(4_000_000, bbr.V.Rate.PacingRate);
    }

    // 5.6.4.2, 5.6.4.6; and two segments more while it probes (5.6.4.2)
    [Theory]
    [InlineData(BbrPhase.Drain, 100_000u)]
    [InlineData(BbrPhase.Down, 100_000u)]
    [InlineData(BbrPhase.Cruise, 100_000u)]
    [InlineData(BbrPhase.Refill, 100_000u)]
    [InlineData(BbrPhase.Up, 114_500u)]
    [InlineData(BbrPhase.ProbeRtt, 25_000u)]
    internal void Each_phase_has_its_window(BbrPhase phase, uint expected)
    {
        BbrConnection bbr = new(phase);
        bbr.V.CongestionWindow = 300_000;
        bbr.Acks();
        Assert.Equal((phase, expected), (bbr.S.Phase, bbr.Window));
    }

    // 5.6.4.7, and the headroom of 15 % of 5.3.3.9
    [Theory]
    [InlineData(BbrPhase.Drain, 60_000u, 100_000u)]
    [InlineData(BbrPhase.Down, 60_000u, 60_000u)]
    [InlineData(BbrPhase.Cruise, 60_000u, 51_000u)]
    [InlineData(BbrPhase.Refill, 60_000u, 60_000u)]
    [InlineData(BbrPhase.Up, 60_000u, 60_000u)]
    [InlineData(BbrPhase.ProbeRtt, 60_000u, 25_000u)]
    [InlineData(BbrPhase.ProbeRtt, 20_000u, 17_000u)]
    [InlineData(BbrPhase.Cruise, 6_000u, 5_000u)] // a segment at least
    [InlineData(BbrPhase.Cruise, 4_000u, 4_000u)] // four are left
    internal void What_was_too_much_before_bounds_the_window(BbrPhase phase, uint bound, uint expected)
    {
        BbrConnection bbr = new(phase);
        bbr.S.LongTermInflight = bound;
        bbr.Acks(but: ack => ack with { TxInFlight = 1000, IsWindowLimited = false });
        Assert.Equal((phase, expected), (bbr.S.Phase, bbr.Window));
    }

    // 5.5.10.2: what was in flight got through, with fewer losses than 2 %.
    [Theory]
    [InlineData(0u, 100_000u)]
    [InlineData(2_000u, 100_000u)]
    [InlineData(2_001u, 60_000u)]
    public void The_bound_is_raised_to_what_got_through(uint lostSinceSent, uint expected)
    {
        _bbr.S.LongTermInflight = 60_000;
        _bbr.Acks(but: ack => ack with { TxInFlight = 100_000, LostSinceSent = lostSinceSent });
        Assert.Equal(expected, _bbr.S.LongTermInflight);
    }

    // 5.5.10.2, InflightAtLoss: x such that what was lost is 2 % of it, (100,000 - 5,000) / 0.98; or 0.7 of the target.
    [Theory]
    [InlineData(5_000u, 5_000u, 96_938u)]
    [InlineData(4_000u, 5_000u, 96_938u)] // one run, as another acknowledgement found the first of it
    [InlineData(40_000u, 40_000u, 61_224u)]
    [InlineData(80_000u, 80_000u, 35_000u)]
    [InlineData(120_000u, 120_000u, 35_000u)]
    public void Losses_above_two_per_cent_while_it_probes_bound_what_is_in_flight(uint lost, uint lostSinceSent, uint expected)
    {
        BbrConnection bbr = Probing();
        bbr.Loses(lost, lostSinceSent);
        Assert.Equal((BbrPhase.Down, expected), (bbr.S.Phase, bbr.S.LongTermInflight));
        Assert.True(bbr.S.Is(BbrFlags.ProbeTooHigh));
        Assert.False(bbr.S.Is(BbrFlags.ProbeSample));
    }

    [Theory]
    [InlineData(2_000u, true)] // no more than 2 %
    [InlineData(50_000u, false)] // not what a probe sent
    public void Other_losses_do_not(uint lost, bool isProbeSample)
    {
        BbrConnection bbr = Probing();
        bbr.S.Set(BbrFlags.ProbeSample, isProbeSample);
        bbr.Loses(lost, lost);
        Assert.Equal((BbrPhase.Up, BbrState.Infinity), (bbr.S.Phase, bbr.S.LongTermInflight));
    }

    // 5.5.10.2: an application that gave too little says nothing about how much is too much.
    [Fact]
    public void Losses_of_an_application_that_writes_little_set_no_bound_and_end_the_probe()
    {
        BbrConnection bbr = Probing();
        bbr.Loses(5000, 5000, but: ack => ack with { IsAppLimited = true });
        Assert.Equal((BbrPhase.Down, BbrState.Infinity), (bbr.S.Phase, bbr.S.LongTermInflight));
    }

    // 5.5.10.3: once a round trip to 0.7, or to what was measured if that is more.
    [Fact]
    public void A_round_trip_with_a_loss_lowers_the_bounds_until_the_next_probe()
    {
        _bbr.Loses(1000, 1000, but: Slowly);
        Assert.Equal(BbrState.Infinity, _bbr.S.ShortTermInflight);
        Slow(isRound: true);
        Assert.Equal((54_687u, 70_000u), (_bbr.S.ShortTermBandwidth, _bbr.S.ShortTermInflight));
        Assert.Equal((69_998u, 866_242), (_bbr.Window, _bbr.V.Rate.PacingRate));
        _bbr.Loses(1000, 1000, but: Slowly);
        Slow(isRound: true);
        Assert.Equal((38_280u, 49_000u), (_bbr.S.ShortTermBandwidth, _bbr.S.ShortTermInflight));

        // A round trip without one changes nothing.
        Slow(isRound: true);
        Assert.Equal((38_280u, 49_000u), (_bbr.S.ShortTermBandwidth, _bbr.S.ShortTermInflight));
    }

    [Fact]
    public void The_bounds_are_not_below_what_was_delivered_in_the_round_trip()
    {
        _bbr.Loses(1000, 1000);
        _bbr.Acks(isRound: true, but: ack => ack with { RateDelivered = 80_000, Interval = 70.ms });
        Assert.Equal((78_125u, 80_000u), (_bbr.S.ShortTermBandwidth, _bbr.S.ShortTermInflight));
    }

    // 5.5.10.3: where it looks for more itself a loss is no surprise.
    [Theory]
    [InlineData(BbrPhase.Startup)]
    [InlineData(BbrPhase.Refill)]
    [InlineData(BbrPhase.Up)]
    internal void While_it_probes_a_loss_lowers_no_short_term_bound(BbrPhase phase)
    {
        BbrConnection bbr = new(phase);
        bbr.Loses(1000, 1000);
        bbr.Acks(isRound: true);
        Assert.Equal((BbrState.Infinity, BbrState.Infinity), (bbr.S.ShortTermBandwidth, bbr.S.ShortTermInflight));
    }

    // 5.5.5: the best of this cycle and the one before; of an application that writes little only what is more than that.
    [Theory]
    [InlineData(60_000u, true, 93_750u)]
    [InlineData(51_200u, true, 80_000u)]
    [InlineData(40_000u, true, 80_000u)]
    [InlineData(40_000u, false, 80_000u)]
    public void A_sample_counts_when_it_is_more_or_nothing_held_it_down(uint rateDelivered, bool isAppLimited, uint expected)
    {
        _bbr.S.BandwidthLastCycle = 80_000;
        _bbr.S.BandwidthThisCycle = 0;
        _bbr.Acks(but: ack => ack with { RateDelivered = rateDelivered, IsAppLimited = isAppLimited });
        Assert.Equal(expected, _bbr.S.MaxBandwidth);
        Assert.Equal(isAppLimited && rateDelivered < 50_000 ? 0 : rateDelivered * 25 / 16, _bbr.S.BandwidthThisCycle);
    }

    // 5.5.9: 4 ms at 1.25 MB/s are 5,000 bytes of the 20,000 that came; the window makes room for the rest.
    [Fact]
    public void What_arrives_in_lumps_widens_the_window_by_what_is_more_than_the_bandwidth()
    {
        _bbr.V.CongestionWindow = 300_000;
        _bbr.Acks(10_000);
        Assert.Equal(110_000u, _bbr.Window);
        _bbr.Now += 4.ms;
        _bbr.V.CongestionWindow = 300_000;
        _bbr.Acks(10_000);
        Assert.Equal(115_000u, _bbr.Window);

        // 16 ms since it began: no more than expected came, and it begins anew.
        _bbr.Now += 12.ms;
        _bbr.Acks(1000);
        Assert.Equal(1000u, _bbr.S.ExtraAckedDelivered);
        Assert.Equal(115_000u, _bbr.Window);
    }

    // 5.5.9: the window of the filter is ten rounds, here in two halves; of one round in startup.
    [Fact]
    public void A_lump_is_remembered_for_five_to_ten_rounds()
    {
        _bbr.Acks(10_000);
        for (int round = 1; round <= 9; round++)
        {
            _bbr.Now += 40.ms;
            _bbr.Acks(isRound: true);
            Assert.Equal(110_000u, _bbr.Window);
        }

        _bbr.Now += 40.ms;
        _bbr.Acks(isRound: true);
        Assert.Equal(100_000u, _bbr.Window);
    }

    [Fact]
    public void In_startup_a_lump_is_remembered_for_a_round()
    {
        BbrConnection bbr = new(BbrPhase.Startup);
        bbr.Acks(10_000);
        Assert.Equal(10_000u, bbr.S.ExtraAckedNow);
        bbr.Now += 40.ms;
        bbr.Acks(isRound: true);
        Assert.Equal((0u, 0u), (bbr.S.ExtraAckedNow, bbr.S.ExtraAckedBefore));
    }

    // 5.5.9: what is more than a window cannot have been in flight.
    [Fact]
    public void A_lump_counts_for_no_more_than_a_window()
    {
        _bbr.V.CongestionWindow = 4000;
        _bbr.Acks(10_000);
        Assert.Equal(4000u, _bbr.S.ExtraAckedNow);
    }

    // 5.5.7
    [Theory]
    [InlineData(9_999, 50_000, 40_000u)]
    [InlineData(10_000, 50_000, 40_000u)]
    [InlineData(10_001, 50_000, 50_000u)]
    [InlineData(1, 30_000, 30_000u)]
    public void The_shortest_round_trip_is_believed_for_ten_seconds(int later, int rtt, uint expected)
    {
        _bbr.Now += later.ms;
        _bbr.Acks(but: ack => ack with { Rtt = rtt.us });
        Assert.Equal(expected, _bbr.S.MinRtt);
    }

    // 5.5.11.2
    [Theory]
    [InlineData(LossKind.Loss)]
    [InlineData(LossKind.Timeout)]
    public void What_a_loss_that_was_none_has_bounded_is_free_again(LossKind kind)
    {
        _bbr.S.LongTermInflight = 90_000;
        _bbr.Reduces(kind);
        _bbr.S.LongTermInflight = 40_000;
        _bbr.S.FullBandwidth = 60_000;
        _bbr.S.FullBandwidthRounds = 2;
        _bbr.S.ShortTermInflight = 30_000;
        _bbr.S.ShortTermBandwidth = 20_000;
        _bbr.V.CongestionWindow = 1000;
        _bbr.Undoes();
        Assert.Equal((90_000u, BbrState.Infinity), (_bbr.S.LongTermInflight, _bbr.S.ShortTermInflight));
        Assert.Equal((BbrState.Infinity, 100_000u), (_bbr.S.ShortTermBandwidth, _bbr.Window));
        Assert.False(_bbr.S.Is(BbrFlags.LossInRound));
        Assert.Equal((0u, 0), (_bbr.S.FullBandwidth, (int)_bbr.S.FullBandwidthRounds));
    }

    // 5.6.4: it is its own model that bounds the window.
    [Fact]
    public void It_has_no_slow_start_threshold()
    {
        _bbr.Reduces(LossKind.Loss);
        _bbr.Reduces(LossKind.Mark);
        Assert.Equal(uint.MaxValue, _bbr.V.SlowStartThreshold);
    }

    // 5.6.4.4: a time-out during a recovery does not make forget the window from before it.
    [Fact]
    public void The_window_from_before_recovery_is_the_one_that_comes_back()
    {
        _bbr.Reduces(LossKind.Loss);
        _bbr.V.Recovery = RecoveryPhase.FastRecovery;
        _bbr.V.CongestionWindow = 30_000;
        _bbr.Reduces(LossKind.Timeout);
        Assert.Equal(1000u, _bbr.Window);
        _bbr.V.Recovery = RecoveryPhase.Open;
        _bbr.Acks(but: ack => ack with { Recovery = RecoveryPhase.Loss });
        Assert.Equal(100_000u, _bbr.Window);
    }

    private static BbrConnection Probing()
    {
        BbrConnection bbr = new(BbrPhase.Up);
        bbr.S.Set(BbrFlags.ProbeSample, true);
        return bbr;
    }

    private static AckSample Slowly(AckSample ack) => ack with { RateDelivered = 20_000 };

    private void Slow(bool isRound) => _bbr.Acks(isRound: isRound, but: Slowly);
}
