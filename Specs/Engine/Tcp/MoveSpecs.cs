using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class MoveSpecs
{
    [Fact]
    public void The_first_act_after_a_move_is_a_pure_ACK()
    {
        using Conversation link = new();
        link.SendBuffer.Write(Conversation.BytesAt(new SeqNum(Conversation.Ours), 500));
        link.StartsAfterMove(1.s);
        link.Sends(1.s, seq: 0, ack: 0, length: 0, flags: TcpFlags.Ack);
        link.Sends(1.s, seq: 0, length: 500);
    }

    [Fact]
    public void Data_that_the_kernel_sent_is_retransmitted_by_the_timer()
    {
        using Conversation link = new(variants: v => v with { SndNxt = v.SndUna + 2000, SndMax = v.SndUna + 2000 });
        link.SendBuffer.Write(Conversation.BytesAt(new SeqNum(Conversation.Ours), 2000));
        link.StartsAfterMove(1.s);
        link.Sends(1.s, seq: 2000, ack: 0);
        link.Sends(2.s, seq: 0, length: 1000);
    }

    [Fact]
    public void A_move_in_the_middle_of_a_loss_goes_on_from_SND_NXT()
    {
        using Conversation link = new(
            variants: v => v with
            {
                SndNxt = v.SndUna + 1000,
                SndMax = v.SndUna + 5000,
                RecoveryPoint = v.SndUna + 5000,
                Recovery = RecoveryPhase.Loss,
                CongestionWindow = 2000,
            });
        link.SendBuffer.Write(Conversation.BytesAt(new SeqNum(Conversation.Ours), 5000));
        link.StartsAfterMove(1.s);
        link.Sends(1.s, seq: 5000, ack: 0);
        link.Sends(1.s, seq: 1000, length: 1000);
    }

    // A crash is a lost packet.
    [Fact]
    public void What_a_crashed_batch_received_is_retransmitted_by_the_peer()
    {
        using Conversation link = new();
        link.CrashesOver(1.s, link.Data(seq: 0, length: 1000), link.Data(seq: 5000, length: 1000));
        link.Sends(1.s, seq: 0, ack: 0, length: 0);
        link.SendsNothing();
        Assert.Equal(new SeqNum(Conversation.Theirs), link.V.RcvNxt);
        Assert.Equal(0, link.ReceiveBuffer.Unread);
        link.Receives(2.s, link.Data(seq: 0, length: 1000), link.Data(seq: 1000, length: 1000));
        link.Reads(2.s, 2000);
    }

    // What is committed then is as the kernel, or an owner with another algorithm, has left it.
    [Fact]
    public void An_owner_that_fails_in_its_first_batch_has_its_congestion_control_started()
    {
        using Conversation link = new(invariants: Setup.Invariants with { CongestionControl = "bbr" });
        link.CrashesOver(1.s);
        SegmentVariants v = link.V;
        Assert.False(v.Congestion.Claim("bbr"));
        Assert.True(v.Rate.PacingRate > 0);
    }

    [Fact]
    public void What_a_crashed_batch_was_about_to_send_is_sent_after_it()
    {
        using Conversation link = new();
        link.SendBuffer.Write(Conversation.BytesAt(new SeqNum(Conversation.Ours), 1500));
        link.CrashesOver(1.s);
        link.Sends(1.s, seq: 0, length: 1500);
        link.SendsNothing(until: 2.s);
        Assert.Equal(1, link.V.IpId - 1);
    }

    [Fact]
    public void A_stopped_engine_sends_nothing_new_but_acknowledges_and_retransmits_until_it_is_drained()
    {
        using Conversation link = new();
        link.Writes(1.s, 1000);
        link.Sends(1.s, length: 1000);
        link.Stops(1.1.s);

        // What the peer does not accept it acknowledges at once, and with it the data whose acknowledgement it may hold back.
        link.Sends(1.1.s, seq: -1, length: 0);
        link.Writes(1.2.s, 1000);
        link.Receives(1.3.s, link.Data(seq: 0, length: 2000, count: 2));
        link.Sends(1.3.s, ack: 2000, length: 0);
        Assert.False(link.Engine.IsDrained);
        link.Sends(2.s, seq: 0, length: 1000);
        link.Receives(2.1.s, link.Ack(ack: 1000, seq: 2000));
        Assert.True(link.Engine.IsDrained);
        link.SendsNothing(until: 100.s);
        Assert.True(link.Engine.NextDeadline.IsNever);
    }

    [Fact]
    public void Stopping_with_nothing_in_flight_sends_nothing()
    {
        using Conversation link = new();
        link.Writes(1.s, 1000);
        link.Sends(1.s, length: 1000);
        link.Receives(1.1.s, link.Ack(ack: 1000));
        link.Stops(1.2.s);
        link.SendsNothing(until: 100.s);
    }

    [Fact]
    public void An_unusable_path_carries_nothing_and_counts_nothing_and_an_update_resumes()
    {
        using Conversation link = new();
        link.Writes(1.s, 2000);
        link.Sends(1.s, length: 2000);
        link.Updates(1.5.s, i => i with { Path = i.Path with { IsUsable = false } });
        link.Writes(2.s, 1000);
        link.Receives(3.s, link.Data(seq: 0, length: 2000, count: 2), link.Data(seq: 5000, length: 1));
        link.SendsNothing(until: 600.s);
        Assert.Equal(0, link.V.Retransmissions);
        Assert.Equal(100u * Conversation.Mss, link.V.CongestionWindow);
        link.Updates(600.s, i => i with { Path = i.Path with { IsUsable = true } });
        link.Sends(600.s, seq: 0, ack: 2000, length: 1000);
        link.Sends(600.s, seq: 2000, length: 1000);
    }

    // RFC 9293 3.10.8, RFC 5482: how long data may stay unacknowledged, whatever the reason.
    [Fact]
    public void The_user_timeout_runs_while_the_path_is_unusable()
    {
        using Conversation link = new();
        link.Updates(0.5.s, i => i with { UserTimeout = 10.s });
        link.Writes(1.s, 2000);
        link.Sends(1.s, length: 2000);
        link.Updates(1.1.s, i => i with { Path = i.Path with { IsUsable = false } });
        link.SendsNothing(until: 11.s - 1.us);
        Assert.Equal(default, link.Verdict);
        link.GoTo(11.s);
        Assert.Equal(Verdict.Upload(UploadReason.UserTimeout), link.Verdict);
    }

    // RFC 5482, RFC 9293 3.10.8: from when it was queued, also when nothing was in flight.
    [Fact]
    public void The_user_timeout_runs_for_what_is_written_while_the_path_is_unusable()
    {
        using Conversation link = new(invariants: Setup.Invariants with { UserTimeout = 10.s });
        link.Updates(1.s, i => i with { Path = i.Path with { IsUsable = false } });
        link.Writes(5.s, 2000);
        link.Writes(9.s, 2000);
        link.SendsNothing(until: 15.s - 1.us);
        Assert.Equal(default, link.Verdict);
        link.GoTo(15.s);
        Assert.Equal(Verdict.Upload(UploadReason.UserTimeout), link.Verdict);
        Assert.Equal(15.s, link.V.StalledSince + 10.s);
        Assert.True(link.Engine.NextDeadline > 15.s);
    }

    [Fact]
    public void Without_a_user_timeout_what_waits_for_a_path_waits_without_end()
    {
        using Conversation link = new();
        link.Updates(1.s, i => i with { Path = i.Path with { IsUsable = false } });
        link.Writes(5.s, 2000);
        Assert.True(link.Engine.NextDeadline.IsNever);
        link.Updates(900.s, i => i with { Path = i.Path with { IsUsable = true } });
        link.Sends(900.s, seq: 0, length: 2000);
    }

    // RFC 9293 3.8.6.1: the closed window is probed as soon as probes can get through.
    [Fact]
    public void A_closed_window_is_probed_when_the_path_is_usable_again()
    {
        using Conversation link = new(window: 0, invariants: Setup.Invariants with { UserTimeout = 100.s });
        link.Updates(1.s, i => i with { Path = i.Path with { IsUsable = false } });
        link.Writes(5.s, 2000);
        link.Updates(10.s, i => i with { Path = i.Path with { IsUsable = true } });
        link.Sends(11.s, seq: 0, length: 1);
        link.Receives(11.s, link.Ack(window: 5000));
        link.Sends(11.s, seq: 0, length: 2000);
    }

    // RFC 1191 6.4: data that was too big is sent again at once, in segments of the new size, without a congestion response.
    [Fact]
    public void A_smaller_path_MTU_sends_what_is_in_flight_again_in_smaller_segments()
    {
        using Conversation link = new();
        link.Writes(1.s, 5000);
        link.Sends(1.s, length: 5000, segmentSize: 1000);
        uint window = link.V.CongestionWindow;
        link.Updates(1.1.s, i => i with { Path = i.Path with { Mtu = 576 }, EffectiveMss = 536 });
        link.Sends(1.1.s, seq: 0, length: 5000, segmentSize: 536);
        Assert.Equal(window, link.V.CongestionWindow);

        // Duplicates for what got through are no loss.
        link.Receives(1.2.s, [.. Enumerable.Repeat(link.Ack(), 5)]);
        link.SendsNothing();
        link.Receives(1.3.s, link.Ack(ack: 5000));
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
    }

    [Fact]
    public void A_smaller_MSS_cuts_what_is_retransmitted_anew()
    {
        using Conversation link = new();
        link.Writes(1.s, 3000);
        link.Sends(1.s, length: 3000, segmentSize: 1000);
        link.Updates(1.1.s, i => i with { EffectiveMss = 400 });
        link.SendsNothing();
        link.Sends(2.s, seq: 0, length: 400, segmentSize: 400);
    }

    [Fact]
    public void A_larger_MSS_never_stalls_on_a_smaller_congestion_window()
    {
        using Conversation link = new(variants: v => v with { CongestionWindow = 1000 });
        link.Updates(1.s, i => i with { Path = i.Path with { Mtu = 9000 }, EffectiveMss = 8000 });
        link.Writes(1.s, 8000);
        link.Sends(1.s, length: 8000, segmentSize: 8000);
    }

    [Fact]
    public void Deadlines_travel_as_times_remaining()
    {
        using Conversation link = new();
        link.Writes(1.s, 1000);
        link.GoTo(1.4.s);
        SegmentVariants there = link.V.ToTimesRemaining(link.Now).ToDeadlines(100.s);
        Assert.Equal(100.s + 600.ms, there.RetransmitAt);
        Assert.True(there.PersistAt.IsNever);
    }

    // Data that no memory is left for is not acknowledged: the peer sends it again.
    [Fact]
    public void Data_without_buffer_memory_is_dropped_and_counted()
    {
        ManagedChunkPool pool = new(chunkSize: 4096, limit: 4096);
        using Conversation link = new(pool: pool);
        Chunk chunk = pool.Rent();
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Data(seq: 0, length: 1000)));
        link.SendsNothing(until: 2.s);
        Assert.Equal(1, link.Engine.Counters.DroppedNoMemory);
        pool.Return(chunk);
        link.Receives(2.s, link.Data(seq: 0, length: 1000));
        link.Reads(2.s, 1000);
    }

    [Fact]
    public void The_variables_are_at_most_512_bytes()
    {
        Assert.True(System.Runtime.CompilerServices.Unsafe.SizeOf<SegmentVariants>() <= 512);
    }
}
