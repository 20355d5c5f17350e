using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>RFC 8985 7. The round trip is 100 ms: PTO is 201 ms, RTO 300 ms.</summary>
public class TailLossProbeSpecs
{
    // 7.2, 7.3
    [Fact]
    public void When_no_acknowledgement_comes_for_two_round_trips_the_last_segment_is_sent_again()
    {
        using Conversation link = SackPath.Link();
        link.Writes(1.s, 5000);
        link.Forgets();
        link.SendsNothing(until: 1201.ms);
        link.Sends(1201.ms, seq: 4000, length: 1000);
        Assert.Equal(1, link.Engine.Counters.TailProbesSent);
    }

    // 7.3: RTO, not PTO, runs after the probe, from when it was sent.
    [Fact]
    public void After_the_probe_it_is_the_time_out_that_runs()
    {
        using Conversation link = SackPath.Link();
        link.Writes(1.s, 5000);
        link.Sends(1.s, length: 5000);
        link.Sends(1201.ms, seq: 4000, length: 1000);
        link.Sends(1501.ms, seq: 0, length: 1000);
        Assert.Equal(1, link.Engine.Counters.RetransmissionTimeouts);
        Assert.Equal(RecoveryPhase.Loss, link.V.Recovery);
    }

    // 7.2: anew after new data, and after an acknowledgement of new data.
    [Fact]
    public void The_timer_is_restarted_by_new_data_and_by_acknowledgements()
    {
        using Conversation link = SackPath.Link();
        link.Writes(1.s, 2000);
        link.Writes(1050.ms, 2000);
        link.Forgets();
        link.SendsNothing(until: 1100.ms);
        link.Receives(1100.ms, link.Ack(2000));
        link.SendsNothing(until: 1301.ms);
        link.Sends(1301.ms, seq: 3000, length: 1000);
    }

    // 7.2: "after transmitting new data".
    [Fact]
    public void New_data_puts_the_probe_off()
    {
        using Conversation link = SackPath.Link();
        link.Writes(1.s, 2000);
        link.Writes(1050.ms, 2000);
        link.Forgets();
        link.Sends(1251.ms, seq: 3000, length: 1000);
    }

    // 7.2: a peer may hold the acknowledgement of one segment back.
    [Fact]
    public void A_single_segment_is_given_200_ms_more_but_the_probe_comes_no_later_than_the_time_out_would()
    {
        using Conversation link = SackPath.Link(variants: v => v with { Rto = 1.s });
        link.Writes(1.s, 1000);
        link.Sends(1.s, length: 1000);
        link.Sends(1400.ms, seq: 0, length: 1000);
        Assert.Equal(1, link.Engine.Counters.TailProbesSent);
    }

    // 7.2: "If Now() + PTO > TCP_RTO_expiration()": the probe takes the place of the time-out.
    [Fact]
    public void Where_the_time_out_would_come_first_the_probe_comes_then_and_the_window_is_kept()
    {
        using Conversation link = SackPath.Link();
        link.Writes(1.s, 1000);
        link.Sends(1.s, length: 1000);
        link.Sends(1300.ms, seq: 0, length: 1000);
        Assert.Equal((1, 0), (link.Engine.Counters.TailProbesSent, link.Engine.Counters.RetransmissionTimeouts));
        Assert.Equal(100_000u, link.V.CongestionWindow);
        link.Sends(1600.ms, seq: 0, length: 1000);
        Assert.Equal(1, link.Engine.Counters.RetransmissionTimeouts);
    }

    // An owner that comes late finds both due.
    [Fact]
    public void When_probe_and_time_out_are_due_at_once_it_is_the_probe_that_is_sent()
    {
        using Conversation link = SackPath.Link();
        link.Writes(1.s, 5000);
        link.Sends(1.s, length: 5000);
        link.Oversleeps(until: 1900.ms);
        link.Sends(1900.ms, seq: 4000, length: 1000);
        Assert.Equal((1, 0), (link.Engine.Counters.TailProbesSent, link.Engine.Counters.RetransmissionTimeouts));
    }

    // 8: "mutually exclusive"
    [Fact]
    public void When_the_reordering_timer_and_the_time_out_are_due_at_once_it_is_fast_recovery_that_begins()
    {
        using Conversation link = SackPath.Link();
        link.SendsSegments(1.s, 3, apart: 1.ms);
        link.Receives(1190.ms, link.Sack(0, (1000, 2000)));
        link.Oversleeps(until: 1400.ms);
        link.Sends(1400.ms, seq: 0, length: 1000);
        Assert.Equal((RecoveryPhase.FastRecovery, 0), (link.V.Recovery, link.Engine.Counters.RetransmissionTimeouts));
    }

    // 7.2: one second where no round trip was measured.
    [Fact]
    public void Without_a_round_trip_the_probe_comes_after_a_second()
    {
        using Conversation link = SackPath.Link(
            variants: v => v with { SmoothedRtt = Microseconds.Zero, Rto = Microseconds.Zero, MinRtt = Microseconds.Never });
        link.Writes(1.s, 3000);
        link.Sends(1.s, length: 3000);
        link.Sends(2.s, seq: 2000, length: 1000);
        Assert.Equal(1, link.Engine.Counters.TailProbesSent);
    }

    // 7.3: new data, beyond the congestion window.
    [Fact]
    public void Where_there_is_new_data_that_is_the_probe_whatever_the_congestion_window_says()
    {
        using Conversation link = SackPath.Link(window: 2000);
        link.Writes(1.s, 5000);
        link.Sends(1.s, length: 2000);
        link.Sends(1201.ms, seq: 2000, length: 1000);

        // 7.4.2: new data delivered is no loss mended.
        link.Receives(1300.ms, link.Ack(3000));
        link.Sends(1300.ms, seq: 3000, length: 2000);
        link.Receives(1400.ms, link.Ack(5000));
        Assert.Equal((0, uint.MaxValue), (link.Engine.Counters.ProbesMended, link.V.SlowStartThreshold));
    }

    // 9.3: "congestion control will erase the overcommit upon the next ACK".
    [Fact]
    public void A_probe_beyond_the_congestion_window_is_made_up_for_by_the_next_acknowledgement()
    {
        using Conversation link = SackPath.Link(window: 2000, variants: v => v with { SlowStartThreshold = 2000 });
        link.Writes(1.s, 6000);
        link.Sends(1.s, length: 2000);
        link.Sends(1201.ms, seq: 2000, length: 1000);
        link.Receives(1250.ms, link.Ack(1000));
        link.SendsNothing();
        link.Receives(1251.ms, link.Ack(2000));
        link.Sends(1251.ms, seq: 3000, length: 2000);
    }

    // 7.3: "If Segment exists and fits the peer receive window limit"
    [Fact]
    public void New_data_that_does_not_fit_the_window_of_the_peer_is_no_probe()
    {
        using Conversation link = SackPath.Link(variants: v => v with { SndWnd = 2100, MaxWindow = 50_000 });
        link.Writes(1.s, 5000);
        link.Sends(1.s, length: 2000);
        link.Sends(1201.ms, seq: 1000, length: 1000);
    }

    // 7.3: the highest segment, as it was cut.
    [Fact]
    public void A_short_last_segment_is_sent_again_and_nothing_before_it()
    {
        using Conversation link = SackPath.Link();
        link.Writes(1.s, 2300);
        link.Sends(1.s, length: 2300);
        link.Sends(1201.ms, seq: 2000, length: 300);
    }

    // 7.4.1: the answer to the probe shows what was lost before it.
    [Fact]
    public void The_answer_to_the_probe_begins_the_recovery_of_a_lost_tail()
    {
        using Conversation link = SackPath.Link();
        link.Writes(1.s, 5000);
        link.Sends(1.s, length: 5000);
        link.Receives(1100.ms, link.Ack(2000));
        link.Sends(1301.ms, seq: 4000, length: 1000);
        link.Receives(1401.ms, link.Sack(2000, (4000, 5000)));

        // One segment was delivered, so one is sent; then they grow as in slow start (9.3).
        link.Sends(1401.ms, seq: 2000, length: 1000);
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        link.Receives(1501.ms, link.Sack(3000, (4000, 5000)));
        link.Sends(1501.ms, seq: 3000, length: 1000);
        link.Receives(1601.ms, link.Ack(5000));
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        Assert.Equal(0, link.Engine.Counters.RetransmissionTimeouts);
    }

    // RFC 7323 4.3: a report of something out of order echoes the timestamp of what came in order, which is older than the probe's.
    [Fact]
    public void With_timestamps_it_does_so_as_well()
    {
        using Conversation link = SackPath.Link(timestamps: true);
        link.Writes(1.s, 5000);
        link.Receives(1100.ms, link.Ack(2000, tsVal: 1, tsEcr: 1000));
        link.Forgets();
        link.Sends(1301.ms, seq: 4000, length: 1000);
        link.Receives(1401.ms, link.Sack(2000, (4000, 5000)) with { TsVal = 2, TsEcr = 1000 });
        link.Sends(1401.ms, seq: 2000, length: 1000);
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
    }

    // 7.1: "Reset TLP.is_retrans and TLP.end_seq when initiating ... fast recovery".
    [Fact]
    public void What_a_recovery_has_answered_for_is_not_answered_for_once_more()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        Probe(link);
        link.Receives(1301.ms, link.Sack(0, (4000, 5000)));
        uint threshold = link.V.SlowStartThreshold;
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        link.Receives(1401.ms, link.Ack(5000));
        link.Writes(1500.ms, 1000);
        link.Receives(1600.ms, link.Ack(6000));
        Assert.Equal((threshold, 0), (link.V.SlowStartThreshold, link.Engine.Counters.ProbesMended));
    }

    // 7.1: "... or RTO recovery".
    [Fact]
    public void What_a_time_out_has_answered_for_is_not_answered_for_once_more()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        Probe(link);
        link.Sends(1501.ms, seq: 0, length: 1000);
        uint threshold = link.V.SlowStartThreshold;
        Assert.Equal(RecoveryPhase.Loss, link.V.Recovery);
        link.Receives(1601.ms, link.Ack(5000));
        link.Writes(1700.ms, 1000);
        link.Receives(1800.ms, link.Ack(6000));
        Assert.Equal((threshold, 0), (link.V.SlowStartThreshold, link.Engine.Counters.ProbesMended));
    }

    // 7.4.2
    [Fact]
    public void A_loss_that_the_probe_has_mended_is_answered_for()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        Probe(link);
        link.Receives(1301.ms, link.Ack(5000));
        Assert.Equal(0, link.Engine.Counters.ProbesMended);
        link.Writes(1400.ms, 1000);
        link.Receives(1500.ms, link.Ack(6000));
        Assert.Equal(1, link.Engine.Counters.ProbesMended);
        Assert.True(link.V.CongestionWindow < 20_000);
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
    }

    // 7.4.2, case 1
    // RFC 5681 3.1 (4): FlightSize is what was in flight, whether one acknowledgement says so or several.
    [Theory]
    [InlineData("reno", false)]
    [InlineData("reno", true)]
    [InlineData("cubic", false)]
    [InlineData("cubic", true)]
    public void A_mended_loss_takes_a_part_of_what_was_in_flight(string congestion, bool atOnce)
    {
        using Conversation link = SackPath.Link(window: 40_000, invariants: Setup.Invariants with { CongestionControl = congestion });
        link.Writes(1.s, 30_000);
        link.Receives(1100.ms, link.Ack(29_000));
        link.GoTo(1502.ms);
        link.Writes(1503.ms, 30_000);
        if (!atOnce)
        {
            link.Receives(1610.ms, link.Ack(30_000), link.Ack(32_000));
        }

        link.Receives(1610.ms, link.Ack(60_000));
        Assert.Equal(1, link.Engine.Counters.ProbesMended);
        Assert.InRange(link.V.SlowStartThreshold, 14_000u, 40_000u);
    }

    // RFC 3168 6.1.2: a mark and a loss of one window of data are one sign of congestion.
    [Fact]
    public void What_a_mark_has_answered_for_is_not_answered_for_once_more()
    {
        using Conversation link = SackPath.Link(window: 40_000, ecn: true);
        link.Writes(1.s, 30_000);
        link.Receives(1100.ms, link.Ack(29_000, flags: TcpFlags.Ece));
        uint threshold = link.V.SlowStartThreshold;
        link.GoTo(1502.ms);
        link.Writes(1503.ms, 30_000);
        link.Receives(1610.ms, link.Ack(30_000), link.Ack(32_000));
        Assert.Equal((1, threshold), (link.Engine.Counters.ProbesMended, link.V.SlowStartThreshold));
    }

    [Fact]
    public void A_duplicate_of_the_probe_shows_that_nothing_was_lost()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        Probe(link);
        link.Receives(1250.ms, link.Ack(5000));
        link.Receives(1301.ms, link.Sack(5000, (4000, 5000)));
        link.Writes(1400.ms, 1000);
        link.Receives(1500.ms, link.Ack(6000));
        Assert.Equal(0, link.Engine.Counters.ProbesMended);
        Assert.Equal(20_000u, link.V.CongestionWindow);
    }

    // 7.4.2: "a DSACK option matching TLP.end_seq"
    [Fact]
    public void A_duplicate_of_something_else_does_not()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        Probe(link);
        link.Receives(1301.ms, link.Sack(5000, (1000, 2000)));
        link.Writes(1400.ms, 1000);
        link.Receives(1500.ms, link.Ack(6000));
        Assert.Equal(1, link.Engine.Counters.ProbesMended);
    }

    // 7.4.2, case 2: of a peer that reports no duplicates.
    [Fact]
    public void A_bare_duplicate_ACK_shows_that_nothing_was_lost()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        Probe(link);
        link.Receives(1250.ms, link.Ack(5000));
        link.Receives(1301.ms, link.Ack(5000));
        link.Writes(1400.ms, 1000);
        link.Receives(1500.ms, link.Ack(6000));
        Assert.Equal(0, link.Engine.Counters.ProbesMended);
        Assert.Equal(20_000u, link.V.CongestionWindow);
    }

    // 7.4.2: what is a window update, or data, is no duplicate ACK.
    [Fact]
    public void A_window_update_and_data_of_the_peers_are_no_duplicate_ACKs()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        Probe(link);
        link.Receives(1250.ms, link.Ack(5000));
        link.Receives(1260.ms, link.Ack(5000, window: 40_000));
        link.Receives(1270.ms, link.Data(seq: 0, length: 10, ack: 5000) with { Window = 40_000 });
        link.Writes(1400.ms, 1000);
        link.Receives(1500.ms, link.Ack(6000, seq: 10));
        Assert.Equal(1, link.Engine.Counters.ProbesMended);
    }

    // 7.2: while segments are reported it is RACK that watches.
    [Fact]
    public void There_is_no_probe_while_segments_are_reported()
    {
        using Conversation link = SackPath.Link();
        link.SendsSegments(1.s, 3, apart: 1.ms);
        link.Receives(1101.ms, link.Sack(0, (1000, 2000)));
        link.GoTo(1300.ms);
        Assert.Equal(0, link.Engine.Counters.TailProbesSent);
    }

    // 7.2, 8: the timer for reordering takes the place of PTO, which would have run out at 1.203 s.
    [Fact]
    public void A_report_ends_the_wait_for_the_probe()
    {
        using Conversation link = SackPath.Link();
        link.SendsSegments(1.s, 3, apart: 1.ms);
        link.Receives(1190.ms, link.Sack(0, (1000, 2000)));
        link.SendsNothing(until: 1214.ms);
        link.Sends(1214.ms, seq: 0, length: 1000);
        Assert.Equal((RecoveryPhase.FastRecovery, 0), (link.V.Recovery, link.Engine.Counters.TailProbesSent));
    }

    [Fact]
    public void There_is_no_probe_without_SACK_nor_into_a_closed_window()
    {
        using Conversation old = SackPath.Link(sack: false);
        old.Writes(1.s, 5000);
        old.GoTo(5.s);
        Assert.Equal(0, old.Engine.Counters.TailProbesSent);

        using Conversation closed = SackPath.Link();
        closed.Writes(1.s, 5000);
        closed.Receives(1100.ms, closed.Ack(1000, window: 0));
        closed.GoTo(5.s);
        Assert.Equal(0, closed.Engine.Counters.TailProbesSent);
    }

    // RFC 9293 3.8.3: a probe is no time-out.
    [Fact]
    public void A_probe_does_not_count_as_a_retransmission_of_R2()
    {
        using Conversation link = SackPath.Link();
        Probe(link);
        Assert.Equal(0, link.V.Retransmissions);
        Assert.Equal(0, link.V.RtoBackoff);
    }

    /// <summary>Five segments at 1 s, the last of them again at 1.201 s, four of them acknowledged before it.</summary>
    private static void Probe(Conversation link)
    {
        link.Writes(1.s, 4000);
        link.Writes(1.s, 1000);
        link.Receives(1.s, link.Ack(0));
        link.Forgets();
        link.Sends(1201.ms, seq: 4000, length: 1000);
    }
}
