using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class KeepAliveSpecs
{
    private static readonly SegmentInvariants On = Setup.Invariants with
    {
        KeepAliveEnabled = true,
        KeepAliveTime = Microseconds.FromSeconds(60),
        KeepAliveInterval = Microseconds.FromSeconds(10),
        KeepAliveMaxProbes = 3,
    };

    // RFC 9293 3.8.4, MUST-25
    [Fact]
    public void Keep_alive_is_off_unless_it_is_asked_for()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Ack());
        link.SendsNothing(until: 100_000.s);
    }

    // RFC 9293 3.8.4, SHLD-12
    [Fact]
    public void An_idle_connection_is_probed_with_SND_NXT_minus_1_and_no_data()
    {
        using Conversation link = new(invariants: On);
        link.Receives(1.s, link.Ack());
        link.Sends(61.s, seq: -1, ack: 0, length: 0, flags: TcpFlags.Ack);
        link.Receives(61.1.s, link.Ack());
        link.Sends(121.1.s, seq: -1);
    }

    // RFC 9293 3.8.4, MUST-26
    [Fact]
    public void Any_acceptable_segment_puts_the_probe_off()
    {
        using Conversation link = new(invariants: On);
        link.Receives(1.s, link.Ack());
        link.Receives(50.s, link.Ack());
        link.SendsNothing(until: 110.s);
        link.Sends(110.s, seq: -1);
    }

    // RFC 9293 3.8.4, MUST-29: one lost probe proves nothing.
    [Fact]
    public void Unanswered_probes_end_in_an_upload()
    {
        using Conversation link = new(invariants: On);
        link.Receives(1.s, link.Ack());
        link.Sends(61.s, seq: -1);
        link.Sends(71.s, seq: -1);
        link.Sends(81.s, seq: -1);
        Assert.Equal(default, link.Receives(1.s + 80.s, []));
        link.GoTo(91.s);
        Assert.Equal(Verdict.Upload(UploadReason.KeepAliveLimit), link.Verdict);
        Assert.Equal(3, link.Engine.Counters.KeepAliveProbesSent);
    }

    // RFC 9293 3.8.4, MUST-26: only while nothing is outstanding; retransmissions find out by themselves.
    [Fact]
    public void Outstanding_data_is_not_probed()
    {
        using Conversation link = new(invariants: On);
        link.Receives(1.s, link.Ack());
        link.Writes(60.s, 100);
        link.GoTo(200.s);
        Assert.Equal(0, link.Engine.Counters.KeepAliveProbesSent);
        Assert.True(link.Engine.Counters.RetransmissionTimeouts > 0);
    }

    // RFC 9293 3.8.4: what our peer's probe gets.
    [Fact]
    public void A_keep_alive_probe_of_the_peers_is_answered()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Ack(seq: -1));
        link.Sends(1.s, seq: 0, ack: 0);
    }

    // RFC 9293 3.8.4, MUST-28
    [Fact]
    public void The_interval_is_two_hours_unless_somebody_says_otherwise()
    {
        using Conversation link = new(invariants: Setup.Invariants with { KeepAliveEnabled = true });
        link.Receives(1.s, link.Ack());
        link.SendsNothing(until: 7201.s);
        link.Sends(7201.s, seq: -1);
    }

    [Fact]
    public void Keep_alive_can_be_turned_on_and_off_by_an_update()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Ack());
        link.Updates(2.s, i => On with { Version = i.Version + 1 });
        link.Sends(61.s, seq: -1);
        link.Updates(62.s, i => i with { KeepAliveEnabled = false });
        Assert.True(link.Engine.NextDeadline.IsNever);
    }
}
