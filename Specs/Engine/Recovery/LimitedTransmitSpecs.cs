using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>RFC 3042 2, and with SACK RFC 6675 5 step 3: what left the network lets new data in. Ten segments fill the window.</summary>
public class LimitedTransmitSpecs
{
    [Fact]
    public void With_SACK_each_new_report_lets_as_much_out_as_it_covers()
    {
        using Conversation link = Full();
        link.Receives(1100.ms, link.Sack(0, (1000, 2000)));
        link.Sends(1100.ms, seq: 10_000, length: 1000);
        link.Receives(1101.ms, link.Sack(0, (1000, 3000)));
        link.Sends(1101.ms, seq: 11_000, length: 1000);
        Assert.Equal(10_000u, link.V.CongestionWindow);
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
    }

    // RFC 3042 2: with SACK no new segment for a duplicate without new information.
    [Fact]
    public void With_SACK_a_report_without_anything_new_lets_nothing_out()
    {
        using Conversation link = Full();
        link.Receives(1100.ms, link.Sack(0, (1000, 2000)));
        link.Sends(1100.ms, seq: 10_000, length: 1000);
        link.Receives(1101.ms, link.Sack(0, (1000, 2000)), link.Sack(0, (1000, 2000)), link.Ack(0));
        link.SendsNothing();
        Assert.Equal(1, link.V.DuplicateAcks);
    }

    // RFC 6675 5: "the TCP MUST reset DupAcks to zero".
    [Fact]
    public void An_acknowledgement_begins_the_count_anew()
    {
        using Conversation link = Full();
        link.Receives(1100.ms, link.Sack(0, (1000, 2000)));
        link.Receives(1101.ms, link.Sack(0, (1000, 3000)));
        Assert.Equal(2, link.V.DuplicateAcks);
        link.Receives(1102.ms, link.Ack(3000));
        Assert.Equal(0, link.V.DuplicateAcks);
    }

    // RFC 5681 3.2 step 2: "additional data sent in limited transmit MUST NOT be included in this calculation".
    [Fact]
    public void What_it_sent_does_not_count_when_the_window_is_halved()
    {
        using Conversation link = Full();
        link.Receives(1100.ms, link.Sack(0, (1000, 2000)));
        link.Receives(1101.ms, link.Sack(0, (1000, 3000)));
        link.Receives(1102.ms, link.Sack(0, (1000, 4000)));
        Assert.Equal(5000u, link.V.SlowStartThreshold);
    }

    // RFC 3042 2: not beyond the peer's window.
    [Fact]
    public void The_window_of_the_peer_bounds_it()
    {
        using Conversation link = SackPath.Link(window: 10_000, variants: v => v with { SndWnd = 10_000, MaxWindow = 10_000 });
        link.Window = 10_000 >> 4;
        link.Writes(1.s, 20_000);
        link.Sends(1.s, length: 10_000);
        link.Receives(1100.ms, link.Sack(0, (1000, 2000)));
        link.SendsNothing();
    }

    // RFC 3042 2: "the amount of outstanding data would remain less than or equal to the congestion window plus two segments", also where duplicates begin no
    // recovery (RFC 6582 3.2 step 2): a peer must not be able to ask for as much as it likes.
    [Fact]
    public void Without_SACK_duplicates_that_begin_no_recovery_let_two_segments_out_however_many_they_are()
    {
        using Conversation link = SackPath.Link(window: 10_000, sack: false);
        link.Writes(1.s, 500_000);
        link.Receives(1100.ms, link.Ack(), link.Ack(), link.Ack());
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        int all = (int)(link.V.SndMax.Value - Conversation.Ours);
        link.Receives(1200.ms, link.Ack(all));
        uint window = link.V.CongestionWindow;
        Assert.Equal((RecoveryPhase.Open, window), (link.V.Recovery, link.V.Flight));
        for (int i = 0; i < 100; i++)
        {
            link.Receives(1300.ms + new Microseconds(i), link.Ack(all));
        }

        Assert.Equal((RecoveryPhase.Open, window + 2000), (link.V.Recovery, link.V.Flight));
    }

    private static Conversation Full()
    {
        Conversation link = SackPath.Link(window: 10_000);
        link.Writes(1.s, 30_000);
        link.Sends(1.s, length: 10_000);
        return link;
    }
}
