using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Receive;

/// <summary>When acknowledgements do not wait for a second segment: the peer's window may be small, and they are its clock.</summary>
public class QuickAckSpecs
{
    private static readonly Func<SegmentVariants, SegmentVariants> Measured = v => v with { SmoothedRtt = 20.ms, Delta = 5.ms, Rto = 200.ms };

    // RFC 5681 4.1: a sender that was idle for an RTO begins with its initial window.
    [Fact]
    public void A_stream_that_begins_again_after_idle_is_acknowledged_at_once_for_a_while()
    {
        using Conversation link = Streaming();
        for (int i = 0; i < 16; i++)
        {
            link.Receives(3.s, link.Data(seq: 2000 + (i * 100), length: 100));
            link.Sends(3.s, ack: 2100 + (i * 100));
        }

        link.Receives(3.s, link.Data(seq: 3600, length: 100));
        link.Sends(3.s + 40.ms, ack: 3700);
    }

    [Fact]
    public void A_pause_shorter_than_the_time_out_changes_nothing()
    {
        using Conversation link = Streaming();
        link.Receives(1.s + 190.ms, link.Data(seq: 2000, length: 1000));
        link.Sends(1.s + 230.ms, ack: 3000);
    }

    // The answer carries the acknowledgement (RFC 9293 3.8.6.3), so one that goes before it is one too many.
    [Fact]
    public void A_request_after_idle_waits_for_its_answer_where_the_one_before_was_answered()
    {
        using Conversation link = new(variants: Measured);
        link.Receives(1.s, link.Data(seq: 0, length: 100));
        link.Writes(1.s + 10.ms, 100);
        link.Sends(1.s + 10.ms, ack: 100, length: 100);
        link.Receives(1.s + 30.ms, link.Ack(ack: 100, seq: 100));
        link.Receives(3.s, link.Data(seq: 100, length: 100, ack: 100));
        link.SendsNothing(until: 3.s + 10.ms);
        link.Writes(3.s + 10.ms, 100);
        link.Sends(3.s + 10.ms, ack: 200, length: 100);
        link.Receives(3.s + 30.ms, link.Ack(ack: 200, seq: 200));
        link.SendsNothing(until: 10.s);
    }

    // Whoever asked after a pause of its own gets a stream that begins slowly.
    [Fact]
    public void What_answers_a_question_asked_after_idle_is_acknowledged_at_once()
    {
        using Conversation link = Streaming();
        link.Writes(3.s, 100);
        link.Sends(3.s, ack: 2000, length: 100);
        link.Receives(3.s + 20.ms, link.Data(seq: 2000, length: 1000, ack: 100));
        link.Sends(3.s + 20.ms, ack: 3000);
    }

    // RFC 5681 4.2 and beyond, as Linux: who retransmits has a small window.
    [Fact]
    public void What_follows_a_duplicate_is_acknowledged_at_once()
    {
        using Conversation link = Streaming();
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.Sends(1.s, ack: 2000);
        link.Receives(1.s, link.Data(seq: 2000, length: 1000));
        link.Sends(1.s, ack: 3000);
    }

    private static Conversation Streaming()
    {
        Conversation link = new(variants: Measured);
        link.Receives(1.s, link.Data(seq: 0, length: 2000, count: 2));
        link.Forgets();
        return link;
    }
}
