using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Receive;

/// <summary>RFC 3168 6.1.3: the peer hears of CE marks until it says that it has reduced its window.</summary>
public class CongestionEchoSpecs
{
    private const byte Ect = 2;
    private const byte Ce = 3;

    private static readonly ConnectionInvariants WithEcn = Setup.Connection with { EcnNegotiated = true };

    [Fact]
    public void A_mark_is_echoed_at_once_and_by_everything_until_CWR()
    {
        using Conversation link = new(WithEcn);
        link.Receives(1.s, link.Data(seq: 0, length: 1000) with { Ecn = Ce });
        link.Sends(1.s, ack: 1000, flags: TcpFlags.Ack | TcpFlags.Ece);
        link.Receives(2.s, link.Data(seq: 1000, length: 1000) with { Ecn = Ect }, link.Data(seq: 2000, length: 1000) with { Ecn = Ect });
        link.Sends(2.s, ack: 3000, flags: TcpFlags.Ack | TcpFlags.Ece);
        link.Writes(2.s, 100);
        link.Sends(2.s, length: 100, flags: TcpFlags.Ack | TcpFlags.Psh | TcpFlags.Ece);
        link.Receives(2.s + 10.ms, link.Data(seq: 3000, length: 1000, ack: 100, flags: TcpFlags.Cwr) with { Ecn = Ect });
        link.Sends(2.s + 10.ms, ack: 4000, flags: TcpFlags.Ack);
    }

    // A mark on the packet that tells of the reduction is a new one.
    [Fact]
    public void A_mark_on_the_segment_with_CWR_is_echoed()
    {
        using Conversation link = new(WithEcn);
        link.Receives(1.s, link.Data(seq: 0, length: 1000) with { Ecn = Ce });
        link.Forgets();
        link.Receives(1.s, link.Data(seq: 1000, length: 1000, flags: TcpFlags.Cwr) with { Ecn = Ce });
        link.Sends(1.s, ack: 2000, flags: TcpFlags.Ack | TcpFlags.Ece);
    }

    // RFC 3168 6.1.4, 6.1.5: acknowledgements are not ECN-capable, and what lies outside the window anybody could have sent.
    [Fact]
    public void Marks_on_old_or_foreign_segments_and_on_pure_acknowledgements_are_ignored()
    {
        using Conversation link = new(WithEcn);
        link.Receives(1.s, link.Data(seq: 0, length: 2000, count: 2));
        link.Forgets();
        link.Receives(
            1.s,
            link.Data(seq: 0, length: 1000) with { Ecn = Ce },
            link.Data(seq: 50_000, length: 1000) with { Ecn = Ce },
            link.Ack(seq: 2000) with { Ecn = Ce });
        link.Sends(1.s, ack: 2000, flags: TcpFlags.Ack);
    }

    // RFC 3168 6.1.6: "if a window probe arrives with the CE codepoint set, then the receiver SHOULD respond"
    [Fact]
    public void A_mark_on_a_probe_of_the_closed_window_is_echoed()
    {
        using Conversation link = new(WithEcn, receiveBuffer: 1000);
        link.Receives(1.s, link.Data(seq: 0, length: 1000));
        link.Sends(1.s + 40.ms, ack: 1000, window: 0);
        link.Receives(2.s, link.Data(seq: 1001, length: 1) with { Ecn = Ce });
        link.Sends(2.s, ack: 1000, window: 0, flags: TcpFlags.Ack);
        link.Receives(3.s, link.Data(seq: 1000, length: 1) with { Ecn = Ce });
        link.Sends(3.s, ack: 1000, window: 0, flags: TcpFlags.Ack | TcpFlags.Ece);
    }

    // A segment behind a hole is data received, and marked on the same path.
    [Fact]
    public void A_mark_on_a_segment_out_of_order_is_echoed()
    {
        using Conversation link = new(WithEcn);
        link.Receives(1.s, link.Data(seq: 1000, length: 1000) with { Ecn = Ce });
        link.Sends(1.s, ack: 0, flags: TcpFlags.Ack | TcpFlags.Ece);
    }

    [Fact]
    public void Without_ECN_marks_mean_nothing()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 0, length: 2000, count: 2) with { Ecn = Ce });
        link.Sends(1.s, ack: 2000, flags: TcpFlags.Ack);
    }
}
