using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>RFC 2883 5: what a report of something received twice is, and what it is not.</summary>
public class DuplicateSackSpecs
{
    [Fact]
    public void An_ACK_that_reports_nothing_but_a_duplicate_is_no_duplicate_ACK()
    {
        using Conversation link = InFlight();
        for (int i = 0; i < 10; i++)
        {
            link.Receives(1100.ms, link.Sack(2000, (0, 1000)));
        }

        link.SendsNothing();
        Assert.Equal(0, link.Engine.Counters.DuplicateAcks);
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        Assert.Equal(10, link.Engine.Counters.DuplicatesReported);
    }

    // RFC 2883 5, 4.1.3: within the second block.
    [Fact]
    public void A_duplicate_above_the_acknowledgement_lies_within_the_second_block()
    {
        using Conversation link = InFlight();
        link.Receives(1100.ms, link.Sack(2000, (4000, 5000), (3000, 6000)));
        Assert.Equal(1, link.Engine.Counters.DuplicatesReported);
        Assert.Equal(3000u, Reported(link));
    }

    // RFC 2883 5: up to the very byte that is acknowledged, and up to both ends of the second block.
    [Theory]
    [InlineData(1000, 2000, 3000, 4000, true)]
    [InlineData(3000, 4000, 3000, 6000, true)]
    [InlineData(5000, 6000, 3000, 6000, true)]
    [InlineData(3000, 6000, 3000, 6000, true)]
    [InlineData(1000, 2001, 3000, 4000, false)]
    [InlineData(2999, 4000, 3000, 6000, false)]
    [InlineData(5000, 6001, 3000, 6000, false)]
    public void A_duplicate_may_reach_the_edge_and_not_a_byte_beyond(int left, int right, int secondLeft, int secondRight, bool isDuplicate)
    {
        using Conversation link = InFlight();
        link.Receives(1100.ms, link.Sack(2000, (left, right), (secondLeft, secondRight)));
        Assert.Equal(isDuplicate ? 1 : 0, link.Engine.Counters.DuplicatesReported);
    }

    // RFC 2883 4: the second block is as good as if it were the first.
    [Fact]
    public void What_stands_behind_the_duplicate_is_believed()
    {
        using Conversation link = InFlight();
        link.Receives(1100.ms, link.Sack(2000, (0, 1000), (3000, 10_000)));
        link.Sends(1100.ms, seq: 2000, length: 1000);
        Assert.Equal(1, link.Engine.Counters.FastRetransmits);
    }

    [Fact]
    public void A_first_block_that_reports_something_new_is_no_duplicate()
    {
        using Conversation link = InFlight();
        link.Receives(1100.ms, link.Sack(2000, (5000, 6000), (3000, 4000)));
        Assert.Equal(0, link.Engine.Counters.DuplicatesReported);
        Assert.Equal(2000u, Reported(link));
    }

    /// <summary>What the pipe lacks of the flight.</summary>
    private static uint Reported(Conversation link)
    {
        uint before = link.V.Flight;
        link.Writes(link.Now, 40_000);
        uint sent = link.V.Flight - before;
        return sent + before - link.V.CongestionWindow;
    }

    private static Conversation InFlight()
    {
        Conversation link = SackPath.Link(window: 10_000);
        link.Writes(1.s, 10_000);
        link.Receives(1090.ms, link.Ack(2000));
        link.Forgets();
        return link;
    }
}
