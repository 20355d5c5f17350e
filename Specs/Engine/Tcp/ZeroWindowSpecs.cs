using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class ZeroWindowSpecs
{
    private static readonly SegmentInvariants Invariants = Setup.Invariants with { MaxRto = Microseconds.FromSeconds(60) };

    // RFC 9293 3.8.6.1, SHLD-29 and SHLD-30
    [Fact]
    public void A_closed_window_is_probed_after_an_RTO_and_then_at_growing_intervals()
    {
        using Conversation link = Closed();
        link.Sends(2.s, seq: 1000, length: 1);
        link.Sends(4.s, seq: 1000, length: 1);
        link.Sends(8.s, seq: 1000, length: 1);
        link.Sends(16.s, seq: 1000, length: 1);
        Assert.Equal(4, link.Engine.Counters.WindowProbesSent);
    }

    // RFC 9293 3.8.6.1, MUST-37
    [Fact]
    public void The_connection_stays_as_long_as_probes_are_answered()
    {
        using Conversation link = Closed();
        for (int i = 0; i < 100; i++)
        {
            link.GoTo(link.V.PersistAt);
            link.Sends(link.Now, seq: 1000, length: 1);
            link.Receives(link.Now, link.Ack(ack: 1000, window: 0));
        }

        Assert.Equal(default, link.Verdict);
        Assert.True(link.V.PersistAt - link.Now == 60.s, "the interval has a maximum");
    }

    // RFC 9293 3.8.6.1, MUST-37: the user's time is one without an answer, and probes may be further apart than that.
    [Fact]
    public void A_user_time_out_does_not_end_it_while_probes_are_answered()
    {
        using Conversation link = new(invariants: Invariants with { UserTimeout = 10.s }, window: 0);
        link.Writes(1.s, 3000);
        while (link.Now < 600.s)
        {
            link.GoTo(link.V.PersistAt);
            Assert.NotEqual(VerdictKind.UploadRequired, link.Verdict.Kind);
            link.Receives(link.Now, link.Ack(window: 0));
        }

        // Two intervals of 60 s.
        link.GoTo(link.Now + 119.s);
        Assert.NotEqual(VerdictKind.UploadRequired, link.Verdict.Kind);
        link.GoTo(link.Now + 2.s);
        Assert.Equal(Verdict.Upload(UploadReason.UserTimeout), link.Verdict);
    }

    [Fact]
    public void Unanswered_probes_end_in_an_upload()
    {
        using Conversation link = Closed();
        for (int i = 0; i < 15; i++)
        {
            link.GoTo(link.V.PersistAt);
        }

        Assert.Equal(default, link.Verdict);
        link.GoTo(link.V.PersistAt);
        Assert.Equal(Verdict.Upload(UploadReason.RetransmissionLimit), link.Verdict);
        Assert.Equal(15, link.Engine.Counters.WindowProbesSent);
    }

    [Fact]
    public void An_opened_window_is_used_at_once_from_the_probed_octet_on()
    {
        using Conversation link = Closed();
        link.Sends(2.s, seq: 1000, length: 1);
        link.Receives(2.1.s, link.Ack(ack: 1000, window: 2500));
        link.Sends(2.1.s, seq: 1000, length: 2000);
        Assert.Equal(0, link.V.RtoBackoff);
    }

    [Fact]
    public void A_probe_that_the_peer_takes_is_acknowledged_data()
    {
        using Conversation link = Closed();
        link.Sends(2.s, seq: 1000, length: 1);
        link.Receives(2.1.s, link.Ack(ack: 1001, window: 0));
        Assert.Equal(new SeqNum(Conversation.Ours + 1001), link.V.SndUna);
        link.SendsNothing(until: 3.s);
    }

    // Both windows closed: our acknowledgements must be acceptable to a peer that has not taken the probe's octet.
    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Acknowledgements_stand_where_the_peers_closed_window_stands(byte scale)
    {
        using Conversation link = Closed(Setup.Connection with { SendWindowScale = scale });
        link.Sends(2.s, seq: 1000, length: 1);
        link.Receives(2.1.s, link.Data(seq: -10, length: 10, ack: 1000) with { Window = 0 });
        link.Sends(2.1.s, seq: 1000, ack: 0);
    }

    // RFC 9293 3.8.6, MUST-35 and SHLD-17
    [Fact]
    public void A_window_that_shrinks_to_zero_under_data_in_flight_is_probed_and_the_data_not_timed_out()
    {
        using Conversation link = new(invariants: Invariants);
        link.Writes(1.s, 5000);
        link.Sends(1.s, length: 5000);
        link.Receives(1.1.s, link.Ack(ack: 1000, window: 0));
        for (int i = 0; i < 40; i++)
        {
            link.GoTo(link.Engine.NextDeadline);
            link.Sends(link.Now, seq: 1000, length: 1);
            link.Receives(link.Now, link.Ack(ack: 1000, window: 0));
        }

        Assert.Equal(default, link.Verdict);
        Assert.Equal(0, link.Engine.Counters.RetransmissionTimeouts);
        link.Receives(link.Now, link.Ack(ack: 1000, window: 4000));
        link.Sends(link.Now, seq: 1000, length: 4000);
    }

    // Duplicate acknowledgements that answer probes are no sign of a loss (RFC 5681 2: no data is outstanding).
    [Fact]
    public void Answers_to_probes_do_not_trigger_a_fast_retransmit()
    {
        using Conversation link = Closed();
        link.Sends(2.s, seq: 1000, length: 1);
        for (int i = 0; i < 5; i++)
        {
            link.Receives(2.1.s, link.Ack(ack: 1000, window: 0));
        }

        Assert.Equal(0, link.Engine.Counters.FastRetransmits);
        link.SendsNothing(until: 4.s);
    }

    /// <summary>1000 bytes acknowledged, the window closed, and from 1 s on 3000 bytes waiting.</summary>
    // RFC 9293 3.10.7.4, first: the answer to what is not acceptable stands at SND.NXT.
    [Fact]
    public void Two_ends_that_have_received_each_others_probes_hear_each_other_again()
    {
        using Conversation link = Closed();
        link.Sends(2.s, seq: 1000, length: 1);

        // The peer's probe came in and is acknowledged: as ours may not have been taken, from before it.
        link.Receives(2.1.s, link.Data(0, 1, ack: 1000) with { Window = 0 });
        link.Sends(2.14.s, seq: 1000, ack: 1);

        // It was taken, and so the peer takes this for old. It answers from before its own probe, which we take for old.
        link.Receives(2.2.s, link.Ack(ack: 1001, seq: 0, window: 5000));
        link.Sends(2.2.s, seq: 1001, ack: 1);

        // That one it takes, and what it says now can be taken here.
        link.Receives(2.3.s, link.Ack(ack: 1001, seq: 1, window: 5000));
        link.Sends(2.3.s, seq: 1001, length: 2999);
    }

    private static Conversation Closed(ConnectionInvariants? connection = null)
    {
        Conversation link = new(connection, Invariants);
        link.Writes(0.s, 1000);
        link.Receives(0.5.s, link.Ack(ack: 1000, window: 0));

        // No measurement: the RTO is the initial second.
        link.Engine.Restore(link.V with { SmoothedRtt = default, Rto = default }, 0.5.s);
        link.Writes(1.s, 3000);
        link.Forgets();
        return link;
    }
}
