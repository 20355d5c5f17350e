using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>RFC 8985 9.1, example 2, and what follows a recovery.</summary>
public class RetransmissionLostSpecs
{
    [Fact]
    public void A_retransmission_that_is_lost_is_found_by_what_was_sent_after_it()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        link.Writes(1.s, 40_000);
        link.Forgets();
        link.Receives(1100.ms, link.Sack(0, (1000, 20_000)));
        link.Sends(1100.ms, seq: 0, length: 1000);
        int sent = link.Forgets();
        Assert.True(sent > 0, "New data is sent after it.");

        // A round trip later what was sent after it is reported, and it is not.
        link.Receives(1200.ms, link.Sack(0, (1000, 21_000)));
        link.Sends(1200.ms, seq: 0, length: 1000);
        Assert.Equal(1, link.Engine.Counters.RetransmissionsLost);
        Assert.Equal(1, link.Engine.Counters.FastRetransmits);
        Assert.Equal(0, link.Engine.Counters.RetransmissionTimeouts);
    }

    // RFC 6675 6
    [Fact]
    public void The_time_out_runs_from_when_the_first_segment_was_sent_again()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        link.Writes(1.s, 40_000);
        Assert.Equal(1300.ms, link.V.RetransmitAt);
        link.Receives(1100.ms, link.Sack(0, (1000, 20_000)));
        Assert.Equal(1400.ms, link.V.RetransmitAt);
        link.Receives(1200.ms, link.Sack(0, (1000, 21_000)));
        Assert.Equal((1, 1500.ms), (link.Engine.Counters.RetransmissionsLost, link.V.RetransmitAt));
    }

    [Fact]
    public void One_of_two_that_are_sent_again_is_lost()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        link.SendsSegments(1.s, 10, apart: 1.ms);
        link.Receives(1109.ms, link.Sack(0, (2000, 10_000)));
        link.Sends(1109.ms, seq: 0, length: 2000);
        link.Receives(1209.ms, link.Sack(0, (1000, 10_000)));
        link.Sends(1209.ms, seq: 0, length: 1000);
        Assert.Equal(1, link.Engine.Counters.RetransmissionsLost);
    }

    // RFC 5681 4.3: loss in two successive windows of data is two signs of congestion.
    [Fact]
    public void A_loss_of_what_was_sent_during_recovery_begins_another_when_that_one_ends()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        link.Writes(1.s, 60_000);
        link.Forgets();
        link.Receives(1100.ms, link.Sack(0, (1000, 20_000)));
        uint threshold = link.V.SlowStartThreshold;
        Assert.Equal(10_000u, threshold);
        int max = (int)(link.V.SndMax.Value - Conversation.Ours);
        Assert.True(max >= 23_000);

        // Of the new data the first segment is lost; the report comes before the retransmission is acknowledged.
        link.Receives(1200.ms, link.Sack(1000 + 19_000, (21_000, max)));
        Assert.Equal(2, link.Engine.Counters.FastRetransmits);
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        Assert.True(link.V.SlowStartThreshold < threshold);
    }

    // All of a window but the last segment.
    [Fact]
    public void Losses_found_one_after_the_other_are_one_sign_of_congestion()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        link.Writes(1.s, 20_000);
        link.Forgets();
        link.Receives(1100.ms, link.Sack(0, (1000, 5000)));
        link.Receives(1101.ms, link.Sack(0, (6000, 10_000), (1000, 5000)));
        link.Receives(1102.ms, link.Sack(0, (12_000, 20_000), (6000, 10_000), (1000, 5000)));
        Assert.Equal(1, link.Engine.Counters.FastRetransmits);
        Assert.Equal(10_000u, link.V.SlowStartThreshold);
    }
}
