using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class InOrderReceiveSpecs
{
    // RFC 9293 3.8.6.3
    [Fact]
    public void A_single_segment_is_acknowledged_after_the_delayed_ACK_time_out()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.SendsNothing(until: 1.s + 40.ms);
        link.Sends(1.s + 40.ms, seq: 0, ack: 1000, window: 19000);
        link.Reads(2.s, 1000);
    }

    // RFC 9293 3.8.6.3
    [Fact]
    public void Every_second_segment_is_acknowledged_at_once()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.SendsNothing();
        link.Receives(1.s, link.Data(seq: 1000, length: 1000));
        link.Sends(1.s, ack: 2000);
        link.SendsNothing(until: 10.s);
    }

    // RFC 9293 3.10.7.4, MUST-58 and MUST-59
    [Fact]
    public void A_batch_in_order_is_acknowledged_once()
    {
        using Conversation link = new();
        link.Receives(1.s, [.. Enumerable.Range(0, 8).Select(i => link.Data(seq: i * 1000, length: 1000))]);
        link.Sends(1.s, ack: 8000);
        link.SendsNothing(until: 10.s);
    }

    // RFC 9293 3.8.6.3: a super-segment counts as the segments it was merged from.
    [Fact]
    public void A_super_segment_of_two_is_acknowledged_at_once()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 0, length: 2000, count: 2));
        link.Sends(1.s, ack: 2000);
        Assert.Equal(2, link.Engine.Counters.SegmentsReceived);
    }

    // RFC 5681 4.2 asks for it of full-sized ones; a sender whose congestion window counts segments would stand still with small ones.
    [Fact]
    public void Every_second_small_segment_is_acknowledged_at_once()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.Sends(1.s + 40.ms, ack: 1000);
        link.Receives(2.s, link.Data(seq: 1000, length: 64));
        link.SendsNothing();
        link.Receives(2.s, link.Data(seq: 1064, length: 1));
        link.Sends(2.s, ack: 1065);
    }

    // RFC 9293 3.10.7.4, first: only the new part of a segment is processed.
    [Fact]
    public void A_segment_that_overlaps_what_was_received_is_trimmed()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.Receives(1.s, link.Data(seq: 500, length: 1000));
        Assert.Equal(new SeqNum(Conversation.Theirs + 1500), link.V.RcvNxt);
        link.Reads(1.s, 1500);
    }

    // RFC 9293 3.10.7.4, first: what lies right of the window is trimmed off.
    [Fact]
    public void A_segment_that_reaches_beyond_the_window_is_trimmed_at_its_right_edge()
    {
        using Conversation link = new(receiveBuffer: 1500);
        link.Receives(1.s, link.Data(seq: 0, length: 2000));
        Assert.Equal(new SeqNum(Conversation.Theirs + 1500), link.V.RcvNxt);
        Assert.Equal(0u, link.V.RcvWnd);
    }

    [Fact]
    public void The_first_segments_after_a_move_are_acknowledged_without_delay()
    {
        using Conversation link = new();
        link.StartsAfterMove(1.s);
        link.Sends(1.s, seq: 0, ack: 0, flags: TcpFlags.Ack);
        link.Receives(2.s, link.Data(seq: 0, length: 10));
        link.Sends(2.s, ack: 10);
    }

    [Fact]
    public void IP_ids_count_up_with_each_segment_of_the_wire()
    {
        using Conversation link = new(variants: v => v with { IpId = 65535 });
        link.Writes(1.s, 2500);
        Assert.Equal(65535, link.Sends(1.s, length: 2500).IpId);
        link.Receives(1.s, link.Data(seq: 0, length: 2000, count: 2, ack: 2500));
        Assert.Equal(2, link.Sends(1.s).IpId);
    }
}
