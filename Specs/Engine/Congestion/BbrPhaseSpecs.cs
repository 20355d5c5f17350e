using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>When a phase ends and which follows. The numbers are the sections of draft-ietf-ccwg-bbr-06.</summary>
public class BbrPhaseSpecs
{
    private const int CycleAt = 3;

    // 5.3.1.2: growth of a quarter goes on.
    [Theory]
    [InlineData(48_000u, false)]
    [InlineData(47_000u, true)]
    public void Startup_ends_after_three_rounds_of_less_than_a_quarter(uint rateDelivered, bool ends)
    {
        BbrConnection bbr = new(BbrPhase.Startup);
        bbr.S.FullBandwidth = 60_000;
        for (int round = 1; round <= 3; round++)
        {
            Assert.Equal(BbrPhase.Startup, bbr.S.Phase);
            bbr.S.FullBandwidth = 60_000;

            // Only what starts a round is looked at.
            bbr.Acks(but: ack => ack with { RateDelivered = 30_000 });
            bbr.Acks(isRound: true, but: ack => ack with { RateDelivered = rateDelivered });
        }

        Assert.Equal(ends ? BbrPhase.Drain : BbrPhase.Startup, bbr.S.Phase);
    }

    [Fact]
    public void A_round_that_grew_by_a_quarter_is_none_of_the_three()
    {
        BbrConnection bbr = new(BbrPhase.Startup);
        bbr.S.FullBandwidth = 60_000;
        bbr.S.FullBandwidthRounds = 2;
        bbr.Acks(isRound: true, but: ack => ack with { RateDelivered = 48_000 });
        Assert.Equal((75_000u, 0), (bbr.S.FullBandwidth, (int)bbr.S.FullBandwidthRounds));
    }

    [Fact]
    public void Rounds_of_an_application_that_writes_little_do_not_end_it()
    {
        BbrConnection bbr = new(BbrPhase.Startup);
        bbr.S.FullBandwidth = 60_000;
        for (int round = 1; round <= 5; round++)
        {
            bbr.Acks(isRound: true, but: ack => ack with { RateDelivered = 30_000, IsAppLimited = true });
        }

        Assert.Equal(BbrPhase.Startup, bbr.S.Phase);
    }

    // 4.1.2.3: what was delivered sooner than anything comes gives no rate.
    [Fact]
    public void Rounds_in_which_no_rate_was_measured_do_not_end_it()
    {
        BbrConnection bbr = new(BbrPhase.Startup);
        bbr.S.FullBandwidth = 60_000;
        for (int round = 1; round <= 5; round++)
        {
            bbr.Acks(isRound: true, but: ack => ack with { RateDelivered = 0, Interval = Microseconds.Zero });
        }

        Assert.Equal(BbrPhase.Startup, bbr.S.Phase);
    }

    // 5.3.1.3: in a round of recovery six losses and more than 2 %.
    [Theory]
    [InlineData(6, 3_000u, RecoveryPhase.FastRecovery, true)]
    [InlineData(5, 3_000u, RecoveryPhase.FastRecovery, false)]
    [InlineData(6, 2_000u, RecoveryPhase.FastRecovery, false)]
    [InlineData(6, 3_000u, RecoveryPhase.Open, false)]
    public void Startup_ends_when_many_losses_come_in_a_round_of_recovery(int events, uint lostSinceSent, RecoveryPhase recovery, bool ends)
    {
        BbrConnection bbr = new(BbrPhase.Startup);
        for (int i = 1; i <= events; i++)
        {
            bbr.Loses(500, lostSinceSent, isRound: i == events, but: ack => ack with { Recovery = recovery });
            Assert.Equal(ends && i == events ? BbrPhase.Drain : BbrPhase.Startup, bbr.S.Phase);
        }

        Assert.Equal(ends ? 50_000 : BbrState.Infinity, bbr.S.LongTermInflight);
    }

    // 5.3.1.3: each round begins to count anew.
    [Fact]
    public void Losses_of_two_rounds_do_not_add_up()
    {
        BbrConnection bbr = new(BbrPhase.Startup);
        for (int i = 1; i <= 10; i++)
        {
            bbr.Loses(500, 3000, isRound: i % 5 == 0, but: ack => ack with { Recovery = RecoveryPhase.FastRecovery, RateDelivered = 50_000u * (uint)i });
        }

        Assert.Equal(BbrPhase.Startup, bbr.S.Phase);
    }

    // 5.3.2: when the queue is gone, after three rounds at the latest.
    [Fact]
    public void Drain_ends_when_no_more_is_in_flight_than_the_path_holds()
    {
        BbrConnection bbr = new(BbrPhase.Drain);
        bbr.Acks(but: ack => ack with { Flight = 50_001 });
        Assert.Equal(BbrPhase.Drain, bbr.S.Phase);
        bbr.Acks(but: ack => ack with { Flight = 50_000 });
        Assert.Equal(BbrPhase.Cruise, bbr.S.Phase);
    }

    [Fact]
    public void Drain_ends_after_three_rounds()
    {
        BbrConnection bbr = new(BbrPhase.Drain);
        for (int round = 1; round <= 3; round++)
        {
            bbr.Acks(isRound: true);
            Assert.Equal(BbrPhase.Drain, bbr.S.Phase);
        }

        bbr.Acks(isRound: true);
        Assert.Equal(BbrPhase.Down, bbr.S.Phase);
    }

    // 5.3.3.3, 5.3.3.8.1: below the bound, with headroom, and no more than the path holds.
    [Theory]
    [InlineData(BbrState.Infinity, 50_000u, BbrPhase.Cruise)]
    [InlineData(BbrState.Infinity, 50_001u, BbrPhase.Down)]
    [InlineData(40_000u, 34_000u, BbrPhase.Cruise)]
    [InlineData(40_000u, 34_001u, BbrPhase.Down)]
    internal void Going_down_ends_when_there_is_room_for_others(uint bound, uint flight, BbrPhase expected)
    {
        BbrConnection bbr = new(BbrPhase.Down);
        bbr.S.LongTermInflight = bound;
        bbr.Acks(but: ack => ack with { Flight = flight, TxInFlight = 1000 });
        Assert.Equal(expected, bbr.S.Phase);
    }

    // 5.3.3.8.3: 2 to 3 s, at random
    [Fact]
    public void The_next_probe_for_bandwidth_comes_after_two_to_three_seconds()
    {
        List<uint> waits = [];
        HashSet<byte> rounds = [];
        for (uint seed = 1; seed <= 200; seed++)
        {
            BbrConnection bbr = new(BbrPhase.Drain);
            bbr.S.Random = seed * 0x9E37_79B9;
            bbr.Acks(but: ack => ack with { Flight = 1000 });
            waits.Add(bbr.S.ProbeWait);
            rounds.Add(bbr.S.RoundsSinceProbe);
        }

        Assert.InRange(waits.Min(), 2_000_000u, 2_100_000u);
        Assert.InRange(waits.Max(), 2_900_000u, 2_999_999u);
        Assert.Equal(new HashSet<byte> { 0, 1 }, rounds);
    }

    // 5.3.3.8.3: for the whole of a long life.
    [Fact]
    public void The_thousandth_wait_is_as_much_at_random_as_the_first()
    {
        BbrConnection bbr = new();
        HashSet<uint> waits = [];
        for (int i = 0; i < 1000; i++)
        {
            bbr.S.Phase = BbrPhase.Drain;
            bbr.Acks(but: ack => ack with { Flight = 1000 });
            waits.Add(bbr.S.ProbeWait);
        }

        Assert.True(waits.Count > 990, $"{waits.Count} of 1000 waits differ.");
        Assert.InRange(waits.Average(wait => (double)wait), 2_450_000, 2_550_000);
    }

    [Theory]
    [InlineData(BbrPhase.Cruise)]
    [InlineData(BbrPhase.Down)]
    internal void When_it_has_waited_so_long_it_fills_the_pipe_and_forgets_short_term_bounds(BbrPhase phase)
    {
        BbrConnection bbr = new(phase);
        bbr.S.ShortTermBandwidth = 50_000;
        bbr.S.ShortTermInflight = 40_000;
        bbr.Now = bbr.V.Congestion.Moment(CycleAt) + 2500.ms;
        bbr.Acks();
        Assert.Equal(phase, bbr.S.Phase);
        bbr.Now += 1.us;
        bbr.Acks();
        Assert.Equal((BbrPhase.Refill, BbrState.Infinity), (bbr.S.Phase, bbr.S.ShortTermInflight));
        Assert.Equal(BbrState.Infinity, bbr.S.ShortTermBandwidth);
    }

    // 5.3.3.8.3: as often as Reno would lose, 63 rounds at most
    [Theory]
    [InlineData(40_000u, 100_000u, 50)]
    [InlineData(40_000u, 20_000u, 20)]
    [InlineData(100_000u, 300_000u, 63)]
    public void It_probes_after_as_many_rounds_as_there_are_segments_in_the_window_too(uint minRtt, uint window, int rounds)
    {
        BbrConnection bbr = new();
        bbr.S.MinRtt = bbr.S.ProbeRttMinDelay = minRtt;
        bbr.S.ShortTermInflight = window;
        bbr.V.CongestionWindow = window;
        for (int round = 1; round < rounds; round++)
        {
            bbr.Acks(isRound: true, but: ack => ack with { Rtt = new Microseconds(minRtt) });
            Assert.Equal(BbrPhase.Cruise, bbr.S.Phase);
        }

        bbr.Acks(isRound: true, but: ack => ack with { Rtt = new Microseconds(minRtt) });
        Assert.Equal(BbrPhase.Refill, bbr.S.Phase);
    }

    // 5.3.3.5, 5.3.3.6: a round of refilling, then up until three rounds bring nothing.
    [Fact]
    public void After_a_round_it_goes_up_until_three_rounds_bring_no_more()
    {
        BbrConnection bbr = new(BbrPhase.Refill);
        bbr.Acks();
        Assert.Equal(BbrPhase.Refill, bbr.S.Phase);
        bbr.Acks(isRound: true);
        Assert.True(bbr.S.Is(BbrFlags.ProbeSample));
        for (int round = 1; round <= 3; round++)
        {
            Assert.Equal(BbrPhase.Up, bbr.S.Phase);
            bbr.Acks(isRound: true);
        }

        Assert.Equal(BbrPhase.Down, bbr.S.Phase);
    }

    // 5.3.3.6: where the bound holds it down, not the path, it goes on.
    [Theory]
    [InlineData(true, BbrPhase.Up)]
    [InlineData(false, BbrPhase.Down)]
    internal void As_long_as_the_bound_fills_the_window_it_goes_on(bool isWindowLimited, BbrPhase expected)
    {
        BbrConnection bbr = new(BbrPhase.Up);
        bbr.S.LongTermInflight = 60_000;
        bbr.S.FullBandwidth = BbrConnection.Bandwidth;
        for (int round = 1; round <= 4; round++)
        {
            bbr.Acks(isRound: true, but: ack => ack with { IsWindowLimited = isWindowLimited, TxInFlight = 60_000, Flight = 40_000 });
        }

        Assert.Equal(expected, bbr.S.Phase == BbrPhase.Cruise ? BbrPhase.Down : bbr.S.Phase);
    }

    // 5.3.3.6: once not beyond where the last probe lost too much; and, if that was well, it probes again at once.
    [Fact]
    public void After_a_probe_that_lost_too_much_the_next_one_stops_there()
    {
        BbrConnection bbr = new(BbrPhase.Up);
        bbr.S.LongTermInflight = 60_000;
        bbr.S.Set(BbrFlags.ProbeTooHigh, true);
        bbr.Acks(but: ack => ack with { Flight = 59_999 });
        Assert.Equal(BbrPhase.Up, bbr.S.Phase);
        bbr.Acks(but: ack => ack with { Flight = 60_000 });
        Assert.Equal(BbrPhase.Down, bbr.S.Phase);
        Assert.False(bbr.S.Is(BbrFlags.ProbeTooHigh));
        bbr.Acks(isRound: true);
        Assert.Equal(BbrPhase.Refill, bbr.S.Phase);
        Assert.False(bbr.S.Is(BbrFlags.ProbePrecautionary));
    }

    // 5.3.3.9: a segment for each window of acknowledgements in the first round, two in the second, four in the third.
    [Fact]
    public void The_bound_rises_by_twice_as_many_segments_in_each_round()
    {
        BbrConnection bbr = new(BbrPhase.Refill);
        bbr.S.LongTermInflight = 60_000;
        bbr.V.CongestionWindow = 60_000;
        bbr.Acks(isRound: true, but: ack => ack with { IsWindowLimited = false });
        Assert.Equal((BbrPhase.Up, 60_000u), (bbr.S.Phase, bbr.S.ProbeUpAckedPerIncrement));
        bbr.Acks(59_999);
        Assert.Equal(60_000u, bbr.S.LongTermInflight);
        bbr.Acks(1);
        Assert.Equal(61_000u, bbr.S.LongTermInflight);
        bbr.V.CongestionWindow = 61_000;
        bbr.Acks(isRound: true);
        Assert.Equal(30_500u, bbr.S.ProbeUpAckedPerIncrement);
        bbr.Acks(61_500);
        Assert.Equal((63_000u, 500u), (bbr.S.LongTermInflight, bbr.S.ProbeUpAcked));
        bbr.V.CongestionWindow = 62_000;
        bbr.Acks(30_500);
        Assert.Equal((63_000u, 500u), (bbr.S.LongTermInflight, bbr.S.ProbeUpAcked));
    }

    // 5.3.3.3: the acknowledgements of the probe before are not those that it waits for.
    [Fact]
    public void When_the_pipe_is_filled_again_no_probe_is_stopping()
    {
        BbrConnection bbr = new();
        bbr.S.ProbeWait = 1;
        bbr.S.Set(BbrFlags.ProbeStopping, true);
        bbr.Now += 1.ms;
        bbr.Acks();
        Assert.Equal((BbrPhase.Refill, false), (bbr.S.Phase, bbr.S.Is(BbrFlags.ProbeStopping)));
    }

    // 5.3.3.1: what a probe has shown of the path is nothing that a later loss may be held against.
    [Fact]
    public void When_a_probe_ends_what_was_delivered_latest_is_forgotten()
    {
        BbrConnection bbr = new(BbrPhase.Up);
        (bbr.S.LatestBandwidth, bbr.S.LatestInflight) = (90_000, 70_000);
        bbr.S.Set(BbrFlags.FullBandwidthNow, true);
        bbr.Acks();
        Assert.Equal((BbrPhase.Down, 0u, 0u), (bbr.S.Phase, bbr.S.LatestBandwidth, bbr.S.LatestInflight));
    }

    // 5.5.6: a cycle ends when what the probe sent is acknowledged; one in which the application wrote little is none.
    [Theory]
    [InlineData(false, 50_000u)]
    [InlineData(true, BbrConnection.Bandwidth)]
    public void The_bandwidth_of_the_cycle_before_the_last_is_forgotten(bool isAppLimited, uint expected)
    {
        BbrConnection bbr = new(BbrPhase.Down);
        bbr.S.BandwidthThisCycle = 40_000;
        bbr.S.Set(BbrFlags.ProbeStopping, true);
        bbr.Acks(but: ack => ack with { RateDelivered = 32_000, IsAppLimited = isAppLimited });
        Assert.Equal(BbrConnection.Bandwidth, bbr.S.MaxBandwidth);
        bbr.Acks(isRound: true, but: ack => ack with { RateDelivered = 32_000, IsAppLimited = isAppLimited });
        Assert.Equal(expected, bbr.S.MaxBandwidth);
    }

    [Fact]
    public void A_cycle_without_a_sample_is_none()
    {
        BbrConnection bbr = new(BbrPhase.Down);
        for (int cycle = 0; cycle < 3; cycle++)
        {
            bbr.S.Set(BbrFlags.ProbeStopping, true);
            bbr.Acks(isRound: true, but: ack => ack with { Interval = Microseconds.Zero });
            Assert.False(bbr.S.Is(BbrFlags.ProbeStopping));
            Assert.Equal((0u, BbrConnection.Bandwidth), (bbr.S.BandwidthThisCycle, bbr.S.MaxBandwidth));
        }
    }

    // 5.3.4.3: five seconds after the last time the round trip was as short.
    [Theory]
    [InlineData(5_000, false, BbrPhase.Cruise)]
    [InlineData(5_001, false, BbrPhase.ProbeRtt)]
    [InlineData(5_001, true, BbrPhase.Cruise)] // idleness has emptied the path
    internal void It_probes_for_the_round_trip_after_five_seconds(int later, bool isIdle, BbrPhase expected)
    {
        BbrConnection bbr = new();
        bbr.S.ProbeWait = 9_000_000;
        bbr.Now += later.ms;
        bbr.S.Set(BbrFlags.IdleRestart, isIdle);

        // One byte that arrives ends the idleness.
        bbr.Acks(1, but: ack => ack with { Rtt = 41.ms });
        Assert.Equal(expected, bbr.S.Phase);
        Assert.False(bbr.S.Is(BbrFlags.IdleRestart));
    }

    // 5.3.4.3: the acknowledgements of what was sent before are those of a probe for bandwidth that stops.
    [Fact]
    public void A_round_after_a_probe_for_the_round_trip_began_losses_are_none_of_the_probe_for_bandwidth()
    {
        BbrConnection bbr = new(BbrPhase.Up);
        bbr.S.Set(BbrFlags.ProbeSample, true);
        bbr.Now += 5001.ms;
        bbr.Acks(but: ack => ack with { Rtt = 41.ms });
        Assert.Equal((BbrPhase.ProbeRtt, true), (bbr.S.Phase, bbr.S.Is(BbrFlags.ProbeSample)));
        bbr.Acks(isRound: true);
        bbr.Loses(500, lostSinceSent: 3_000);
        Assert.Equal((BbrState.Infinity, false), (bbr.S.LongTermInflight, bbr.S.Is(BbrFlags.ProbeTooHigh)));
    }

    // 5.3.4.3, 5.3.4.4: for 200 ms, and a round, from when no more than half is in flight.
    [Theory]
    [InlineData(true, BbrPhase.Cruise)]
    [InlineData(false, BbrPhase.Startup)]
    internal void A_probe_for_the_round_trip_takes_a_fifth_of_a_second_and_a_round(bool isBandwidthKnown, BbrPhase after)
    {
        BbrConnection bbr = new();
        bbr.S.ProbeWait = 9_000_000;
        bbr.S.Set(BbrFlags.FullBandwidthReached, isBandwidthKnown);
        bbr.Now += 5001.ms;
        bbr.Acks();
        Assert.Equal((BbrPhase.ProbeRtt, 25_000u), (bbr.S.Phase, bbr.Window));

        // As long as more is in flight the time does not begin.
        bbr.Now += 300.ms;
        bbr.Acks(isRound: true, but: ack => ack with { Flight = 25_001 });
        bbr.Acks(but: ack => ack with { Flight = 25_000 });
        bbr.Now += 201.ms;
        bbr.Acks();
        Assert.Equal(BbrPhase.ProbeRtt, bbr.S.Phase);
        bbr.Now -= 1.ms;
        bbr.Acks(isRound: true);
        Assert.Equal(BbrPhase.ProbeRtt, bbr.S.Phase);
        bbr.Now += 1.ms;
        bbr.Acks();
        Assert.Equal((after, 100_000u), (bbr.S.Phase, bbr.Window));

        // Five more seconds until the next one.
        bbr.Now += 5000.ms;
        bbr.Acks(but: ack => ack with { Rtt = 41.ms });
        Assert.NotEqual(BbrPhase.ProbeRtt, bbr.S.Phase);
    }

    // 5.3.4.3: BBR.probe_rtt_round_done; that of the probe before is not this one's.
    [Fact]
    public void Each_probe_for_the_round_trip_waits_for_a_round_of_its_own()
    {
        BbrConnection bbr = new();
        bbr.S.ProbeWait = 9_000_000;
        bbr.S.Set(BbrFlags.ProbeRttRoundDone, true);
        bbr.Now += 5001.ms;
        bbr.Acks(but: ack => ack with { Rtt = 41.ms, Flight = 25_000 });
        bbr.Now += 201.ms;
        bbr.Acks();
        Assert.Equal(BbrPhase.ProbeRtt, bbr.S.Phase);
        bbr.Acks(isRound: true);
        Assert.Equal(BbrPhase.Cruise, bbr.S.Phase);
    }

    // 5.3.4.3: what is delivered slowly because little is in flight says nothing about the path.
    [Fact]
    public void What_is_sent_during_a_probe_for_the_round_trip_is_no_measure()
    {
        BbrConnection bbr = new(BbrPhase.ProbeRtt);
        bbr.Acks(but: ack => ack with { Flight = 20_000 });
        Assert.Equal(1_020_000, bbr.V.Rate.AppLimitedUntil);
    }

    // 5.5.11.2: the phase that a loss ended goes on, if it was none.
    [Theory]
    [InlineData(BbrPhase.Startup, BbrPhase.Drain, BbrPhase.Startup)]
    [InlineData(BbrPhase.Startup, BbrPhase.ProbeRtt, BbrPhase.ProbeRtt)]
    [InlineData(BbrPhase.Up, BbrPhase.Down, BbrPhase.Refill)]
    [InlineData(BbrPhase.Up, BbrPhase.Up, BbrPhase.Up)]
    [InlineData(BbrPhase.Up, BbrPhase.ProbeRtt, BbrPhase.ProbeRtt)]
    [InlineData(BbrPhase.None, BbrPhase.Cruise, BbrPhase.Cruise)]
    internal void A_loss_that_was_none_ended_no_phase(BbrPhase ended, BbrPhase now, BbrPhase expected)
    {
        BbrConnection bbr = new(now);
        bbr.S.UndoPhase = ended;
        bbr.Undoes();
        Assert.Equal((expected, BbrPhase.None), (bbr.S.Phase, bbr.S.UndoPhase));
        Assert.Equal(ended != BbrPhase.Startup, bbr.S.Is(BbrFlags.FullBandwidthReached));
    }

    // 5.4.1: only where the application had nothing to send.
    [Theory]
    [InlineData(BbrPhase.Up, 1, 1_237_500)]
    [InlineData(BbrPhase.Up, 0, 7)]
    [InlineData(BbrPhase.Drain, 1, 7)]
    internal void After_idleness_it_goes_on_at_the_bandwidth(BbrPhase phase, long appLimitedUntil, long pace)
    {
        BbrConnection bbr = new(phase);
        bbr.V.Rate.PacingRate = 7;
        bbr.V.Rate.AppLimitedUntil = appLimitedUntil;
        bbr.WasIdle();
        Assert.Equal(pace, bbr.V.Rate.PacingRate);
        Assert.Equal(appLimitedUntil > 0, bbr.S.Is(BbrFlags.IdleRestart));
    }

    // 5.4.1
    [Fact]
    public void A_probe_for_the_round_trip_that_idleness_has_outlasted_is_over()
    {
        BbrConnection bbr = new(BbrPhase.ProbeRtt);
        bbr.V.Rate.AppLimitedUntil = 1;
        bbr.Now += 1.us;
        bbr.WasIdle();
        Assert.Equal(BbrPhase.Cruise, bbr.S.Phase);
    }
}
