using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>RFC 5682 3.1, without timestamps, which would tell sooner. Ten segments leave at 1 s, the probe at 1.201 s, the time-out is at 1.501 s.</summary>
public class ForwardRtoSpecs
{
    [Fact]
    public void A_delay_that_was_taken_for_a_loss_is_undone_and_costs_one_segment_sent_again()
    {
        using Conversation link = TimedOut();

        // Step 2b: the acknowledgement of the first segment was only late. New data goes out, nothing old.
        link.Receives(1520.ms, link.Ack(1000));
        link.Sends(1520.ms, seq: 10_000, length: 2000);
        link.SendsNothing();

        // Step 3b: a segment that was not sent again is acknowledged.
        long again = link.Engine.Counters.BytesRetransmitted;
        link.Receives(1530.ms, link.Ack(2000));
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        Assert.Equal(1, link.Engine.Counters.TimeoutsUndone);
        Assert.Equal((10_000u, uint.MaxValue), (Math.Min(link.V.CongestionWindow, 10_000u), link.V.SlowStartThreshold));
        Assert.Equal(0, link.V.RtoBackoff);
        for (int ack = 3000; ack <= 12_000; ack += 1000)
        {
            link.Receives(link.Now + 1.ms, link.Ack(ack));
        }

        Assert.Equal(again, link.Engine.Counters.BytesRetransmitted);
    }

    // Step 3b, by SACK.
    [Fact]
    public void A_report_of_a_segment_that_was_not_sent_again_undoes_as_well()
    {
        using Conversation link = TimedOut();
        link.Receives(1520.ms, link.Ack(1000));
        link.Receives(1530.ms, link.Sack(1000, (3000, 4000)));
        Assert.Equal(1, link.Engine.Counters.TimeoutsUndone);
    }

    // Step 3a: only the new data arrives: what was before it is lost.
    [Fact]
    public void A_real_loss_is_repaired()
    {
        using Conversation link = TimedOut();
        link.Receives(1600.ms, link.Ack(1000));
        link.Sends(1600.ms, seq: 10_000, length: 2000);
        link.Receives(1700.ms, link.Sack(1000, (10_000, 11_000)));
        Assert.Equal(RecoveryPhase.Loss, link.V.Recovery);
        Assert.Equal(0, link.Engine.Counters.TimeoutsUndone);
        OutgoingAfter(link, 1700.ms, 1000);
        Assert.True(link.V.CongestionWindow < 10_000);
    }

    // Step 2a: everything is acknowledged by the retransmission alone: conventional.
    [Fact]
    public void An_acknowledgement_of_everything_ends_it_without_a_verdict()
    {
        using Conversation link = TimedOut();
        link.Receives(1600.ms, link.Ack(10_000));
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        Assert.Equal(0, link.Engine.Counters.TimeoutsUndone);
        Assert.True(link.V.SlowStartThreshold <= 5000);
    }

    // Step 2: reports before the acknowledgement of what was sent again only fill the scoreboard.
    [Fact]
    public void It_waits_for_the_cumulative_acknowledgement()
    {
        using Conversation link = TimedOut();
        link.Receives(1510.ms, link.Sack(0, (2000, 3000)));
        Assert.Equal(ForwardRto.FirstAck, link.V.ForwardRto);
        link.Receives(1520.ms, link.Ack(1000));
        Assert.Equal(ForwardRto.SecondAck, link.V.ForwardRto);
    }

    // Step 2b: "If the TCP sender ... does not have any new data to send", conventional recovery goes on.
    [Fact]
    public void Without_new_data_there_is_no_telling_and_the_rest_is_sent_again()
    {
        using Conversation link = TimedOut(write: 10_000);
        link.Receives(1600.ms, link.Ack(1000));
        link.Sends(1600.ms, seq: 1000, length: 2000);
        Assert.Equal(ForwardRto.Off, link.V.ForwardRto);
    }

    // Nor where the window has no room for a segment of it. It is told in units of 16 bytes: 9,984 and 10,000.
    [Theory]
    [InlineData(624, ForwardRto.Off, 1000, 2000)]
    [InlineData(625, ForwardRto.SecondAck, 10_000, 1000)]
    public void Where_the_window_lets_nothing_new_out_there_is_no_telling_either(int window, ForwardRto expected, int next, int length)
    {
        using Conversation link = TimedOut();
        link.Receives(1600.ms, link.Ack(1000, window: window));
        Assert.Equal(expected, link.V.ForwardRto);
        link.Sends(1600.ms, seq: next, length: length);
    }

    // What is left of the application's bytes is less than a segment: room for it is room enough. The edge is at 10,472 and at 10,536.
    [Theory]
    [InlineData(592, ForwardRto.Off, 1000, 2000)]
    [InlineData(596, ForwardRto.SecondAck, 10_000, 500)]
    public void The_last_bytes_need_no_room_for_a_whole_segment(int window, ForwardRto expected, int next, int length)
    {
        using Conversation link = TimedOut(write: 10_500);
        link.Receives(1600.ms, link.Ack(1000, window: window));
        Assert.Equal(expected, link.V.ForwardRto);
        link.Sends(1600.ms, seq: next, length: length);
    }

    // Step 2b: "up to two new segments", whatever sets the window, and however much is acknowledged.
    [Theory]
    [InlineData("reno")]
    [InlineData("cubic")]
    [InlineData("bbr")]
    public void Two_new_segments_go_and_no_more(string congestion)
    {
        using Conversation link = SackPath.Link(window: 40_000, invariants: Setup.Invariants with { CongestionControl = congestion });
        link.Writes(1.s, 400_000);
        link.GoTo(2100.ms);
        Assert.Equal(RecoveryPhase.Loss, link.V.Recovery);
        SeqNum max = link.V.SndMax;
        link.Receives(2110.ms, link.Ack(10_000));
        link.GoTo(2120.ms);
        Assert.Equal((ForwardRto.SecondAck, 2000), (link.V.ForwardRto, link.V.SndMax - max));
    }

    // Step 2: "If the retransmission timeout expires again, go to step 1".
    [Fact]
    public void A_delay_of_several_time_outs_is_undone_as_well()
    {
        using Conversation link = TimedOut();
        link.GoTo(3.s);
        link.Forgets();
        Assert.True(link.Engine.Counters.RetransmissionTimeouts >= 2);
        link.Receives(3100.ms, link.Ack(1000));
        link.Sends(3100.ms, seq: 10_000, length: 2000);
        link.Receives(3110.ms, link.Ack(2000));
        Assert.Equal((RecoveryPhase.Open, 1), (link.V.Recovery, link.Engine.Counters.TimeoutsUndone));
    }

    // Step 1: "If 'RecoveryPoint' is larger than or equal to SND.UNA": what arrives now may be what fast recovery has sent.
    [Fact]
    public void A_time_out_during_fast_recovery_is_believed()
    {
        using Conversation link = SackPath.Link(window: 10_000);
        link.Writes(1.s, 40_000);
        link.Receives(1100.ms, link.Sack(0, (1000, 2000), (3000, 10_000)));
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        link.GoTo(2.s);
        Assert.Equal(RecoveryPhase.Loss, link.V.Recovery);
        link.Forgets();
        link.Receives(2.s, link.Sack(2000, (3000, 10_000)));
        Assert.Equal(ForwardRto.Off, link.V.ForwardRto);
        link.Sends(2.s, seq: 2000, length: 1000);
    }

    // Nor one while what is sent on suspicion of the first is under way.
    [Fact]
    public void A_time_out_in_step_3_is_believed()
    {
        using Conversation link = TimedOut();
        link.Receives(1600.ms, link.Ack(1000));
        link.Sends(1600.ms, seq: 10_000, length: 2000);
        link.GoTo(5.s);
        Assert.Equal((RecoveryPhase.Loss, ForwardRto.Off), (link.V.Recovery, link.V.ForwardRto));
    }

    // Step 3a: "Take this branch also when the acknowledgment is a duplicate ACK"
    [Fact]
    public void A_duplicate_ACK_without_a_report_ends_it()
    {
        using Conversation link = TimedOut();
        link.Receives(1600.ms, link.Ack(1000));
        link.Sends(1600.ms, seq: 10_000, length: 2000);
        link.Receives(1700.ms, link.Ack(1000));
        Assert.Equal(ForwardRto.Off, link.V.ForwardRto);
        link.Sends(1700.ms, seq: 1000, length: 1000);
    }

    // So does one with a report that is known.
    [Fact]
    public void A_duplicate_ACK_that_reports_nothing_new_ends_it()
    {
        using Conversation link = TimedOut();
        link.Receives(1510.ms, link.Sack(0, (2000, 3000)));
        link.Receives(1600.ms, link.Sack(1000, (2000, 3000)));
        Assert.Equal(ForwardRto.SecondAck, link.V.ForwardRto);
        link.Receives(1700.ms, link.Sack(1000, (2000, 3000)));
        Assert.Equal(ForwardRto.Off, link.V.ForwardRto);
    }

    // Step 3: "Other types of ACKs are ignored without any action."
    [Fact]
    public void Window_updates_and_data_of_the_peers_are_ignored()
    {
        using Conversation link = TimedOut();
        link.Receives(1510.ms, link.Sack(0, (2000, 3000)));
        link.Receives(1600.ms, link.Sack(1000, (2000, 3000)));
        link.Receives(
            1700.ms,
            link.Ack(1000, window: 49_000),
            link.Sack(1000, (2000, 3000)) with { Window = 48_000 },
            link.Data(0, 10, ack: 1000) with { Window = 48_000, Sack = link.Sack(1000, (2000, 3000)).Sack });
        Assert.Equal(ForwardRto.SecondAck, link.V.ForwardRto);
        link.Receives(1710.ms, link.Ack(3000, seq: 10));
        Assert.Equal(1, link.Engine.Counters.TimeoutsUndone);
    }

    private static void OutgoingAfter(Conversation link, Microseconds t, int seq) => link.Sends(t, seq: seq, length: 1000);

    private static Conversation TimedOut(int write = 40_000)
    {
        Conversation link = SackPath.Link(window: 10_000);
        link.Writes(1.s, 10_000);
        link.Sends(1.s, length: 10_000);

        // The probe is of the last segment.
        link.Sends(1201.ms, seq: 9000, length: 1000);
        link.GoTo(1400.ms);
        if (write > 10_000)
        {
            Assert.Equal(write - 10_000, link.SendBuffer.Write(Conversation.BytesAt(link.SendBuffer.End, write - 10_000)));
        }

        link.Sends(1501.ms, seq: 0, length: 1000);
        Assert.Equal(RecoveryPhase.Loss, link.V.Recovery);
        return link;
    }
}
