using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Receive;

/// <summary>
/// RFC 9293 3.10.7.4, first, at the edges of the window, and what its appendix A.2 leaves to us. The table itself is in SequenceCheckSpecs.
/// </summary>
public class AcceptabilitySpecs
{
    private const int Window = 20_000;

    // A.2: the peer's SND.NXT is where our window ends; its acknowledgements must not wait for the repair of what it has lost.
    [Fact]
    public void A_peer_that_has_filled_the_window_can_acknowledge()
    {
        using Conversation link = Sent(1000);
        link.Receives(1.s, link.Data(seq: 1000, length: Window - 1000, count: 19));
        link.Forgets();
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Ack(ack: 1000, seq: Window, window: 30_000)));
        Assert.True(link.Engine.IsDrained);
        Assert.Equal(30_000u, link.V.SndWnd);
        link.SendsNothing();
    }

    [Fact]
    public void An_acknowledgement_beyond_the_window_is_answered_and_dropped()
    {
        using Conversation link = Sent(1000);
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Ack(ack: 1000, seq: Window + 1)));
        Assert.False(link.Engine.IsDrained);
        link.Sends(1.s, ack: 0);
        Assert.Equal(1, link.Engine.Counters.DroppedSequence);
    }

    // RFC 5961 3.2: outside the window, silently.
    [Fact]
    public void An_RST_where_the_window_ends_is_dropped_without_an_answer()
    {
        using Conversation link = Sent(1000);
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Ack(seq: Window, flags: TcpFlags.Rst)));
        link.SendsNothing();
        Assert.Equal(1, link.Engine.Counters.DroppedSequence);
    }

    [Fact]
    public void Data_where_the_window_ends_is_answered_and_changes_nothing()
    {
        using Conversation link = Sent(1000);
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Data(seq: Window, length: 1, ack: 1000)));
        Assert.False(link.Engine.IsDrained);
        link.Sends(1.s, ack: 0);
    }

    // A FIN takes one sequence number, and where it is the last before the window the segment is old: its acknowledgement does not count.
    [Fact]
    public void A_segment_that_ends_with_its_FIN_before_the_window_is_answered_and_dropped()
    {
        using Conversation link = Sent(1000);
        link.Receives(1.s, link.Data(seq: 0, length: 500), link.Data(seq: 500, length: 500));
        link.Forgets();
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Data(seq: 899, length: 100, ack: 1000, flags: TcpFlags.Fin)));
        Assert.False(link.Engine.IsDrained);
        Assert.Equal(1, link.Engine.Counters.DroppedSequence);
        link.Sends(1.s, ack: 1000);
    }

    // Table 6, window of zero: a segment without data only at RCV.NXT; with data none, but its acknowledgement counts.
    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(1, 0, false)]
    [InlineData(0, 1, true)]
    [InlineData(1, 1, false)]
    public void Into_a_closed_window_acknowledgements_are_taken_where_it_stands(int beyond, int length, bool isTaken)
    {
        using Conversation link = Sent(1000);
        link.Receives(1.s, link.Data(seq: 0, length: Window, count: 20));
        Assert.Equal(0u, link.V.RcvWnd);
        link.Forgets();
        link.Receives(1.s, link.Data(seq: Window + beyond, length: length, ack: 1000));
        Assert.Equal(isTaken, link.Engine.IsDrained);
        Assert.Equal(Window, link.V.RcvNxt - new SeqNum(Conversation.Theirs));
        Assert.Equal(isTaken && length == 0 ? 0 : 1, link.Forgets());
    }

    // RFC 9293 3.8.6: the sender must be robust against a window that shrinks; the data in flight is what it was.
    [Fact]
    public void A_window_that_the_peer_shrinks_under_data_in_flight_costs_nothing()
    {
        using Conversation link = new(window: 10_000);
        link.Writes(1.s, 20_000);
        Assert.True(link.Forgets() > 0);
        link.Receives(1.s + 10.ms, link.Ack(ack: 1000, window: 4000));
        link.SendsNothing();
        Assert.Equal(9000u, link.V.Flight);
        link.Receives(1.s + 20.ms, link.Ack(ack: 10_000, window: 4000));
        link.Sends(1.s + 20.ms, seq: 10_000, length: 4000);
        Assert.Equal(0, link.Engine.Counters.RetransmissionTimeouts);
    }

    private static Conversation Sent(int count)
    {
        Conversation link = new(receiveBuffer: Window);
        link.Writes(1.s, count);
        link.Forgets();
        return link;
    }
}
