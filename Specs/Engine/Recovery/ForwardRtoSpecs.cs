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
        link.Receives(1530.ms, link.Ack(2000));
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        Assert.Equal(1, link.Engine.Counters.TimeoutsUndone);
        Assert.Equal((10_000u, uint.MaxValue), (Math.Min(link.V.CongestionWindow, 10_000u), link.V.SlowStartThreshold));
        Assert.Equal(0, link.V.RtoBackoff);
        long again = link.Engine.Counters.BytesRetransmitted;
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

    // Step 1: not when a time-out is being repaired already.
    [Fact]
    public void A_second_time_out_of_the_same_data_is_believed()
    {
        using Conversation link = TimedOut();
        link.GoTo(3.s);
        link.Forgets();
        Assert.True(link.Engine.Counters.RetransmissionTimeouts >= 2);
        Assert.Equal(ForwardRto.Off, link.V.ForwardRto);
        link.Receives(3100.ms, link.Ack(1000));
        Assert.Equal(ForwardRto.Off, link.V.ForwardRto);
        link.Sends(3100.ms, seq: 1000, length: 2000);
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
