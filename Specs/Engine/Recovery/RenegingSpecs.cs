using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>RFC 2018 8: a peer may throw away what it has reported.</summary>
public class RenegingSpecs
{
    [Fact]
    public void What_was_reported_and_is_not_acknowledged_is_sent_again_soon()
    {
        using Conversation link = Reneged();

        // Half a round trip, in case an acknowledgement was overtaken.
        link.SendsNothing(until: 1250.ms);
        link.Sends(1250.ms, seq: 1000, length: 1000);
        Assert.Equal(1, link.Engine.Counters.RenegingSeen);

        // The rest follows as after any time-out; nothing of what was reported is left out.
        link.Receives(1350.ms, link.Ack(2000));
        link.Sends(1350.ms, seq: 2000, length: 2000);
        link.Receives(1450.ms, link.Ack(4000));
        link.Sends(1450.ms, seq: 4000, length: 1000);
        link.Receives(1550.ms, link.Ack(5000));
        Assert.True(link.Engine.IsDrained);
    }

    [Fact]
    public void An_acknowledgement_that_was_only_overtaken_spares_that()
    {
        using Conversation link = Reneged();
        link.Receives(1210.ms, link.Ack(5000));
        link.SendsNothing(until: 3.s);
        Assert.Equal(0, link.Engine.Counters.RenegingSeen);
    }

    // RFC 6675 5.1, where RFC 2018 5 has it: a time-out alone does not discard the scoreboard.
    [Fact]
    public void A_time_out_keeps_what_was_reported_when_the_first_bytes_were_not()
    {
        using Conversation link = SackPath.Link(window: 5000);
        link.Writes(1.s, 5000);
        link.Receives(1100.ms, link.Sack(0, (1000, 5000)));
        link.Forgets();
        link.GoTo(1600.ms);
        Assert.True(link.Engine.Counters.RetransmissionTimeouts > 0);
        link.Forgets();
        link.Receives(1700.ms, link.Ack(5000));
        Assert.Equal(0, link.Engine.Counters.RenegingSeen);
        Assert.True(link.Engine.Counters.BytesRetransmitted <= 3000);
    }

    /// <summary>The first segment was lost and is repaired, and what was reported behind it is gone.</summary>
    private static Conversation Reneged()
    {
        Conversation link = SackPath.Link(window: 5000);
        link.Writes(1.s, 5000);
        link.Receives(1100.ms, link.Sack(0, (1000, 5000)));
        link.Forgets();
        link.Receives(1200.ms, link.Ack(1000));
        link.SendsNothing();
        return link;
    }
}
