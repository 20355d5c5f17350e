using TcpActors.Engine.Congestion;
using TcpActors.Engine.Receive;
using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>When a reduction turns out to have been for nothing. Ten segments fill the window of 10,000 bytes.</summary>
public class UndoSpecs
{
    // RFC 3522 3.2 step 4, RFC 4015
    [Fact]
    public void A_timestamp_older_than_the_retransmission_gives_the_window_back_and_widens_the_reordering_window()
    {
        using Conversation link = Recovering(timestamps: true);
        link.Receives(1150.ms, link.Ack(1000, tsVal: 2, tsEcr: 1000));
        Assert.Equal(1, link.Engine.Counters.RecoveriesUndone);
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        Assert.Equal((10_000u, uint.MaxValue), (link.V.CongestionWindow, link.V.SlowStartThreshold));
        Assert.True(link.V.ReorderWindow.IsReorderingSeen);
    }

    [Fact]
    public void The_timestamp_of_the_retransmission_itself_gives_nothing_back()
    {
        using Conversation link = Recovering(timestamps: true);
        link.Receives(1200.ms, link.Ack(10_000, tsVal: 2, tsEcr: 1100));
        Assert.Equal(0, link.Engine.Counters.RecoveriesUndone);
        Assert.Equal(5000u, link.V.SlowStartThreshold);
    }

    // Zero is what a peer echoes that has seen nothing of ours yet (RFC 7323 3.2).
    [Fact]
    public void An_echo_of_zero_says_nothing()
    {
        using Conversation link = Recovering(timestamps: true);
        link.Receives(1200.ms, link.Ack(10_000, tsVal: 2, tsEcr: 0));
        Assert.Equal(0, link.Engine.Counters.RecoveriesUndone);
    }

    // RFC 3708 3 (B.1)
    [Fact]
    public void A_duplicate_of_everything_sent_again_gives_the_window_back()
    {
        using Conversation link = Recovering(lost: 2);
        link.Receives(1150.ms, link.Ack(10_000));
        Assert.Equal(5000u, link.V.SlowStartThreshold);
        link.Receives(1200.ms, link.Sack(10_000, (0, 1000)));
        Assert.Equal(0, link.Engine.Counters.RecoveriesUndone);
        link.Receives(1210.ms, link.Sack(10_000, (1000, 2000)));

        // After the recovery has ended, which the originals did.
        Assert.Equal(1, link.Engine.Counters.RecoveriesUndone);
        Assert.Equal((10_000u, uint.MaxValue), (link.V.CongestionWindow, link.V.SlowStartThreshold));
    }

    [Fact]
    public void A_duplicate_of_a_part_gives_nothing_back()
    {
        using Conversation link = Recovering(lost: 2);
        link.Receives(1200.ms, link.Sack(10_000, (0, 1000)));
        link.Receives(1300.ms, link.Ack(10_000));
        Assert.Equal(0, link.Engine.Counters.RecoveriesUndone);
    }

    // What was sent again was lost once, and the network has doubled the other.
    [Fact]
    public void The_same_bytes_reported_twice_count_once()
    {
        using Conversation link = Recovering(lost: 2);
        link.Receives(1200.ms, link.Sack(10_000, (0, 1000)));
        link.Receives(1210.ms, link.Sack(10_000, (0, 1000)), link.Sack(10_000, (0, 1000)));
        Assert.Equal(0, link.Engine.Counters.RecoveriesUndone);
        Assert.Equal(5000u, link.V.SlowStartThreshold);
    }

    // A peer that wants to be sent more could claim anything.
    [Fact]
    public void Duplicates_of_what_was_never_sent_again_count_for_nothing()
    {
        using Conversation link = Recovering(lost: 2);
        link.Receives(1150.ms, link.Ack(10_000));
        for (int i = 0; i < 1000; i++)
        {
            link.Receives(1200.ms, link.Sack(10_000, (5000, 9000)), link.Sack(10_000, (-100_000, 10_000)), link.Sack(10_000, (2000, 10_000)));
        }

        Assert.Equal(0, link.Engine.Counters.RecoveriesUndone);
        Assert.Equal(5000u, link.V.SlowStartThreshold);
    }

    // What was before the new recovery is forgotten.
    [Fact]
    public void Late_duplicates_of_an_earlier_recovery_do_not_undo_a_later_one()
    {
        using Conversation link = Recovering();
        link.Receives(1200.ms, link.Ack(10_000));
        link.Writes(2.s, 5000);
        link.Receives(2100.ms, link.Sack(10_000, (11_000, 15_000)));
        Assert.Equal(2, link.Engine.Counters.FastRetransmits);
        link.Receives(2110.ms, link.Sack(10_000, (0, 1000), (11_000, 15_000)));
        Assert.Equal(0, link.Engine.Counters.RecoveriesUndone);
    }

    // RFC 3708 2: all of them, however many times something was sent again.
    [Fact]
    public void What_was_sent_again_bit_by_bit_has_to_arrive_twice_bit_by_bit()
    {
        SegmentVariants v = SegmentVariants.Quiet;
        v.Undo.Start(v, resent: 0, stamp: null);
        v.Undo.OnRetransmitted(1000, stamp: null);
        v.Undo.OnRetransmitted(1000, stamp: null);
        Assert.False(v.Undo.OnDuplicate(Report(v.SndUna, v.SndUna + 1000), v.SndUna + 2000));
        Assert.True(v.Undo.OnDuplicate(Report(v.SndUna + 1000, v.SndUna + 2000), v.SndUna + 2000));
    }

    // RFC 3708 3 (A.3)
    [Fact]
    public void What_was_sent_again_twice_gives_nothing_back()
    {
        SegmentVariants v = SegmentVariants.Quiet;
        v.Undo.Start(v, resent: 0, stamp: null);
        v.Undo.OnRetransmitted(1000, stamp: null);
        v.Undo.OnRetransmitted(1000, stamp: null);
        Assert.False(v.Undo.OnDuplicate(Report(v.SndUna, v.SndUna + 1000), v.SndUna + 1000));
        Assert.False(v.Undo.OnDuplicate(Report(v.SndUna, v.SndUna + 1000), v.SndUna + 1000));
    }

    // RFC 9438 4.9.2: "continue to use the current and the most recent values".
    [Fact]
    public void A_window_that_has_grown_beyond_the_one_given_up_is_kept()
    {
        using Conversation link = Recovering();
        int acked = Outgrows(link);
        uint window = link.V.CongestionWindow;
        link.Receives(link.Now + 100.ms, link.Sack(acked, (0, 1000)));
        Assert.Equal((1, window, 5000u), (link.Engine.Counters.RecoveriesUndone, link.V.CongestionWindow, link.V.SlowStartThreshold));
    }

    [Fact]
    public void A_curve_that_has_outgrown_the_one_given_up_is_kept()
    {
        using Conversation link = Recovering(congestion: "cubic");
        uint plateau = link.V.Congestion.As<CubicState>().Curve.Plateau;
        Assert.NotEqual(0u, plateau);
        int acked = Outgrows(link);
        CongestionState grown = link.V.Congestion;
        link.Receives(link.Now + 100.ms, link.Sack(acked, (0, 1000)));
        Assert.Equal(1, link.Engine.Counters.RecoveriesUndone);
        Assert.Equal(grown, link.V.Congestion);
    }

    // RFC 3708 3 (A.1): "an entire window of acknowledgments have been dropped by the network"
    [Fact]
    public void A_duplicate_of_the_first_segment_into_silence_gives_nothing_back()
    {
        using Conversation link = TimedOut();
        link.Receives(1600.ms, link.Sack(10_000, (0, 1000)));
        Assert.Equal((0, 5000u), (link.Engine.Counters.TimeoutsUndone, link.V.SlowStartThreshold));

        // "during the current window of data"
        link.Receives(1610.ms, link.Sack(10_000, (0, 1000)));
        Assert.Equal(0, link.Engine.Counters.TimeoutsUndone + link.Engine.Counters.RecoveriesUndone);
    }

    // RFC 3708 3 (A.4)
    [Fact]
    public void Where_the_network_has_doubled_a_segment_duplicates_prove_nothing_any_more()
    {
        using Conversation link = SackPath.Link(window: 10_000);
        link.Writes(Microseconds.FromMilliseconds(800), 2000);
        link.Receives(900.ms, link.Ack(2000));
        link.Receives(910.ms, link.Sack(2000, (1000, 2000)));
        link.Writes(1.s, 10_000);
        link.Forgets();
        link.Receives(1100.ms, link.Sack(2000, (3000, 12_000)));
        link.Sends(1100.ms, seq: 2000, length: 1000);
        link.Receives(1150.ms, link.Ack(12_000));
        link.Receives(1200.ms, link.Sack(12_000, (2000, 3000)));
        Assert.Equal((2, 0), (link.Engine.Counters.DuplicatesReported, link.Engine.Counters.RecoveriesUndone));

        // It moves with the connection.
        Assert.False(UndoneByDuplicate(link.V));
        Assert.True(UndoneByDuplicate(SegmentVariants.Quiet));
    }

    // What another owner has sent may have been sent twice by him.
    [Fact]
    public void A_duplicate_of_what_another_owner_has_sent_is_not_the_networks()
    {
        using Conversation link = SackPath.Link(
            window: 10_000, variants: v => v with { SndMax = v.SndMax + 2000, SndNxt = v.SndNxt + 2000 });
        link.SendBuffer.Write(Conversation.BytesAt(link.SendBuffer.End, 2000));
        link.Receives(900.ms, link.Ack(2000));
        link.Receives(910.ms, link.Sack(2000, (1000, 2000)));
        Assert.Equal(1, link.Engine.Counters.DuplicatesReported);
        Assert.True(UndoneByDuplicate(link.V));
    }

    // RFC 4015: a time-out.
    [Fact]
    public void A_time_out_is_undone_by_its_timestamp_too()
    {
        using Conversation link = SackPath.Link(window: 10_000, timestamps: true);
        link.Writes(1.s, 10_000);
        link.GoTo(1550.ms);
        Assert.Equal(RecoveryPhase.Loss, link.V.Recovery);
        link.Receives(1560.ms, link.Ack(2000, tsVal: 2, tsEcr: 1000));
        Assert.Equal(1, link.Engine.Counters.TimeoutsUndone);
        Assert.Equal(uint.MaxValue, link.V.SlowStartThreshold);
    }

    // RFC 3522 3.2 step 5: all acknowledgements of the flight may have been lost; the answer to what is sent again echoes an old segment
    // all the same.
    [Fact]
    public void After_a_time_out_an_acknowledgement_of_everything_proves_nothing()
    {
        using Conversation link = TimedOut(timestamps: true);
        link.Receives(1600.ms, link.Ack(10_000, tsVal: 2, tsEcr: 1000));
        Assert.Equal((0, 5000u), (link.Engine.Counters.TimeoutsUndone, link.V.SlowStartThreshold));
    }

    // Step 5: a peer that reports duplicates would have said so.
    [Fact]
    public void Unless_the_peer_is_known_to_report_duplicates()
    {
        using Conversation link = TimedOut(timestamps: true);
        link.Receives(1590.ms, link.Sack(0, (-1000, 0)) with { TsVal = 2, TsEcr = 1000 });
        link.Receives(1600.ms, link.Ack(10_000, tsVal: 2, tsEcr: 1000));
        Assert.Equal(1, link.Engine.Counters.TimeoutsUndone);
    }

    // Step 5: "If the acceptable ACK carries a DSACK option"
    [Fact]
    public void After_a_time_out_an_acknowledgement_with_a_duplicate_proves_nothing()
    {
        using Conversation link = TimedOut(timestamps: true);
        link.Receives(1600.ms, link.Sack(4000, (0, 1000)) with { TsVal = 2, TsEcr = 1000 });
        Assert.Equal((RecoveryPhase.Loss, 0), (link.V.Recovery, link.Engine.Counters.TimeoutsUndone));
    }

    // RFC 3168 6.1.2; RFC 4015 3.1 step 9 is content with what the recovery has left.
    [Fact]
    public void A_mark_in_a_window_whose_reduction_is_undone_is_answered_by_itself()
    {
        using Conversation link = SackPath.Link(window: 10_000, timestamps: true, ecn: true);
        link.Writes(1.s, 10_000);
        link.Receives(1100.ms, link.Sack(0, (1000, 10_000)) with { TsVal = 1, TsEcr = 1000 });
        link.Receives(1150.ms, link.Ack(1000, flags: TcpFlags.Ece, tsVal: 2, tsEcr: 1000));
        Assert.Equal((1, 1), (link.Engine.Counters.RecoveriesUndone, link.Engine.Counters.MarksAnswered));
        Assert.True(link.V.CongestionWindow < 10_000);
    }

    private static AckResult Report(SeqNum left, SeqNum right) =>
        AckResult.Nothing with { HasDuplicate = true, Duplicate = new SackBlock(left, right) };

    /// <summary>Whether a recovery that begins now is undone by a duplicate of the segment it has sent again.</summary>
    private static bool UndoneByDuplicate(SegmentVariants v)
    {
        v.Undo.End();
        v.Undo.Start(v, resent: 0, stamp: null);
        v.Undo.OnRetransmitted(1000, stamp: null);
        return v.Undo.OnDuplicate(Report(v.SndUna, v.SndUna + 1000), v.SndUna + 1000);
    }

    /// <summary>Recovery ends, and round trip after round trip the window grows beyond the 10,000 bytes that were given up.</summary>
    /// <returns>How much is acknowledged; nothing is in flight.</returns>
    private static int Outgrows(Conversation link)
    {
        link.Receives(1200.ms, link.Ack(10_000));
        int acked = 10_000;
        while (link.V.CongestionWindow <= 10_000)
        {
            int length = (int)link.V.CongestionWindow;
            link.Writes(link.Now + 100.ms, length);
            acked += length;
            link.Receives(link.Now + 100.ms, link.Ack(acked));
        }

        return acked;
    }

    /// <summary>Ten segments leave at 1 s; nothing is heard, and the first was sent again at the time-out.</summary>
    private static Conversation TimedOut(bool timestamps = false)
    {
        Conversation link = SackPath.Link(window: 10_000, timestamps: timestamps);
        link.Writes(1.s, 10_000);
        link.GoTo(1550.ms);
        Assert.Equal((RecoveryPhase.Loss, 5000u), (link.V.Recovery, link.V.SlowStartThreshold));
        return link;
    }

    // RFC 3522 3.2, RFC 3708 2: what was sent again before recovery, by a probe, may be what is acknowledged, and is among what may arrive twice.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_probe_has_sent_again_before_does_not_undo_a_loss_behind_it(bool timestamps)
    {
        using Conversation link = SackPath.ProbedTwice(timestamps);

        // The segment at 5000 is lost, and the first one where there are timestamps; the rest, and its reports, were only late.
        link.Receives(1071.ms, With(link.Sack(0, (1000, 5000)), 999));
        link.Receives(1071.ms, With(link.Sack(0, (6000, 10_000), (1000, 5000)), 999));
        link.GoTo(1075.ms);
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        link.Receives(1076.ms, With(link.Sack(5000, (6000, 10_000)), 1063));
        if (!timestamps)
        {
            link.Receives(1077.ms, link.Sack(5000, (0, 1000), (6000, 10_000)));
        }

        Assert.Equal((RecoveryPhase.FastRecovery, 0), (link.V.Recovery, link.Engine.Counters.RecoveriesUndone));

        PeerSegment With(PeerSegment segment, uint echo) => timestamps ? segment with { TsVal = 1, TsEcr = echo } : segment;
    }

    [Fact]
    public void What_a_path_probe_carried_does_not_either()
    {
        using Conversation link = SackPath.Link(
            window: 40_000,
            timestamps: true,
            variants: v =>
            {
                v.PathSearch.OnFullStop(SackPath.Connection with { PeerMss = 1400 }, 1400, 1400);
                return v;
            },
            invariants: Setup.Invariants with { Path = Setup.Invariants.Path with { Mtu = 1440 }, EffectiveMss = 1400 });
        link.Writes(1.s, 30_000);
        int size = link.V.PathSearch.Limit(1400);
        link.Receives(1100.ms, link.Sack(0, (1400, 1400 + (4 * size))) with { TsVal = 1, TsEcr = 999 });
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        (int, int) behind = (1400 + (5 * size), 1400 + (10 * size));
        link.Receives(1110.ms, link.Sack(0, behind, (1400, 1400 + (4 * size))) with { TsVal = 1, TsEcr = 999 });
        link.GoTo(1150.ms);
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        link.Receives(1200.ms, link.Sack(1400 + (4 * size), behind) with { TsVal = 2, TsEcr = 1100 });
        Assert.Equal((RecoveryPhase.FastRecovery, 0), (link.V.Recovery, link.Engine.Counters.RecoveriesUndone));
    }

    // RFC 3168 6.1.2: the window is the mark's now.
    [Theory]
    [InlineData("reno")]
    [InlineData("cubic")]
    public void A_late_duplicate_does_not_give_back_what_a_mark_took_since(string congestion)
    {
        using Conversation link = SackPath.Link(window: 10_000, ecn: true, invariants: Setup.Invariants with { CongestionControl = congestion });
        link.Writes(1.s, 10_000);
        link.Receives(1100.ms, link.Sack(0, (1000, 10_000)));
        link.Receives(1150.ms, link.Ack(10_000));
        link.Writes(1151.ms, 3000);
        link.Receives(1260.ms, link.Ack(12_000, flags: TcpFlags.Ece));
        uint window = link.V.CongestionWindow;
        Assert.Equal(1, link.Engine.Counters.MarksAnswered);
        link.Receives(1270.ms, link.Sack(12_000, (0, 1000)));
        Assert.Equal((window, 0), (link.V.CongestionWindow, link.Engine.Counters.RecoveriesUndone));
    }

    [Fact]
    public void Nor_what_a_mended_probe_took_since()
    {
        using Conversation link = SackPath.Link(window: 10_000, invariants: Setup.Invariants with { CongestionControl = "cubic" });
        link.Writes(1.s, 10_000);
        link.Receives(1100.ms, link.Sack(0, (1000, 10_000)));
        link.Receives(1150.ms, link.Ack(10_000));
        link.Writes(1151.ms, 2000);
        link.GoTo(1360.ms);
        link.Writes(1361.ms, 4000);
        link.Receives(1470.ms, link.Ack(16_000));
        Assert.Equal(1, link.Engine.Counters.ProbesMended);
        uint threshold = link.V.SlowStartThreshold;
        link.Receives(1480.ms, link.Sack(16_000, (0, 1000)));
        Assert.Equal((threshold, 0), (link.V.SlowStartThreshold, link.Engine.Counters.RecoveriesUndone));
    }

    // RFC 3168 6.1.2: a loss in the window of a mark takes nothing more, and gives nothing back.
    [Theory]
    [InlineData("reno")]
    [InlineData("cubic")]
    public void A_mark_is_answered_once_though_a_loss_of_its_window_was_none(string congestion)
    {
        using Conversation link = SackPath.Link(
            window: 10_000, timestamps: true, ecn: true, invariants: Setup.Invariants with { CongestionControl = congestion });
        link.Writes(1.s, 20_000);
        link.Receives(1100.ms, link.Ack(1000, flags: TcpFlags.Ece, tsVal: 1, tsEcr: 1000));
        link.Receives(1110.ms, link.Sack(1000, (2000, 9000)) with { TsVal = 1, TsEcr = 1000, Flags = TcpFlags.Ack | TcpFlags.Ece });
        uint threshold = link.V.SlowStartThreshold;

        // CWR is under way: the peer goes on saying ECE.
        link.Receives(1115.ms, link.Ack(9000, flags: TcpFlags.Ece, tsVal: 2, tsEcr: 1000));
        Assert.Equal((1, threshold), (link.Engine.Counters.MarksAnswered, link.V.SlowStartThreshold));
    }

    // RFC 8985 6.2 step 3 alone says what reordering is.
    [Fact]
    public void A_time_out_for_nothing_is_no_reordering()
    {
        using Conversation link = SackPath.Link(window: 10_000, timestamps: true);
        link.Writes(1.s, 10_000);
        link.GoTo(1550.ms);
        link.Receives(1560.ms, link.Ack(2000, tsVal: 2, tsEcr: 1000));
        Assert.Equal((1, false), (link.Engine.Counters.TimeoutsUndone, link.V.ReorderWindow.IsReorderingSeen));
    }

    // What was before it is not known: segments were made smaller meanwhile, which is no reduction.
    [Fact]
    public void A_time_out_while_everything_is_sent_again_in_smaller_segments_gives_nothing_back()
    {
        using Conversation link = SackPath.Link(window: 20_000, timestamps: true);
        link.Writes(1.s, 20_000);
        link.Updates(1001.ms, i => i with { Path = i.Path with { Mtu = 540 }, EffectiveMss = 500 });
        link.GoTo(1550.ms);
        Assert.Equal(1, link.Engine.Counters.RetransmissionTimeouts);
        uint threshold = link.V.SlowStartThreshold;
        link.Receives(1551.ms, link.Ack(500, tsVal: 1, tsEcr: 1000));
        Assert.Equal((threshold, 0), (link.V.SlowStartThreshold, link.Engine.Counters.TimeoutsUndone));
    }

    /// <summary>The first segments are taken for lost and were sent again at 1.1 s.</summary>
    private static Conversation Recovering(bool timestamps = false, int lost = 1, string congestion = "reno")
    {
        Conversation link = SackPath.Link(
            window: 10_000, timestamps: timestamps, invariants: Setup.Invariants with { CongestionControl = congestion });
        link.Writes(1.s, 10_000);
        link.Forgets();
        PeerSegment report = link.Sack(0, (lost * 1000, 10_000));
        link.Receives(1100.ms, timestamps ? report with { TsVal = 1, TsEcr = 1000 } : report);
        link.Sends(1100.ms, seq: 0, length: lost * 1000);
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        return link;
    }
}
