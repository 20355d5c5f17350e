using TcpActors.Engine.State;
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
        v.Undo.Start(v);
        v.Undo.OnRetransmitted(1000, stamp: null);
        v.Undo.OnRetransmitted(1000, stamp: null);
        Assert.False(v.Undo.OnDuplicate(v.SndUna, v.SndUna + 1000, v.SndUna + 2000));
        Assert.True(v.Undo.OnDuplicate(v.SndUna + 1000, v.SndUna + 2000, v.SndUna + 2000));
    }

    // RFC 9438 4.9.2: "continue to use the current and the most recent values".
    [Fact]
    public void A_window_that_has_grown_beyond_the_one_given_up_is_kept()
    {
        using Conversation link = Recovering();
        link.Receives(1200.ms, link.Ack(10_000));
        int acked = 10_000;
        Microseconds now = 1300.ms;
        while (link.V.CongestionWindow <= 10_000)
        {
            int length = (int)link.V.CongestionWindow;
            link.Writes(now, length);
            acked += length;
            link.Receives(now + 100.ms, link.Ack(acked));
            now += 200.ms;
        }

        uint window = link.V.CongestionWindow;
        link.Receives(now, link.Sack(acked, (0, 1000)));
        Assert.Equal((1, window), (link.Engine.Counters.RecoveriesUndone, link.V.CongestionWindow));
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

    /// <summary>The first segments are taken for lost and were sent again at 1.1 s.</summary>
    private static Conversation Recovering(bool timestamps = false, int lost = 1)
    {
        Conversation link = SackPath.Link(window: 10_000, timestamps: timestamps);
        link.Writes(1.s, 10_000);
        link.Forgets();
        PeerSegment report = link.Sack(0, (lost * 1000, 10_000));
        link.Receives(1100.ms, timestamps ? report with { TsVal = 1, TsEcr = 1000 } : report);
        link.Sends(1100.ms, seq: 0, length: lost * 1000);
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        return link;
    }
}
