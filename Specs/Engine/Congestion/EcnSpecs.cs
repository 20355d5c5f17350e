using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Recovery;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>The data sender's half of ECN, on the wire.</summary>
public class EcnSpecs
{
    // RFC 3168 6.1.4, 6.1.5: ECT on new data; not on what is sent again, nor on a pure acknowledgement
    [Fact]
    public void New_data_may_be_marked_and_nothing_else()
    {
        using Conversation link = Link();
        link.Writes(1.s, 2000);
        Assert.True(link.Sends(1.s, length: 2000).IsEcnCapable);
        Assert.False(link.Sends(2.s, seq: 0, length: 1000).IsEcnCapable);
        link.Receives(2.1.s, link.Data(seq: 100, length: 10, ack: 2000));
        Assert.False(link.Sends(2.1.s, length: 0).IsEcnCapable);
    }

    // RFC 3168 6.1.6
    [Fact]
    public void A_window_probe_may_not_be_marked()
    {
        using Conversation link = Link(window: 0);
        link.Writes(1.s, 2000);
        Assert.False(link.Sends(2.s, length: 1).IsEcnCapable);
    }

    // RFC 3168 6.1.2, RFC 8511 3: once for a window of data, by a fifth; CWR with the next new data, once
    [Fact]
    public void An_echo_reduces_the_window_once_and_the_peer_is_told()
    {
        using Conversation link = Link();
        link.Writes(1.s, 50_000);
        link.Sends(1.s, length: 10_000, flags: TcpFlags.Ack);
        link.Receives(1.1.s, link.Ack(2000, flags: TcpFlags.Ece), link.Ack(4000, flags: TcpFlags.Ece));
        Assert.Equal((8000u, 8000u, 1), (link.V.CongestionWindow, link.V.SlowStartThreshold, link.Engine.Counters.MarksAnswered));
        link.Sends(1.1.s, seq: 10_000, length: 2000, flags: TcpFlags.Ack | TcpFlags.Cwr);
        link.Receives(1.2.s, link.Ack(8000));
        link.Sends(1.2.s, seq: 12_000, length: 4000, flags: TcpFlags.Ack);

        // The next window of data.
        link.Receives(1.3.s, link.Ack(12_000, flags: TcpFlags.Ece));
        Assert.Equal(2, link.Engine.Counters.MarksAnswered);
    }

    // RFC 3168 6.1.2: a loss in the same window has been answered for
    [Fact]
    public void An_echo_in_recovery_reduces_nothing_more()
    {
        using Conversation link = Link();
        link.Writes(1.s, 50_000);
        link.Receives(1.1.s, link.Ack(), link.Ack(), link.Ack());
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        uint threshold = link.V.SlowStartThreshold;
        link.Receives(1.2.s, link.Ack(2000, flags: TcpFlags.Ece));
        Assert.Equal((threshold, 0), (link.V.SlowStartThreshold, link.Engine.Counters.MarksAnswered));
    }

    // ... and a mark for the loss, which is repaired all the same
    [Fact]
    public void A_loss_in_a_window_that_a_mark_has_reduced_reduces_nothing_more()
    {
        using Conversation link = WithSack();
        link.Writes(1.s, 50_000);
        link.Sends(1.s, length: 20_000);
        link.Receives(1100.ms, link.Ack(2000, flags: TcpFlags.Ece));
        Assert.Equal((16_000u, 1), (link.V.SlowStartThreshold, link.Engine.Counters.MarksAnswered));
        link.Receives(1101.ms, link.Sack(2000, (3000, 7000)));
        link.Sends(1101.ms, seq: 2000, length: 1000);
        Assert.Equal((RecoveryPhase.FastRecovery, 16_000u), (link.V.Recovery, link.V.SlowStartThreshold));

        // What was sent after the reduction is another window.
        link.Forgets();
        link.Receives(1200.ms, link.Ack(20_000));
        link.Forgets();
        int una = (int)(link.V.SndUna.Value - Conversation.Ours);
        link.Receives(1300.ms, link.Sack(una, (una + 1000, una + 5000)));
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        Assert.True(link.V.SlowStartThreshold < 16_000);
    }

    // RFC 8985 7.4.2, RFC 3168 6.1.2
    [Fact]
    public void A_loss_that_a_tail_loss_probe_has_mended_is_one_too()
    {
        using Conversation link = WithSack();
        link.Writes(1.s, 5000);
        link.Sends(1.s, length: 5000);
        link.Sends(1201.ms, seq: 4000, length: 1000);
        link.Receives(1301.ms, link.Ack(5000));
        link.Writes(1400.ms, 3000);
        link.Forgets();
        link.Receives(1500.ms, link.Ack(6000));
        Assert.Equal(1, link.Engine.Counters.ProbesMended);
        uint threshold = link.V.SlowStartThreshold;
        link.Receives(1501.ms, link.Ack(7000, flags: TcpFlags.Ece));
        Assert.Equal((threshold, 0), (link.V.SlowStartThreshold, link.Engine.Counters.MarksAnswered));
        link.Writes(1502.ms, 1000);
        link.Sends(1502.ms, seq: 8000, length: 1000, flags: TcpFlags.Ack | TcpFlags.Psh | TcpFlags.Cwr);
    }

    // RFC 3168 5: who leaves marks without an answer must not ask for them
    [Fact]
    public void What_an_algorithm_sends_that_does_not_answer_marks_may_not_be_marked()
    {
        using Conversation link = WithSack(Setup.Invariants with { CongestionControl = "bbr" });
        link.Writes(1.s, 1000);
        Assert.False(link.Sends(1.s, length: 1000).IsEcnCapable);
    }

    // RFC 3168 6.1.2: "SHOULD NOT increase the congestion window in response to the receipt of an ECN-Echo ACK packet"
    [Theory]
    [InlineData("reno", 8000u)]
    [InlineData("cubic", 8500u)]
    public void What_carries_an_echo_widens_no_window(string algorithm, uint expected)
    {
        using Conversation link = Link(invariants: Setup.Invariants with { CongestionControl = algorithm });
        link.Writes(1.s, 50_000);
        for (int acked = 2000; acked <= 10_000; acked += 2000)
        {
            link.Receives(1.1.s, link.Ack(acked, flags: TcpFlags.Ece));
        }

        Assert.Equal(expected, link.V.CongestionWindow);
        link.Receives(1.2.s, link.Ack((int)(link.V.SndMax - new SeqNum(Conversation.Ours))));
        Assert.True(link.V.CongestionWindow > expected);
    }

    // The peer goes on echoing until CWR comes, which goes with new data.
    [Theory]
    [InlineData("reno")]
    [InlineData("cubic")]
    public void After_a_time_out_echoes_do_not_hold_up_what_is_sent_again(string algorithm)
    {
        using Conversation link = Link(invariants: Setup.Invariants with { CongestionControl = algorithm });
        link.Writes(1.s, 50_000);
        link.Receives(1.1.s, link.Ack(2000, flags: TcpFlags.Ece));
        link.GoTo(3.s);
        Assert.Equal((RecoveryPhase.Loss, 1000u), (link.V.Recovery, link.V.CongestionWindow));
        link.Receives(3.1.s, link.Ack(3000, flags: TcpFlags.Ece));
        link.Receives(3.2.s, link.Ack(5000, flags: TcpFlags.Ece));
        Assert.Equal(3000u, link.V.CongestionWindow);
    }

    // RFC 3168 6.1.2: "The sending TCP will then be able to send a new packet only when the retransmit timer expires."
    [Fact]
    public void At_a_window_of_one_segment_marks_leave_one_segment_in_each_RTO()
    {
        using Conversation link = Link(windowOf: 1000);
        link.Writes(1.s, 5000);
        link.Sends(1.s, length: 1000);
        link.Receives(1.1.s, link.Ack(1000, flags: TcpFlags.Ece));
        Assert.Equal((1000u, 2000u), (link.V.CongestionWindow, link.V.SlowStartThreshold));
        Microseconds rto = link.V.Rto;
        link.SendsNothing(1.1.s + rto);
        link.Sends(1.1.s + rto, seq: 1000, length: 1000, flags: TcpFlags.Ack | TcpFlags.Cwr);

        // Not marked: it goes on with slow start.
        link.Receives(1.2.s + rto, link.Ack(2000));
        link.Sends(1.2.s + rto, seq: 2000, length: 2000);
    }

    // It is owed by the connection, not by its owner.
    [Fact]
    public void What_is_held_back_is_so_after_a_move()
    {
        using Conversation link = Link(windowOf: 1000);
        link.Writes(1.s, 5000);
        link.Receives(1.1.s, link.Ack(1000, flags: TcpFlags.Ece));
        SegmentVariants moved = link.V.ToTimesRemaining(link.Now).ToDeadlines(100.s);
        Assert.Equal(100.s + link.V.Rto, moved.Rate.PacedUntil);
        using Conversation next = new(
            Setup.Connection with { EcnNegotiated = true }, variants: _ => moved, ours: moved.SndUna, theirs: moved.RcvNxt);
        next.GoTo(100.s);
        next.StartsAfterMove(100.s);
        next.Forgets();
        next.Writes(100.s, 4000);
        next.SendsNothing(100.s + link.V.Rto);
        next.Sends(100.s + link.V.Rto, seq: 0, length: 1000);
    }

    [Fact]
    public void Without_ECN_an_echo_says_nothing()
    {
        using Conversation link = new(variants: v => v with { CongestionWindow = 10_000, LastDataSentAt = 1.s });
        link.Writes(1.s, 50_000);
        Assert.False(link.Sends(1.s, length: 10_000).IsEcnCapable);
        link.Receives(1.1.s, link.Ack(2000, flags: TcpFlags.Ece));
        Assert.Equal((uint.MaxValue, 0), (link.V.SlowStartThreshold, link.Engine.Counters.MarksAnswered));
    }

    private static Conversation WithSack(SegmentInvariants? invariants = null) => new(
        SackPath.Connection with { EcnNegotiated = true },
        invariants,
        v => v with
        {
            SmoothedRtt = SackPath.Rtt,
            Delta = 10.ms,
            MinRtt = SackPath.Rtt,
            Rto = 300.ms,
            CongestionWindow = 20_000,
            LastDataSentAt = 990.ms,
        });

    private static Conversation Link(ushort window = 50_000, uint windowOf = 10_000, SegmentInvariants? invariants = null) => new(
        Setup.Connection with { EcnNegotiated = true },
        invariants,
        v => v with { CongestionWindow = windowOf, LastDataSentAt = 1.s },
        window);
}
