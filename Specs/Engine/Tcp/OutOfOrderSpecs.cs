using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class OutOfOrderSpecs
{
    private static readonly ConnectionInvariants WithSack = Setup.Connection with { SackPermitted = true };

    // RFC 5681 4.2
    [Fact]
    public void Each_segment_out_of_order_is_acknowledged_at_once_and_so_is_the_one_that_fills_the_hole()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 1000, length: 1000), link.Data(seq: 2000, length: 1000));
        link.Sends(1.s, ack: 0, sack: []);
        link.Sends(1.s, ack: 0);
        link.SendsNothing();
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.Sends(1.s, ack: 3000);
        link.Reads(1.s, 3000);
    }

    // RFC 9293 3.10.7.4 (MUST-59), RFC 5681 4.2: three begin the recovery of a sender that counts.
    [Fact]
    public void Of_a_batch_behind_a_hole_three_are_acknowledged_each_and_the_others_together_where_SACK_tells_what_has_come()
    {
        using Conversation link = new(WithSack);
        link.Receives(1.s, [.. Enumerable.Range(1, 8).Select(i => link.Data(seq: i * 1000, length: 1000))]);
        link.Sends(1.s, ack: 0, sack: [(1000, 2000)]);
        link.Sends(1.s, ack: 0, sack: [(1000, 3000)]);
        link.Sends(1.s, ack: 0, sack: [(1000, 4000)]);
        link.Sends(1.s, ack: 0, sack: [(1000, 9000)]);
        link.SendsNothing();

        // The next hole has three of its own.
        link.Receives(1.s, [.. new[] { 0, 10, 11, 12, 13, 14 }.Select(i => link.Data(seq: i * 1000, length: 1000))]);
        link.Sends(1.s, ack: 9000, sack: [(10_000, 11_000)]);
        link.Sends(1.s, ack: 9000, sack: [(10_000, 12_000)]);
        link.Sends(1.s, ack: 9000, sack: [(10_000, 13_000)]);
        link.Sends(1.s, ack: 9000, sack: [(10_000, 15_000)]);
        link.SendsNothing();
    }

    [Fact]
    public void A_further_hole_in_a_batch_is_told_at_once()
    {
        using Conversation link = new(WithSack);
        link.Receives(1.s, [.. new[] { 1, 2, 3, 4, 6, 7 }.Select(i => link.Data(seq: i * 1000, length: 1000))]);
        link.Sends(1.s, ack: 0, sack: [(1000, 2000)]);
        link.Sends(1.s, ack: 0, sack: [(1000, 3000)]);
        link.Sends(1.s, ack: 0, sack: [(1000, 4000)]);
        link.Sends(1.s, ack: 0, sack: [(6000, 7000), (1000, 5000)]);
        link.Sends(1.s, ack: 0, sack: [(6000, 8000), (1000, 5000)]);
        link.SendsNothing();
    }

    // RFC 2018 4: the first block holds the segment that arrived last, the others follow by age.
    [Fact]
    public void SACK_blocks_are_reported_the_most_recent_first()
    {
        using Conversation link = new(WithSack);
        link.Receives(1.s, link.Data(seq: 9000, length: 1000), link.Data(seq: 3000, length: 1000), link.Data(seq: 5000, length: 1000));
        link.Sends(1.s, sack: [(9000, 10000)]);
        link.Sends(1.s, sack: [(3000, 4000), (9000, 10000)]);
        link.Sends(1.s, sack: [(5000, 6000), (3000, 4000), (9000, 10000)]);
        link.Receives(1.s, link.Data(seq: 4000, length: 1000));
        link.Sends(1.s, sack: [(3000, 6000), (9000, 10000)]);
    }

    // RFC 2018 7, case 2: the first of eight segments is lost.
    [Fact]
    public void What_arrives_behind_one_hole_is_reported_as_one_block_that_grows()
    {
        using Conversation link = new(WithSack);
        for (int at = 500; at < 4000; at += 500)
        {
            link.Receives(1.s, link.Data(seq: at, length: 500));
            link.Sends(1.s, ack: 0, sack: [(500, at + 500)]);
        }
    }

    // RFC 2018 7, case 3: every second one is lost, then the fourth arrives, then the second.
    [Fact]
    public void The_example_of_three_holes_is_answered_as_the_RFC_has_it()
    {
        using Conversation link = new(WithSack);
        link.Receives(1.s, link.Data(seq: 0, length: 500));
        link.Sends(1.s + 40.ms, ack: 500, sack: []);
        link.Receives(2.s, link.Data(seq: 1000, length: 500));
        link.Sends(2.s, ack: 500, sack: [(1000, 1500)]);
        link.Receives(2.s, link.Data(seq: 2000, length: 500));
        link.Sends(2.s, ack: 500, sack: [(2000, 2500), (1000, 1500)]);
        link.Receives(2.s, link.Data(seq: 3000, length: 500));
        link.Sends(2.s, ack: 500, sack: [(3000, 3500), (2000, 2500), (1000, 1500)]);
        link.Receives(2.s, link.Data(seq: 1500, length: 500));
        link.Sends(2.s, ack: 500, sack: [(1000, 2500), (3000, 3500)]);
        link.Receives(2.s, link.Data(seq: 500, length: 500));
        link.Sends(2.s, ack: 2500, sack: [(3000, 3500)]);
    }

    // RFC 2018 3: 40 bytes of options hold four blocks, three beside timestamps.
    [Theory]
    [InlineData(false, 4)]
    [InlineData(true, 3)]
    public void As_many_SACK_blocks_as_fit_are_reported(bool timestamps, int blocks)
    {
        using Conversation link = new(WithSack with { TimestampsEnabled = timestamps });
        for (int i = 1; i <= 6; i++)
        {
            link.Receives(1.s, link.Data(seq: i * 2000, length: 1000, tsVal: timestamps ? 1u : null));
        }

        for (int i = 0; i < 5; i++)
        {
            link.Sends(1.s, ack: 0);
        }

        Assert.Equal(blocks, link.Sends(1.s, ack: 0).Sack.Count);
    }

    // RFC 2018 4: a data segment is an acknowledgement too; RFC 6691 2: its options make room.
    [Fact]
    public void A_data_segment_that_reports_SACK_blocks_is_shorter_by_them()
    {
        using Conversation link = new(WithSack);
        link.Receives(1.s, link.Data(seq: 1000, length: 1000));
        link.Forgets();
        link.Writes(1.s, 4000);
        link.Sends(1.s, length: 4000, segmentSize: 1000 - 12, sack: [(1000, 2000)]);
    }

    // What would take more than half of a segment is left to the acknowledgements without data.
    [Fact]
    public void Tiny_data_segments_do_not_carry_SACK_blocks()
    {
        using Conversation link = new(WithSack, Setup.Invariants with { EffectiveMss = 20, Path = Setup.Invariants.Path with { Mtu = 60 } });
        link.Receives(1.s, link.Data(seq: 1000, length: 10));
        link.Sends(1.s, length: 0, sack: [(1000, 1010)]);
        link.Writes(1.s, 40);
        link.Sends(1.s, length: 40, segmentSize: 20, sack: []);
    }

    [Fact]
    public void A_partly_filled_hole_is_acknowledged_at_once_and_the_rest_stays()
    {
        using Conversation link = new(WithSack);
        link.Receives(1.s, link.Data(seq: 3000, length: 1000));
        link.Forgets();
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.Sends(1.s, ack: 1000, sack: [(3000, 4000)]);
        link.Receives(1.s, link.Data(seq: 500, length: 3000));
        link.Sends(1.s, ack: 4000, sack: [(500, 1000)]);
        link.Reads(1.s, 4000);
    }

    [Fact]
    public void The_ranges_can_be_copied_for_re_injection()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 5000, length: 1000), link.Data(seq: 2000, length: 1000));
        SackBlock[] ranges = new SackBlock[link.Engine.RangesBeyond];
        Assert.Equal(2, link.Engine.CopyReassembly(ranges));
        Assert.Equal(new SackBlock(new SeqNum(Conversation.Theirs + 2000), new SeqNum(Conversation.Theirs + 3000)), ranges[0]);
        byte[] bytes = new byte[1000];
        link.ReceiveBuffer.CopyTo(ranges[1].Left, bytes);
        Assert.Equal(Conversation.BytesAt(ranges[1].Left, 1000), bytes);
    }
}
