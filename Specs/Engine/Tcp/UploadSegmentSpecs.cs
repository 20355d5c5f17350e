using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class UploadSegmentSpecs
{
    // RFC 9293 3.10.7.4, eighth: a FIN in order ends ESTABLISHED, so the host gets it, with its data.
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1000)]
    [InlineData(-500, 1000)]
    [InlineData(-500, 500)]
    public void A_FIN_in_order_is_not_consumed_and_neither_is_its_data(int seq, int length)
    {
        using Conversation link = new();
        link.Writes(0.s, 100);
        link.Forgets();
        SegmentVariants before = link.V;
        Verdict verdict = link.Receives(0.s, link.Data(seq, length, ack: 100, flags: TcpFlags.Fin));
        Assert.Equal(Verdict.Upload(UploadReason.PeerFin), verdict);
        Assert.Equal(before, link.V);
        Assert.Equal(0, link.ReceiveBuffer.Unread);
        link.SendsNothing();
    }

    [Fact]
    public void A_FIN_after_its_data_was_received_is_not_consumed()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 0, length: 100));
        Assert.Equal(UploadReason.PeerFin, link.Receives(1.s, link.Ack(seq: 100, flags: TcpFlags.Fin)).Reason);
    }

    // The peer sends its FIN again; until then only the data is remembered.
    [Fact]
    public void A_FIN_out_of_order_leaves_its_data_and_is_forgotten()
    {
        using Conversation link = new();
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: 1000, length: 500, flags: TcpFlags.Fin)));
        link.Sends(1.s, ack: 0);
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: 0, length: 1000)));
        link.Sends(1.s, ack: 1500);
        Assert.Equal(UploadReason.PeerFin, link.Receives(2.s, link.Data(seq: 1000, length: 500, flags: TcpFlags.Fin)).Reason);
    }

    [Fact]
    public void A_bare_FIN_out_of_order_is_answered()
    {
        using Conversation link = new();
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Ack(seq: 1000, flags: TcpFlags.Fin)));
        link.Sends(1.s, ack: 0);
    }

    // RFC 9293 3.10.7.4, first: what lies right of the window is trimmed off, FIN included.
    [Fact]
    public void A_FIN_right_of_the_window_is_trimmed_off()
    {
        using Conversation link = new(receiveBuffer: 1000);
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: 0, length: 1000, flags: TcpFlags.Fin)));
        link.Reads(2.s, 1000);
        link.Forgets();
        Assert.Equal(UploadReason.PeerFin, link.Receives(3.s, link.Data(seq: 0, length: 1000, flags: TcpFlags.Fin)).Reason);
    }

    // RFC 5961 5.2: the checks come first, a blind attacker uploads nothing.
    [Fact]
    public void A_FIN_with_an_unacceptable_ACK_is_answered_and_dropped()
    {
        using Conversation link = new();
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Ack(ack: 1, flags: TcpFlags.Fin)));
        link.Sends(1.s, ack: 0);
    }

    // RFC 9293 3.8.5
    [Theory]
    [InlineData(0, 1)]
    [InlineData(100, 10)]
    public void Urgent_data_in_the_window_is_the_hosts(int seq, ushort pointer)
    {
        using Conversation link = new();
        SegmentVariants before = link.V;
        PeerSegment urgent = link.Data(seq, length: 100, flags: TcpFlags.Urg) with { UrgentPointer = pointer };
        Assert.Equal(Verdict.Upload(UploadReason.UrgentData), link.Receives(0.s, urgent));
        Assert.Equal(before, link.V);
    }

    // RFC 9293 3.4, MUST-66
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Urgent_data_is_the_hosts_when_the_window_is_closed_too(int length)
    {
        using Conversation link = new(receiveBuffer: 1000);
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        Assert.Equal(0u, link.V.RcvWnd);
        PeerSegment urgent = link.Data(seq: 1000, length, flags: TcpFlags.Urg) with { UrgentPointer = 500 };
        Assert.Equal(Verdict.Upload(UploadReason.UrgentData), link.Receives(1.s, urgent));
    }

    [Fact]
    public void An_urgent_pointer_that_was_passed_is_of_no_interest()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 0, length: 100));
        PeerSegment urgent = link.Data(seq: 0, length: 200, flags: TcpFlags.Urg) with { UrgentPointer = 100 };
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, urgent));
    }
}
