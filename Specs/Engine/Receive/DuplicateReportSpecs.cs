using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Receive;

/// <summary>RFC 2883: what was received twice is the first SACK block of an acknowledgement, once.</summary>
public class DuplicateReportSpecs
{
    private static readonly ConnectionInvariants WithSack = Setup.Connection with { SackPermitted = true };
    private static readonly ConnectionInvariants WithTimestamps = WithSack with { TimestampsEnabled = true };

    // RFC 2883 4.1
    [Fact]
    public void A_segment_received_before_is_reported_at_once_and_once()
    {
        using Conversation link = Received(2000);
        link.Receives(1.s, link.Data(seq: 1000, length: 1000));
        link.Sends(1.s, ack: 2000, sack: [(1000, 2000)]);
        link.Receives(2.s, link.Data(seq: 2000, length: 1000), link.Data(seq: 3000, length: 1000));
        link.Sends(2.s, ack: 4000, sack: []);
        link.SendsNothing(until: 10.s);
        Assert.Equal(1, link.Engine.Counters.DsacksSent);
    }

    // RFC 2883 4 (4) and (5): the second block is the larger one that holds the duplicate, then the others follow.
    [Fact]
    public void A_duplicate_of_what_waits_behind_a_hole_is_followed_by_the_range_that_holds_it()
    {
        using Conversation link = new(WithSack);
        link.Receives(1.s, link.Data(seq: 1000, length: 2000), link.Data(seq: 5000, length: 1000));
        link.Forgets();
        link.Receives(1.s, link.Data(seq: 2000, length: 1000));
        link.Sends(1.s, ack: 0, sack: [(2000, 3000), (1000, 3000), (5000, 6000)]);
        link.Receives(1.s, link.Data(seq: 5000, length: 1000));
        link.Sends(1.s, ack: 0, sack: [(5000, 6000), (5000, 6000), (1000, 3000)]);
    }

    // RFC 2883 4.2
    [Fact]
    public void Of_a_segment_that_is_partly_new_the_part_that_is_not_is_reported()
    {
        using Conversation link = Received(2000);
        link.Receives(1.s, link.Data(seq: 1500, length: 1000));
        link.Sends(1.s, ack: 2500, sack: [(1500, 2000)]);
        link.Receives(1.s, link.Data(seq: 4000, length: 1000));
        link.Sends(1.s, ack: 2500, sack: [(4000, 5000)]);
        link.Receives(1.s, link.Data(seq: 4500, length: 1000));
        link.Sends(1.s, ack: 2500, sack: [(4500, 5000), (4000, 5500)]);
        link.Receives(1.s, link.Data(seq: 2500, length: 2000));
        link.Sends(1.s, ack: 5500, sack: [(4000, 4500)]);
        link.Reads(1.s, 5500);
    }

    // RFC 2883 4.2: of two such parts the first.
    [Fact]
    public void Of_a_segment_with_two_duplicate_parts_the_first_is_reported()
    {
        using Conversation link = new(WithSack);
        link.Receives(1.s, link.Data(seq: 1000, length: 500), link.Data(seq: 2000, length: 500));
        link.Forgets();
        link.Receives(1.s, link.Data(seq: 0, length: 3000));
        link.Sends(1.s, ack: 3000, sack: [(1000, 1500)]);
        Assert.Equal(1, link.Engine.Counters.DsacksSent);
    }

    // RFC 9293 3.10.7.4, MUST-58: acknowledgements are aggregated where they can be.
    [Fact]
    public void Duplicates_of_one_batch_that_follow_each_other_are_reported_together()
    {
        using Conversation link = Received(8000);
        link.Receives(1.s, [.. Enumerable.Range(0, 4).Select(i => link.Data(seq: i * 1000, length: 1000)), link.Data(seq: 6000, length: 1000)]);
        link.Sends(1.s, ack: 8000, sack: [(0, 4000)]);
        link.Sends(1.s, ack: 8000, sack: [(6000, 7000)]);
        link.SendsNothing(until: 10.s);
    }

    // RFC 2883 4 (2): the options of a run are repeated in each segment that it is cut into.
    [Fact]
    public void Data_that_leaves_with_the_report_does_not_carry_it()
    {
        using Conversation link = Received(2000);
        link.SendBuffer.Write(Conversation.BytesAt(link.SendBuffer.End, 3000));
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.Sends(1.s, seq: 0, ack: 2000, sack: [(0, 1000)]);
        link.Sends(1.s, seq: 0, length: 3000, sack: []);
        link.SendsNothing();
    }

    [Fact]
    public void Without_SACK_a_duplicate_is_only_acknowledged()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 0, length: 2000, count: 2));
        link.Forgets();
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.Sends(1.s, ack: 2000, sack: []);
        Assert.Equal(0, link.Engine.Counters.DsacksSent);
    }

    [Fact]
    public void With_timestamps_the_report_takes_the_place_of_a_range()
    {
        using Conversation link = new(WithTimestamps);
        for (int i = 1; i <= 5; i++)
        {
            link.Receives(1.s, link.Data(seq: i * 2000, length: 1000, tsVal: 1));
        }

        link.Forgets();
        link.Receives(1.s, link.Data(seq: 4000, length: 1000, tsVal: 1));
        link.Sends(1.s, ack: 0, sack: [(4000, 5000), (4000, 5000), (10000, 11000)]);
    }

    // The retransmission came first and has moved TS.Recent: to PAWS the original is old, and it is how the peer learns that it repaired in vain.
    [Fact]
    public void An_original_that_comes_after_its_retransmission_is_reported_although_its_timestamp_is_old()
    {
        using Conversation link = new(WithTimestamps);
        link.Receives(1.s, link.Data(seq: 0, length: 1000, tsVal: 100), link.Data(seq: 1000, length: 1000, tsVal: 300));
        link.Forgets();
        link.Receives(2.s, link.Data(seq: 2000, length: 1000, tsVal: 300));
        link.Forgets();
        Assert.Equal(Verdict.Dropped, link.Receives(2.s, link.Data(seq: 1000, length: 1000, tsVal: 101)));
        Assert.Equal(1, link.Engine.Counters.DroppedPaws);
        link.Sends(2.s, ack: 3000, sack: [(1000, 2000)]);
    }

    // Whoever does not see the connection cannot tell its peer that a repair was in vain.
    [Theory]
    [InlineData(-30_000, 0, "further back than a window")]
    [InlineData(2_000_000_000, 0, "nowhere")]
    [InlineData(0, 60_000, "acknowledges what was never sent")]
    [InlineData(0, -60_000, "acknowledges what is long past")]
    public void What_the_peer_cannot_have_sent_is_answered_and_not_reported(int seq, int ack, string why)
    {
        using Conversation link = Received(2000);
        Assert.True(link.Receives(1.s, link.Data(seq: seq, length: 1000, ack: ack)) == Verdict.Dropped, why);
        link.Sends(1.s, ack: 2000, sack: []);
        Assert.Equal(0, link.Engine.Counters.DsacksSent);
    }

    [Fact]
    public void A_segment_beyond_the_window_or_without_data_or_ACK_is_not_reported()
    {
        using Conversation link = Received(2000);
        link.Receives(1.s, link.Data(seq: 50_000, length: 1000));
        link.Sends(1.s, ack: 2000, sack: []);
        link.Receives(1.s, link.Ack(seq: 1999));
        link.Sends(1.s, ack: 2000, sack: []);
        link.Receives(1.s, link.Data(seq: 1000, length: 1000) with { Flags = TcpFlags.None });
        link.Sends(1.s, ack: 2000, sack: []);
        Assert.Equal(0, link.Engine.Counters.DsacksSent);
    }

    // What a crash forgets costs the peer one sign; the next duplicate is reported again.
    [Fact]
    public void After_a_crash_duplicates_are_reported_as_before()
    {
        using Conversation link = Received(2000);
        link.CrashesOver(1.s, link.Data(seq: 0, length: 1000));
        link.Forgets();
        link.Receives(1.s, link.Data(seq: 1000, length: 1000));
        link.Sends(1.s, ack: 2000, sack: [(1000, 2000)]);
    }

    // RFC 2018 3: what is reported has arrived; a block of what the crash has forgotten would lie beyond the acknowledgement and be taken for that.
    [Fact]
    public void A_crash_forgets_a_duplicate_of_what_it_forgets()
    {
        using Conversation link = Received(2000);
        SegmentVariants committed = link.V;
        link.Engine.Receive(link.Data(seq: 2000, length: 1000).ToSegment(), link.Now);
        link.Engine.Receive(link.Data(seq: 2000, length: 1000).ToSegment(), link.Now);
        link.Engine.Restore(committed, link.Now);
        link.Writes(1.s, 10);
        link.Sends(1.s, ack: 2000, length: 10);
        link.SendsNothing();
        Assert.Equal(0, link.Engine.Counters.DsacksSent);
    }

    private static Conversation Received(int count)
    {
        Conversation link = new(WithSack);
        link.Receives(1.s, link.Data(seq: 0, length: count, count: 2));
        link.Forgets();
        return link;
    }
}
