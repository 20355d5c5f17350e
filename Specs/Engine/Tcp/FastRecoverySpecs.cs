using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class FastRecoverySpecs
{
    // RFC 5681 3.2 steps 2 and 3, RFC 6582 3.2 step 2
    [Fact]
    public void The_third_duplicate_ACK_sends_the_first_segment_again_and_halves_the_window()
    {
        using Conversation link = InFlight(10_000);
        link.Receives(1.1.s, link.Ack(), link.Ack());
        link.SendsNothing();
        link.Receives(1.1.s, link.Ack());
        link.Sends(1.1.s, seq: 0, length: 1000);
        link.SendsNothing();
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        Assert.Equal(5000u, link.V.SlowStartThreshold);

        // RFC 9937 6.2: six segments are in flight, and the fast retransmit may go.
        Assert.Equal(7000u, link.V.CongestionWindow);
        Assert.Equal(link.V.SndMax, link.V.SndNxt);
    }

    // RFC 3042 2, RFC 5681 3.2 step 1
    [Fact]
    public void The_first_two_duplicate_ACKs_each_let_a_new_segment_out()
    {
        using Conversation link = InFlight(10_000, write: 20_000);
        link.Receives(1.1.s, link.Ack());
        link.Sends(1.1.s, seq: 10_000, length: 1000);
        link.Receives(1.1.s, link.Ack());
        link.Sends(1.1.s, seq: 11_000, length: 1000);
        link.Receives(1.1.s, link.Ack());
        link.Sends(1.1.s, seq: 0, length: 1000);
        Assert.Equal(5000u, link.V.SlowStartThreshold);
    }

    // RFC 6582 3.2 step 3
    [Fact]
    public void A_partial_ACK_sends_the_next_hole_and_a_full_one_ends_recovery()
    {
        using Conversation link = InFlight(10_000);
        link.Receives(1.1.s, link.Ack(), link.Ack(), link.Ack());
        link.Sends(1.1.s, seq: 0, length: 1000);
        link.Receives(1.2.s, link.Ack(ack: 4000));
        link.Sends(1.2.s, seq: 4000, length: 1000);
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        link.Receives(1.3.s, link.Ack(ack: 10_000));
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        Assert.Equal(2000u, link.V.CongestionWindow);
        link.SendsNothing(until: 50.s);
    }

    // RFC 6582 3.2 step 3: up to "recover" and no further it is a full one; what was sent meanwhile is not lost for that.
    [Fact]
    public void A_full_ACK_sends_nothing_again()
    {
        using Conversation link = InFlight(10_000, write: 13_000);
        link.Receives(1.1.s, [.. Enumerable.Repeat(link.Ack(), 8)]);
        link.Sends(1.1.s, seq: 0, length: 1000);
        link.Sends(1.1.s, seq: 10_000, length: 3000);
        link.Receives(1.2.s, link.Ack(ack: 10_000));
        Assert.Equal((RecoveryPhase.Open, 1), (link.V.Recovery, link.Engine.Counters.SegmentsRetransmitted));
        link.SendsNothing();
    }

    // RFC 5681 2: duplicates in a row.
    [Fact]
    public void An_acknowledgement_of_new_data_begins_the_count_anew()
    {
        using Conversation link = InFlight(10_000);
        link.Receives(1.1.s, link.Ack(), link.Ack());
        link.Receives(1.2.s, link.Ack(ack: 2000));
        link.Receives(1.2.s, link.Ack(ack: 2000), link.Ack(ack: 2000));
        Assert.Equal((RecoveryPhase.Open, 2), (link.V.Recovery, (int)link.V.DuplicateAcks));
    }

    // RFC 6582 3.2 step 3: so that many losses in one window end in a time-out's slow start, and not in a segment for each round trip.
    [Fact]
    public void Only_the_first_partial_ACK_restarts_the_timer()
    {
        using Conversation link = InFlight(10_000);
        link.Receives(1.1.s, link.Ack(), link.Ack(), link.Ack());
        link.Receives(1.2.s, link.Ack(ack: 1000));
        Microseconds due = link.V.RetransmitAt;
        link.Receives(1.3.s, link.Ack(ack: 2000));
        link.Receives(1.4.s, link.Ack(ack: 3000));
        Assert.Equal((RecoveryPhase.FastRecovery, due), (link.V.Recovery, link.V.RetransmitAt));

        // The next recovery begins anew.
        link.Receives(1.5.s, link.Ack(ack: 10_000));
        link.Writes(1.6.s, 10_000);
        link.Receives(1.65.s, link.Ack(ack: 11_000));
        link.Receives(1.7.s, link.Ack(11_000), link.Ack(11_000), link.Ack(11_000));
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        due = link.V.RetransmitAt;
        link.Receives(1.8.s, link.Ack(ack: 12_000));
        Assert.True(link.V.RetransmitAt > due);
    }

    // RFC 6582 3.2 step 3: "For the first partial ACK that arrives during fast recovery, also reset the retransmit timer".
    [Fact]
    public void Only_the_first_partial_ACK_of_a_recovery_restarts_the_timer()
    {
        using Conversation link = InFlight(10_000);
        link.Receives(1.1.s, link.Ack(), link.Ack(), link.Ack());
        link.Receives(1.5.s, link.Ack(ack: 2000));
        Assert.Equal(2.5.s, link.V.RetransmitAt);
        link.Receives(1.6.s, link.Ack(ack: 4000));
        Assert.Equal(2.5.s, link.V.RetransmitAt);
    }

    // RFC 5681 3.2 step 4
    [Fact]
    public void Further_duplicate_ACKs_let_new_data_out()
    {
        using Conversation link = InFlight(10_000, write: 20_000);
        link.Receives(1.1.s, [.. Enumerable.Repeat(link.Ack(), 3)]);
        link.Sends(1.1.s, seq: 0, length: 1000);
        link.Receives(1.1.s, [.. Enumerable.Repeat(link.Ack(), 3)]);
        link.Sends(1.1.s, seq: 10_000, length: 1000);
    }

    // RFC 6582 3.2 step 2: "recover"
    [Fact]
    public void Duplicate_ACKs_after_a_time_out_do_not_start_a_recovery()
    {
        using Conversation link = InFlight(10_000);
        link.Sends(2.s, seq: 0, length: 1000);
        link.Receives(2.s, [.. Enumerable.Repeat(link.Ack(), 5)]);
        link.SendsNothing();
        Assert.Equal(RecoveryPhase.Loss, link.V.Recovery);
        link.Receives(2.1.s, link.Ack(ack: 10_000));
        link.Writes(2.2.s, 5000);
        link.Forgets();
        link.Receives(2.3.s, [.. Enumerable.Repeat(link.Ack(ack: 10_000), 3)]);
        Assert.Equal(0, link.Engine.Counters.FastRetransmits);
    }

    // RFC 5681 2: what is not a duplicate acknowledgement
    [Fact]
    public void Data_window_updates_and_ACKs_without_anything_outstanding_are_not_duplicates()
    {
        using Conversation link = InFlight(10_000);
        for (int i = 0; i < 5; i++)
        {
            link.Receives(1.1.s, link.Data(seq: i * 10, length: 10));
            link.Receives(1.1.s, link.Ack(seq: (i + 1) * 10, window: 40_000 + i));
        }

        Assert.Equal(0, link.Engine.Counters.DuplicateAcks);
        link.Receives(1.2.s, link.Ack(ack: 10_000, seq: 50));
        link.Forgets();
        link.Receives(1.2.s, [.. Enumerable.Repeat(link.Ack(ack: 10_000, seq: 50), 5)]);
        Assert.Equal(0, link.Engine.Counters.DuplicateAcks);
    }

    // RFC 6675 2: with SACK, new blocks make an acknowledgement a duplicate even if its window moves.
    [Fact]
    public void A_SACK_block_makes_a_duplicate_of_an_ACK_with_another_window()
    {
        using Conversation link = InFlight(10_000, Setup.Connection with { SackPermitted = true });
        for (int i = 1; i <= 3; i++)
        {
            SackBlock block = new(new SeqNum(Conversation.Ours + 1000), new SeqNum(Conversation.Ours + 1000 + (uint)(i * 1000)));
            link.Receives(1.1.s, link.Ack(window: 50_000 - i) with { Sack = [block] });
        }

        link.Sends(1.1.s, seq: 0, length: 1000);
    }

    /// <summary>A flight that fills the congestion window, sent at 1 s.</summary>
    private static Conversation InFlight(int flight, ConnectionInvariants? connection = null, int? write = null)
    {
        Conversation link = new(connection, variants: v => v with { CongestionWindow = (uint)flight, LastDataSentAt = 1.s });
        link.Writes(1.s, write ?? flight);
        link.Sends(1.s, seq: 0, length: flight);
        return link;
    }
}
