using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>A peer, or somebody in its name, that reports what cannot be.</summary>
public class HostilePeerSpecs
{
    [Theory]
    [InlineData(-5000, -4000)]
    [InlineData(10_000, 11_000)]
    [InlineData(9000, 10_001)]
    [InlineData(4000, 3000)]
    [InlineData(4000, 4000)]
    [InlineData(5000, int.MaxValue)]
    [InlineData(int.MinValue, 5000)]
    public void Blocks_outside_what_was_sent_empty_ones_and_reversed_ones_report_nothing(int left, int right)
    {
        using Conversation link = InFlight();
        for (int i = 0; i < 20; i++)
        {
            link.Receives(1100.ms, link.Sack(0, (left, right)));
        }

        link.SendsNothing();
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        Assert.Equal(0, link.Engine.Counters.DuplicateAcks);

        // As if nothing had come.
        link.Receives(1110.ms, link.Ack(10_000));
        Assert.True(link.Engine.IsDrained);
    }

    [Fact]
    public void Blocks_that_end_where_the_acknowledgement_stands_report_nothing()
    {
        // As many records as an array of them has places, so that none is behind the last.
        using Conversation link = SackPath.Link(window: 20_000);
        for (int i = 0; i < 8; i++)
        {
            link.Writes(1.s, 1000);
        }

        link.Receives(1100.ms, link.Sack(8000, (1000, 2000), (7000, 8000)));
        Assert.Equal((8000L, true), (link.V.Rate.Delivered, link.Engine.IsDrained));
    }

    [Fact]
    public void Blocks_that_overlap_count_each_byte_once()
    {
        using Conversation link = InFlight();
        link.Receives(1100.ms, link.Sack(0, (2000, 3000), (2500, 4000), (1500, 3500), (2000, 3000)));
        Assert.Equal(2500, link.V.Rate.Delivered);
        link.Receives(1200.ms, link.Ack(10_000));
        Assert.Equal(10_000, link.V.Rate.Delivered);
        Assert.True(link.Engine.IsDrained);
    }

    [Fact]
    public void A_peer_that_reports_every_second_byte_slows_itself_down_and_no_byte_is_lost()
    {
        using Conversation link = SackPath.Link(window: 40_000);
        link.Writes(1.s, 40_000);
        for (int i = 1; i < 40_000; i += 8)
        {
            link.Receives(1100.ms + new Microseconds(i), link.Sack(0, (i, i + 1), (i + 2, i + 3), (i + 4, i + 5), (i + 6, i + 7)));
        }

        Assert.True(link.V.SndMax - link.V.SndUna >= 40_000);
        link.Receives(1200.ms, link.Ack((int)(link.V.SndMax.Value - Conversation.Ours)));
        Assert.True(link.Engine.IsDrained);
        Assert.Equal(0, link.Engine.Counters.RetransmissionTimeouts);
    }

    // RFC 5961 5.2
    [Fact]
    public void An_acknowledgement_of_what_was_never_sent_changes_nothing_but_is_answered()
    {
        using Conversation link = InFlight();
        SegmentVariants before = link.V;
        link.Receives(1100.ms, link.Sack(10_001, (1000, 5000)), link.Sack(1 << 30, (0, 1000)));
        link.Sends(1100.ms, seq: 10_000, length: 0);
        Assert.Equal((before.SndUna, before.CongestionWindow, before.Recovery), (link.V.SndUna, link.V.CongestionWindow, link.V.Recovery));
        Assert.Equal(before.Rate, link.V.Rate);
    }

    // Savage et al., "TCP Congestion Control with a Misbehaving Receiver": a segment acknowledged in a thousand pieces.
    [Fact]
    public void An_acknowledgement_in_pieces_widens_the_window_no_more_than_one()
    {
        using Conversation whole = InFlight();
        whole.Receives(1100.ms, whole.Ack(1000));
        using Conversation pieces = InFlight();
        pieces.Receives(1100.ms, [.. Enumerable.Range(1, 1000).Select(i => pieces.Ack(i))]);
        Assert.Equal(whole.V.CongestionWindow, pieces.V.CongestionWindow);
    }

    // Optimistic acknowledgements: sooner than anything can have arrived. What they say of the path is the peer's own loss, and nothing breaks.
    [Fact]
    public void Acknowledgements_before_anything_can_have_arrived_break_nothing()
    {
        using Conversation link = SackPath.Link(window: 10_000);
        link.Writes(1.s, 200_000);
        for (int i = 1; i <= 200; i++)
        {
            link.Receives(1.s + new Microseconds(i), link.Ack(Math.Min(i * 1000, (int)(link.V.SndMax.Value - Conversation.Ours))));
            Assert.True(link.V.Flight <= 2 * link.V.CongestionWindow);
            Assert.True(link.V.MinRtt >= new Microseconds(1));
        }
    }

    // RFC 2883: a flood of duplicates begins no recovery, ends none, lets nothing out.
    [Fact]
    public void A_flood_of_duplicates_lets_nothing_out()
    {
        using Conversation link = InFlight(write: 50_000);
        link.Receives(1100.ms, link.Ack(2000));
        link.Forgets();
        uint window = link.V.CongestionWindow;
        for (int i = 0; i < 10_000; i++)
        {
            link.Receives(1100.ms + new Microseconds(i), link.Sack(2000, (i % 2000, 2000)));
        }

        link.SendsNothing();
        Assert.Equal(window, link.V.CongestionWindow);
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        Assert.Equal(0, link.Engine.Counters.RecoveriesUndone);
    }

    // A report of the first byte, which it then ought to acknowledge: it is taken for reneging, and what it never had is not given up.
    [Fact]
    public void A_report_of_the_first_byte_is_not_an_acknowledgement()
    {
        using Conversation link = InFlight();
        link.Receives(1100.ms, link.Sack(0, (0, 10_000)));
        Assert.Equal(10_000u, link.V.Flight);
        link.GoTo(1160.ms);
        Assert.Equal(1, link.Engine.Counters.RenegingSeen);
        link.Sends(1150.ms, seq: 0, length: 1000);
    }

    private static Conversation InFlight(int write = 10_000)
    {
        Conversation link = SackPath.Link(window: 10_000);
        link.Writes(1.s, write);
        link.Sends(1.s, length: 10_000);
        return link;
    }
}
