using TcpActors.Engine.Congestion;
using TcpActors.Engine.Receive;
using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>RFC 8985 6. The path has a round trip of 100 ms, so that the reordering window is 25 ms where it is not 0.</summary>
public class RackSpecs
{
    // 6.2 step 5: with what was sent later delivered and the window passed.
    [Fact]
    public void What_was_sent_before_something_that_was_delivered_is_lost_a_quarter_of_the_round_trip_later()
    {
        using Conversation link = SackPath.Link();
        link.SendsSegments(1.s, 3, apart: 1.ms);

        // One segment is reported, and no reordering was seen: the first is in doubt. It was sent at 1 s, and RACK.rtt is 100 ms.
        link.Receives(1101.ms, link.Sack(0, (1000, 2000)));
        link.SendsNothing(until: 1125.ms);
        link.Sends(1125.ms, seq: 0, length: 1000);
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
    }

    [Fact]
    public void A_single_byte_too()
    {
        using Conversation link = SackPath.Link(invariants: Setup.Invariants with { NagleEnabled = false });
        link.Writes(1.s, 1);
        link.Writes(1001.ms, 1);
        link.Forgets();
        link.Receives(1101.ms, link.Sack(0, (1, 2)));
        link.SendsNothing(until: 1125.ms);
        link.Sends(1125.ms, seq: 0, length: 1);
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
    }

    // 6.2 step 4: three reported segments are the DupThresh of old.
    [Fact]
    public void Without_reordering_three_reported_segments_begin_recovery_at_once()
    {
        using Conversation link = SackPath.Link();
        link.SendsSegments(1.s, 6, apart: 1.ms);
        link.Receives(1101.ms, link.Sack(0, (1000, 2000)));
        link.Receives(1102.ms, link.Sack(0, (1000, 3000)));
        link.SendsNothing();
        link.Receives(1103.ms, link.Sack(0, (1000, 4000)));
        link.Sends(1103.ms, seq: 0, length: 1000);
    }

    // 6.2 step 4: they are counted in bytes too, as one report may stand for many segments (RFC 6675 4, IsLost).
    [Fact]
    public void One_report_of_three_segments_begins_recovery_at_once()
    {
        using Conversation link = SackPath.Link();
        link.Writes(1.s, 6000);
        link.Forgets();
        link.Receives(1100.ms, link.Sack(0, (1000, 4000)));
        link.Sends(1100.ms, seq: 0, length: 1000);
    }

    // 6.2 step 4: they are counted one by one as well, however small they are (RFC 6675 5, step 1).
    [Fact]
    public void Three_reports_of_small_segments_begin_recovery_at_once()
    {
        using Conversation link = SmallSegments(6);
        link.Receives(1101.ms, link.Sack(0, (100, 200)));
        link.Receives(1102.ms, link.Sack(0, (100, 300)));
        link.SendsNothing();
        link.Receives(1103.ms, link.Sack(0, (100, 400)));
        link.Sends(1103.ms, seq: 0, length: 100);
    }

    // 6.2 step 4: an acknowledgement that reports is one of them (RFC 6675 5: "regardless of its status as a cumulative acknowledgment").
    [Fact]
    public void An_acknowledgement_that_reports_something_new_counts_as_a_report()
    {
        using Conversation link = SmallSegments(8);
        link.Receives(1101.ms, link.Sack(100, (200, 300)));
        Assert.Equal(1, link.V.DuplicateAcks);
        link.Receives(1102.ms, link.Sack(100, (200, 400)));
        link.SendsNothing();
        link.Receives(1103.ms, link.Sack(100, (200, 500)));
        link.Sends(1103.ms, seq: 100, length: 100);
    }

    // 6.2 step 4: when reordering was seen the number of reports begins no recovery.
    [Fact]
    public void On_a_path_that_reorders_many_reports_wait_for_the_window()
    {
        using Conversation link = Reordered();
        link.SendsSegments(2.s, 10, apart: 1.ms);
        link.Receives(2105.ms, link.Sack(3000, (4000, 9000)));
        link.SendsNothing();
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        link.Sends(2125.ms, seq: 3000, length: 1000);
    }

    // 6.2 step 3
    [Fact]
    public void What_comes_late_and_was_never_sent_again_is_a_sign_of_reordering()
    {
        using Conversation link = Reordered();
        Assert.True(link.V.ReorderWindow.IsReorderingSeen);
        Assert.Equal(0, link.Engine.Counters.FastRetransmits);
    }

    // 6.2 step 3: ... but not what was sent again.
    [Fact]
    public void A_retransmission_that_fills_a_hole_is_no_sign_of_reordering()
    {
        using Conversation link = SackPath.Link();
        link.Writes(1.s, 6000);
        link.Receives(1100.ms, link.Sack(0, (1000, 6000)));
        link.Receives(1200.ms, link.Ack(6000));
        Assert.False(link.V.ReorderWindow.IsReorderingSeen);
    }

    // 6.2 step 5: overtaken within the window, and nothing was lost.
    [Fact]
    public void A_segment_that_comes_within_the_window_is_not_sent_again()
    {
        using Conversation link = SackPath.Link();
        link.SendsSegments(1.s, 3, apart: 1.ms);
        link.Receives(1101.ms, link.Sack(0, (1000, 3000)));
        link.Receives(1120.ms, link.Ack(3000));
        link.SendsNothing(until: 5.s);
        Assert.Equal(0, link.Engine.Counters.FastRetransmits);
    }

    // 6.2 step 2: RACK.rtt is that of what was delivered last, also where that was sent before RACK.segment.
    [Fact]
    public void What_comes_late_lengthens_the_time_that_others_are_given()
    {
        using Conversation link = SackPath.Link();
        link.SendsSegments(1.s, 3, apart: 1.ms);
        link.Receives(1102.ms, link.Sack(0, (2000, 3000)));

        // The second took 119 ms.
        link.Receives(1120.ms, link.Sack(0, (1000, 3000)));
        link.SendsNothing(until: 1144.ms);
        link.Sends(1144.ms, seq: 0, length: 1000);
    }

    // 6.2 step 5: "timeout = max(remaining, timeout)"
    [Fact]
    public void The_timer_runs_until_everything_in_doubt_is_lost()
    {
        using Conversation link = SackPath.Link();
        link.SendsSegments(1.s, 3, apart: 10.ms);
        link.Receives(1120.ms, link.Sack(0, (2000, 3000)));
        link.SendsNothing(until: 1135.ms);
        link.Sends(1135.ms, seq: 0, length: 1000);
        Assert.Equal(2000u, link.V.Rate.Lost);
    }

    // 6.2 step 5: of equal times the sequence number decides.
    [Fact]
    public void Of_what_left_at_once_only_what_lies_before_the_delivered_is_lost()
    {
        using Conversation link = SackPath.Link();
        link.Writes(1.s, 6000);
        link.Receives(1100.ms, link.Sack(0, (1000, 4000)));
        Assert.Equal(1000u, link.V.Rate.Lost);
    }

    // 4 (2): a clock finer than a quarter of the round trip.
    [Fact]
    public void On_a_path_of_microseconds_the_window_is_a_quarter_of_the_round_trip_too()
    {
        using Conversation link = SackPath.Link(variants: v => v with { SmoothedRtt = 40.us, Delta = 5.us, MinRtt = 40.us, Rto = 200.ms + 40.us });
        link.SendsSegments(1.s, 3, apart: 1.us);
        link.Receives(1.s + 41.us, link.Sack(0, (1000, 2000)));
        link.SendsNothing(until: 1.s + 50.us);
        link.Sends(1.s + 50.us, seq: 0, length: 1000);
    }

    // 3.3.2: "or zero if no round-trip time estimate is available"
    [Fact]
    public void Without_a_round_trip_there_is_no_window() =>
        Assert.Equal(Microseconds.Zero, default(ReorderWindow).Length(isInDoubt: true, Microseconds.Never, 100.ms));

    // 6.2 step 4: after N round trips with a duplicate it is (N + 1) * min_RTT / 4, SRTT at most.
    [Fact]
    public void Each_round_trip_with_a_duplicate_widens_the_window_up_to_the_round_trip()
    {
        using Conversation link = SackPath.Link();
        int at = 0;
        for (int i = 1; i <= 6; i++)
        {
            Microseconds sent = Microseconds.FromSeconds(i);
            link.SendsSegments(sent, 2, apart: 10.ms);
            link.Receives(sent + 100.ms, link.Sack(at + 1000, (at, at + 1000)));

            // A second one in the same round trip counts for nothing.
            link.Receives(sent + 105.ms, link.Sack(at + 1000, (at, at + 1000)));
            link.Receives(sent + 110.ms, link.Ack(at + 2000));
            at += 2000;
            long expected = Math.Min(25_000 * (i + 1), link.V.SmoothedRtt.Value);
            Assert.Equal(expected, link.V.ReorderWindow.Length(isInDoubt: true, link.V.MinRtt, link.V.SmoothedRtt).Value);
        }
    }

    // 6.2 step 4: RACK.reo_wnd_persist
    [Fact]
    public void After_sixteen_recoveries_without_a_duplicate_the_window_is_small_again()
    {
        ReorderWindow window = default;
        window.OnAck(hasDuplicate: true, new SeqNum(0), new SeqNum(10));
        for (int i = 0; i < 16; i++)
        {
            Assert.Equal(50.ms, window.Length(isInDoubt: true, 100.ms, 1.s));
            window.OnRecovered();
        }

        Assert.Equal(25.ms, window.Length(isInDoubt: true, 100.ms, 1.s));
    }

    // 6.2 step 4: it grows from one round trip to the next, and no further than a byte counts.
    [Fact]
    public void A_flood_of_duplicates_widens_the_window_no_further_than_to_the_round_trip()
    {
        ReorderWindow window = default;
        for (uint i = 0; i < 10_000; i++)
        {
            window.OnAck(hasDuplicate: true, new SeqNum(i), new SeqNum(i));
        }

        Assert.Equal(120.ms, window.Length(isInDoubt: true, 100.ms, 120.ms));
    }

    // 6.2 step 4: "If in Fast or RTO recovery: Return 0"
    [Fact]
    public void During_recovery_there_is_no_window_unless_reordering_was_seen()
    {
        ReorderWindow window = default;
        Assert.Equal(Microseconds.Zero, window.Length(isInDoubt: false, 100.ms, 100.ms));
        window.OnReordering();
        Assert.Equal(25.ms, window.Length(isInDoubt: false, 100.ms, 100.ms));
    }

    // 6.2 step 2: what was sent again and is acknowledged sooner than a round trip tells nothing.
    [Fact]
    public void The_late_acknowledgement_of_an_original_does_not_make_its_retransmission_the_newest_delivered()
    {
        using Conversation link = SackPath.Link();
        link.SendsSegments(1.s, 8, apart: 10.ms);
        link.Receives(1180.ms, link.Sack(0, (1000, 5000)));
        link.Sends(1180.ms, seq: 0, length: 1000);

        // 10 ms after it was sent again: that is the original. The last three were sent before the retransmission, and are not lost.
        link.Receives(1190.ms, link.Ack(5000));
        link.SendsNothing(until: 1250.ms);
        Assert.Equal(0u, link.V.Rate.Lost - 1000);
    }

    // 6.2 step 2: ... nor what echoes an older timestamp.
    [Fact]
    public void A_timestamp_older_than_the_retransmission_shows_that_the_original_was_delivered()
    {
        using Conversation link = SackPath.Link(timestamps: true);
        link.SendsSegments(1.s, 8, apart: 10.ms);
        link.Receives(1180.ms, link.Sack(0, (1000, 5000)) with { TsVal = 1, TsEcr = 1000 });
        link.Sends(1180.ms, seq: 0, length: 1000);
        link.Receives(1285.ms, link.Ack(5000, tsVal: 2, tsEcr: 1000));
        link.SendsNothing(until: 1350.ms);
        Assert.Equal(1, link.Engine.Counters.RecoveriesUndone);
    }

    // 6.2 step 2: "The second check is a heuristic when the TCP Timestamp option is not available": after a delay the shortest round trip
    // known is that of the delay.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_timestamp_shows_a_retransmission_delivered_however_soon_it_comes(bool timestamps)
    {
        using Conversation link = SackPath.Link(
            timestamps: timestamps, variants: v => v with { SmoothedRtt = 10.s, MinRtt = 10.s, Rto = 60.s });
        link.Writes(1.s, 5000);
        link.Forgets();
        link.Sends(21.s + 1.ms, seq: 4000, length: 1000);
        link.GoTo(60.s);
        link.Forgets();
        Microseconds probe = link.V.RecoveryAt;
        link.Sends(probe, seq: 0, length: 1000);
        uint stamp = (uint)(probe.Value / 1000);
        link.Receives(probe + 100.ms, timestamps ? link.Ack(1000, tsVal: 1, tsEcr: stamp) : link.Ack(1000));
        Assert.Equal(timestamps ? 4000u : 0u, link.V.Rate.Lost);
    }

    // 6.2 step 2: it was sent again twice, and what echoes the first of these is older than the second. Undoing (RFC 3522) sees nothing in it.
    [Theory]
    [InlineData(150u, false)]
    [InlineData(200u, true)]
    public void What_echoes_an_earlier_transmission_is_not_the_last_one_delivered(uint echo, bool isDelivered)
    {
        SentRecords records = new();
        RateVariants rate = RateVariants.Quiet;
        records.Restart(default, default, default, Microseconds.Zero);
        foreach (int at in (int[])[0, 150, 200])
        {
            records.OnSent(default, new SeqNum(1000), at.ms, ref rate);
        }

        AckResult result = AckResult.Nothing;
        AckContext context = new() { Now = 400.ms, MinRtt = 100.ms, RecoveryPoint = default, GuessedOnceFrom = default, Echo = echo, Tick = 1.ms, Offset = 0 };
        records.OnAck(new SeqNum(1000), default(SackBlocks), context, ref result);
        Assert.Equal(isDelivered ? 200.ms : Microseconds.Never, result.RackSentAt);
    }

    // What the owner before had seen delivered is not known: the first bytes are missing, and of the rest nothing can be said.
    [Fact]
    public void A_reorder_timer_that_was_armed_before_a_move_finds_one_segment_lost()
    {
        using Conversation link = SackPath.Link(variants: v => v with
        {
            SndNxt = v.SndUna + 10_000,
            SndMax = v.SndUna + 10_000,
            LastDataSentAt = 1.s,
            RetransmitAt = 1500.ms,
            RecoveryAt = 1200.ms,
            RecoveryTimer = RecoveryTimer.Reorder,
        });
        link.SendBuffer.Write(Conversation.BytesAt(new SeqNum(Conversation.Ours), 10_000));
        link.StartsAfterMove(1100.ms);
        link.Sends(1100.ms, seq: 10_000, length: 0);
        link.Sends(1200.ms, seq: 0, length: 1000);
        Assert.Equal(1000u, link.V.Rate.Lost);
        link.Receives(1300.ms, link.Ack(10_000));
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        Assert.Equal(1000, link.Engine.Counters.BytesRetransmitted);
    }

    // 6.3
    [Fact]
    public void After_a_time_out_what_was_sent_within_the_last_round_trip_is_not_lost()
    {
        using Conversation link = SackPath.Link();
        link.Writes(900.ms, 1000);
        link.Receives(1.s, link.Ack(1000));
        link.Writes(1.s, 3000);
        link.Forgets();
        link.Sends(1201.ms, seq: 3000, length: 1000);
        link.Writes(1450.ms, 1000);
        link.Forgets();

        // RFC 6298 5.4: the first segment goes, although what is in flight is more than the loss window.
        link.Sends(1501.ms, seq: 1000, length: 1000);
        Assert.Equal((RecoveryPhase.Loss, 1), (link.V.Recovery, link.Engine.Counters.RetransmissionTimeouts));
        Assert.Equal(3000u, link.V.Rate.Lost);
        Assert.Equal(link.V.SndMax, link.V.SndNxt);
    }

    // 6.3: the first one is, however late its last probe left: that is what the time-out says.
    [Fact]
    public void After_a_time_out_the_first_segment_is_lost_also_on_a_path_longer_than_the_time_out()
    {
        using Conversation link = SackPath.Link(variants: v => v with { SmoothedRtt = 2.s, MinRtt = 2.s, Delta = 10.ms, Rto = 2200.ms });
        link.Writes(1.s, 1000);
        link.Receives(3.s, link.Ack(1000));
        link.Writes(3.s, 1000);
        link.Forgets();
        link.Sends(5200.ms, seq: 1000, length: 1000);
        Assert.Equal((1, 0), (link.Engine.Counters.TailProbesSent, link.Engine.Counters.RetransmissionTimeouts));
        link.Sends(7400.ms, seq: 1000, length: 1000);
        Assert.Equal((1, 1000u), (link.Engine.Counters.RetransmissionTimeouts, link.V.Rate.Lost));
    }

    // 6.3: ... which the next owner, or one that has heard of nothing yet, does not know.
    [Fact]
    public void After_a_time_out_without_any_delivery_everything_is_lost()
    {
        using Conversation link = SackPath.Link();
        link.Writes(1.s, 3000);
        link.Forgets();
        link.Sends(1201.ms, seq: 2000, length: 1000);
        link.Writes(1490.ms, 1000);
        link.GoTo(1501.ms);
        Assert.Equal((RecoveryPhase.Loss, 4000u), (link.V.Recovery, link.V.Rate.Lost));
    }

    /// <summary>Segments of a hundred bytes are in flight.</summary>
    private static Conversation SmallSegments(int count)
    {
        Conversation link = SackPath.Link(invariants: Setup.Invariants with { NagleEnabled = false });
        for (int i = 0; i < count; i++)
        {
            link.Writes(1.s + new Microseconds(1000 * i), 100);
        }

        link.Forgets();
        return link;
    }

    /// <summary>A path on which a segment was overtaken; 3000 bytes are acknowledged.</summary>
    private static Conversation Reordered()
    {
        Conversation link = SackPath.Link();
        link.SendsSegments(1.s, 3, apart: 1.ms);
        link.Receives(1101.ms, link.Sack(0, (1000, 3000)));
        link.Receives(1110.ms, link.Ack(3000));
        link.SendsNothing();
        return link;
    }
}
