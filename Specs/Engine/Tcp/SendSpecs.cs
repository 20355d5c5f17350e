using TcpActors.Engine;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class SendSpecs
{
    private static readonly SegmentInvariants NoDelay = Setup.Invariants with { NagleEnabled = false };

    // RFC 9293 3.9.1.2, MUST-61
    [Fact]
    public void A_large_write_leaves_as_one_super_segment_with_PSH_on_its_end()
    {
        using Conversation link = new();
        link.Writes(1.s, 10_300);
        OutgoingSegment run = link.Sends(1.s, seq: 0, length: 10_300, segmentSize: 1000, flags: TcpFlags.Ack | TcpFlags.Psh);
        Assert.Equal(11, run.SegmentCount);
        Assert.Equal(11, link.Engine.Counters.SegmentsSent);
        link.SendsNothing();
    }

    [Fact]
    public void A_run_is_a_multiple_of_the_MSS_within_an_IP_packet_and_only_the_last_has_PSH()
    {
        using Conversation link = new(Setup.Connection with { SendWindowScale = 4 });
        link.Writes(1.s, 70_000);
        link.Sends(1.s, seq: 0, length: 65_000, flags: TcpFlags.Ack);
        link.Sends(1.s, seq: 65_000, length: 5000, flags: TcpFlags.Ack | TcpFlags.Psh);
    }

    [Fact]
    public void A_link_without_segmentation_offload_gets_single_segments()
    {
        using Conversation link = new();
        link.Engine.MaxBurst = 1;
        link.Writes(1.s, 2500);
        link.Sends(1.s, seq: 0, length: 1000, flags: TcpFlags.Ack);
        link.Sends(1.s, seq: 1000, length: 1000, flags: TcpFlags.Ack);
        link.Sends(1.s, seq: 2000, length: 500, flags: TcpFlags.Ack | TcpFlags.Psh);
    }

    // RFC 9293 3.8.6: the application may write any amount; the window decides.
    [Fact]
    public void Nothing_is_sent_beyond_the_peers_window()
    {
        using Conversation link = new(window: 3500);
        link.Writes(1.s, 20_000);
        link.Sends(1.s, seq: 0, length: 3000);
        link.SendsNothing();
        link.Receives(1.5.s, link.Ack(ack: 3000));
        link.Sends(1.5.s, seq: 3000, length: 3000);
    }

    // RFC 9293 3.8.6, MUST-34, SHLD-15
    [Fact]
    public void A_window_that_shrinks_stops_new_data_and_loses_none()
    {
        using Conversation link = new(window: 5000);
        link.Writes(1.s, 10_000);
        link.Sends(1.s, seq: 0, length: 5000);
        link.Receives(1.1.s, link.Ack(ack: 1000, window: 1000));
        link.SendsNothing();

        // SHLD-16: what lies within the smaller window is sent again by the timer.
        link.Sends(1.4.s, seq: 1000, length: 1000);
        link.Receives(1.5.s, link.Ack(ack: 5000, window: 5000));
        link.Sends(1.5.s, seq: 5000, length: 2000);
    }

    // RFC 9293 3.7.4
    [Fact]
    public void Nagle_holds_a_short_segment_while_an_earlier_short_one_is_unacknowledged()
    {
        using Conversation link = new();
        link.Writes(1.s, 10);
        link.Sends(1.s, seq: 0, length: 10);
        link.Writes(1.1.s, 10);
        link.Writes(1.2.s, 10);
        link.SendsNothing();
        link.Receives(1.3.s, link.Ack(ack: 10));
        link.Sends(1.3.s, seq: 10, length: 20);
    }

    // RFC 9293 A.3 (Minshall's form)
    [Fact]
    public void Nagle_lets_a_short_segment_follow_full_sized_ones()
    {
        using Conversation link = new();
        link.Writes(1.s, 2000);
        link.Sends(1.s, seq: 0, length: 2000);
        link.Writes(1.s, 500);
        link.Sends(1.s, seq: 2000, length: 500);
        link.Writes(1.s, 1500);
        link.Sends(1.s, seq: 2500, length: 1000);
        link.SendsNothing();
    }

    // RFC 9293 3.7.4, MUST-17
    [Fact]
    public void Without_Nagle_every_write_leaves_at_once()
    {
        using Conversation link = new(invariants: NoDelay);
        link.Writes(1.s, 10);
        link.Writes(1.s, 10);
        link.Sends(1.s, seq: 0, length: 10);
        link.Sends(1.s, seq: 10, length: 10);
    }

    // RFC 9293 3.8.6.2.1: less than a segment and less than half the largest window waits, at most for the override time-out.
    [Fact]
    public void A_silly_window_is_not_filled_before_the_override_time_out()
    {
        using Conversation link = new(window: 10_000);
        link.Writes(1.s, 12_000);
        link.Sends(1.s, seq: 0, length: 10_000);
        link.Receives(2.s - 1.ms, link.Ack(ack: 10_000, window: 300));
        link.SendsNothing(until: 2.9.s);
        link.Sends(3.s - 1.ms, seq: 10_000, length: 300);
        link.Receives(4.s - 2.ms, link.Ack(ack: 10_300, window: 1200));
        link.Sends(4.s - 2.ms, seq: 10_300, length: 1000);
    }

    // It counts from when the window opened: the next probe of the closed one may have been a minute away.
    [Fact]
    public void A_silly_window_after_a_closed_one_waits_for_the_override_time_out_only()
    {
        using Conversation link = new(window: 10_000);
        link.Writes(1.s, 12_000);
        link.Receives(2.s, link.Ack(ack: 10_000, window: 0));
        link.GoTo(20.s);
        Assert.True(link.V.PersistAt > 30.s);
        link.Forgets();
        link.Receives(20.s, link.Ack(ack: 10_001, window: 300));
        Assert.True(link.V.PersistAt <= 21.s, $"{link.V.PersistAt}");
    }

    // RFC 9293 3.8.6.2.1 rule 3
    [Fact]
    public void Half_of_the_largest_window_is_worth_a_short_segment()
    {
        using Conversation link = new(window: 800);
        link.Writes(1.s, 2000);
        link.Sends(1.s, seq: 0, length: 800);
        link.Receives(1.1.s, link.Ack(ack: 800, window: 400));
        link.Sends(1.1.s, seq: 800, length: 400);
    }

    // RFC 9293 3.8.6: an acknowledgement that advances SND.UNA carries the newest edge, whatever its sequence number.
    [Fact]
    public void An_ACK_that_advances_SND_UNA_brings_its_window_along()
    {
        using Conversation link = new(window: 4000);
        link.Receives(1.s, link.Data(seq: 1000, length: 1000));
        link.Forgets();
        link.Writes(1.s, 20_000);
        link.Sends(1.s, seq: 0, length: 4000);
        link.Receives(1.1.s, link.Ack(ack: 4000, seq: 0, window: 1000));
        link.Sends(1.1.s, seq: 4000, length: 1000);
        link.SendsNothing();
    }

    // RFC 9293 3.10.7.4: SND.WL1 and SND.WL2 keep an old segment from updating the window.
    [Fact]
    public void An_old_segment_does_not_update_the_window()
    {
        using Conversation link = new(window: 4000);
        link.Receives(1.s, link.Data(seq: 0, length: 1000), link.Data(seq: 1000, length: 1000));
        PeerSegment old = link.Data(seq: 500, length: 2000) with { Window = 9 };
        link.Receives(1.s, old);
        Assert.Equal(4000u, link.V.SndWnd);
    }

    [Fact]
    public void Data_carries_the_acknowledgement_that_was_owed()
    {
        using Conversation link = new();
        link.Receives(1.s, link.Data(seq: 0, length: 100));
        link.Writes(1.s + 10.ms, 50);
        link.Sends(1.s + 10.ms, seq: 0, ack: 100, length: 50);
        link.SendsNothing(until: 1.9.s);
    }

    [Fact]
    public void Sequence_numbers_wrap()
    {
        using Conversation link = new(ours: new SeqNum(uint.MaxValue - 999), theirs: new SeqNum(uint.MaxValue - 499));
        link.Writes(1.s, 3000);
        link.Sends(1.s, seq: 0, length: 3000);
        link.Receives(1.1.s, link.Data(seq: 0, length: 1000, ack: 2000), link.Data(seq: 1000, length: 1000, ack: 3000));
        Assert.Equal(new SeqNum(2000), link.V.SndUna);
        Assert.Equal(new SeqNum(1500), link.V.RcvNxt);
        link.Reads(1.1.s, 2000);
    }

    [Fact]
    public void A_run_never_exceeds_what_an_IP_packet_holds()
    {
        using Conversation link = new(Setup.Connection with { SendWindowScale = 5 }, variants: v => v with { CongestionWindow = 1 << 20 });
        link.Writes(1.s, 200_000);
        while (link.Forgets() > 0)
        {
            link.Receives(link.Now, link.Ack(ack: link.V.SndMax - new SeqNum(Conversation.Ours)));
        }

        Assert.Equal(200_000, link.Engine.Counters.BytesSent);
        Assert.True(TcpEngine.MaxSuperSegment <= 65535 - 80);
    }
}
