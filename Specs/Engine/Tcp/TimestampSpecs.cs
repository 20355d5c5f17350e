using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class TimestampSpecs
{
    private static readonly ConnectionInvariants WithTimestamps = Setup.Connection with { TimestampsEnabled = true };

    // RFC 7323 5.3 R1
    [Fact]
    public void An_old_duplicate_is_answered_with_an_ACK()
    {
        using Conversation link = new(WithTimestamps, variants: v => v with { TsRecent = 1000, TsRecentValid = true });
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Data(seq: 0, length: 10, tsVal: 999)));
        OutgoingSegment ack = link.Sends(1.s, seq: 0, ack: 0);
        Assert.Equal(1000u, ack.TsEcr);
        Assert.Equal(1, link.Engine.Counters.DroppedPaws);
    }

    // RFC 7323 5.3, across the wrap of the timestamp clock
    [Theory]
    [InlineData(uint.MaxValue - 5, 5, true)]
    [InlineData(5, uint.MaxValue - 5, false)]
    [InlineData(7, 7, true)]
    [InlineData(0, 0x7fffffff, true)]
    [InlineData(0, 0x80000001, false)]
    public void Timestamps_are_compared_modulo_2_to_the_32nd(uint recent, uint value, bool isAccepted)
    {
        using Conversation link = new(WithTimestamps, variants: v => v with { TsRecent = recent, TsRecentValid = true });
        Verdict verdict = link.Receives(1.s, link.Data(seq: 0, length: 10, tsVal: value));
        Assert.Equal(isAccepted ? VerdictKind.Consumed : VerdictKind.Dropped, verdict.Kind);
    }

    // RFC 7323 5.2: PAWS is not applied to RSTs.
    [Fact]
    public void An_RST_needs_no_new_timestamp()
    {
        using Conversation link = new(WithTimestamps, variants: v => v with { TsRecent = 1000, TsRecentValid = true });
        Assert.Equal(UploadReason.PeerReset, link.Receives(1.s, link.Ack(flags: TcpFlags.Rst, tsVal: 1)).Reason);
        Assert.Equal(UploadReason.PeerReset, link.Receives(1.s, link.Ack(flags: TcpFlags.Rst)).Reason);
    }

    // RFC 7323 3.2
    [Fact]
    public void A_segment_without_the_negotiated_timestamp_is_dropped_in_silence()
    {
        using Conversation link = new(WithTimestamps);
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Data(seq: 0, length: 10)));
        link.SendsNothing(until: 10.s);
        Assert.Equal(1, link.Engine.Counters.DroppedWithoutTimestamp);
    }

    // RFC 7323 4.3: TSecr is the timestamp of the earliest segment that is not yet acknowledged.
    [Fact]
    public void A_delayed_ACK_echoes_the_first_of_the_segments_it_acknowledges()
    {
        using Conversation link = new(WithTimestamps);
        link.Receives(1.s, link.Data(seq: 0, length: 100, tsVal: 10));
        link.Receives(1.s, link.Data(seq: 100, length: 100, tsVal: 20));
        OutgoingSegment ack = link.Sends(1.s, ack: 200);
        Assert.Equal(10u, ack.TsEcr);
    }

    // RFC 7323 4.3: a segment beyond a hole does not move TS.Recent, the one that fills it does.
    [Fact]
    public void TS_Recent_stays_at_the_segment_before_a_hole()
    {
        using Conversation link = new(WithTimestamps);
        link.Receives(1.s, link.Data(seq: 0, length: 1000, tsVal: 10), link.Data(seq: 1000, length: 1000, tsVal: 11));
        link.Forgets();
        link.Receives(1.s, link.Data(seq: 3000, length: 1000, tsVal: 30));
        Assert.Equal(10u, link.Sends(1.s, ack: 2000).TsEcr);
        link.Receives(1.s, link.Data(seq: 2000, length: 1000, tsVal: 40));
        Assert.Equal(40u, link.Sends(1.s, ack: 4000).TsEcr);
    }

    // RFC 7323 5.5
    [Fact]
    public void TS_Recent_is_outdated_after_24_days()
    {
        Microseconds days24 = Microseconds.FromSeconds(24 * 86400);
        using Conversation link = new(WithTimestamps);
        link.Receives(1.s, link.Data(seq: 0, length: 10, tsVal: 1000));
        Assert.Equal(Verdict.Dropped, link.Receives(1.s + days24, link.Data(seq: 10, length: 10, tsVal: 999)));
        Assert.Equal(Verdict.Consumed, link.Receives(1.s + days24 + 1.us, link.Data(seq: 10, length: 10, tsVal: 999)));
        Assert.Equal(999u, link.V.TsRecent);
    }

    // RFC 5961 5, RFC 7323 5.3: a segment with an unacceptable ACK must not move TS.Recent.
    [Fact]
    public void A_blind_attacker_does_not_move_TS_Recent()
    {
        using Conversation link = new(WithTimestamps, variants: v => v with { TsRecent = 1000, TsRecentValid = true });
        link.Receives(1.s, link.Data(seq: 0, length: 10, ack: 77, tsVal: 0x70000000));
        Assert.Equal(1000u, link.V.TsRecent);
    }

    // RFC 7323 3.2; what a kernel that gave the connection away does not tell.
    [Fact]
    public void Zero_is_echoed_until_the_peer_has_sent_a_timestamp()
    {
        using Conversation link = new(WithTimestamps, variants: v => v with { TsOffset = 7 });
        link.StartsAfterMove(2.s);
        OutgoingSegment first = link.Sends(2.s, ack: 0);
        Assert.Equal((2007u, 0u), (first.TsVal, first.TsEcr));
        link.Receives(3.s, link.Data(seq: 0, length: 10, tsVal: 55));
        Assert.Equal(55u, link.Sends(3.s, ack: 10).TsEcr);
    }

    // RFC 7323 5.4: whatever becomes of the offset, across the wrap of the clock.
    [Fact]
    public void Our_timestamps_never_go_back()
    {
        using Conversation link = new(WithTimestamps, variants: v => v with { TsOffset = uint.MaxValue - 1000 });
        link.Writes(1.s, 10);
        Assert.Equal(uint.MaxValue, link.Sends(1.s, length: 10).TsVal);
        link.Engine.Restore(link.V with { TsOffset = uint.MaxValue - 1100 }, 1.s + 10.ms);
        link.Writes(1.s + 10.ms, 0);
        Assert.Equal(uint.MaxValue, link.Sends(1.s + 10.ms).TsVal);
        link.Receives(1.s + 200.ms, link.Data(seq: -10, length: 10, tsVal: 1));
        Assert.Equal(99u, link.Sends(1.s + 200.ms).TsVal);
    }

    // RFC 7323 4.1 and RFC 6298 2.2
    [Fact]
    public void A_round_trip_is_measured_by_the_echo()
    {
        using Conversation link = new(WithTimestamps);
        link.Writes(1.s, 1000);
        OutgoingSegment data = link.Sends(1.s, length: 1000);
        link.Receives(1.s + 300.ms, link.Ack(ack: 1000, tsVal: 1, tsEcr: data.TsVal));
        Assert.Equal(300.ms, link.V.SmoothedRtt);
        Assert.Equal(150.ms, link.V.Delta);
        Assert.Equal(900.ms, link.V.Rto);
        Assert.Equal(300.ms, link.V.MinRtt);
    }

    // RFC 7323 4.1: proportional to real time, in the ticks of the host's stack.
    [Theory]
    [InlineData(1000)]
    [InlineData(1)]
    public void Our_timestamps_go_with_the_time(int tick)
    {
        using Conversation link = new(WithTimestamps with { TimestampTick = tick.us }, Setup.Invariants with { NagleEnabled = false });
        link.Writes(1.s, 10);
        uint first = link.Sends(1.s, length: 10).TsVal;
        link.Writes(1.s + 250.ms, 10);
        Assert.Equal(250_000u / (uint)tick, link.Sends(1.s + 250.ms, length: 10).TsVal - first);
        link.Writes(1.s + 900.ms, 10);
        Assert.Equal(900_000u / (uint)tick, link.Sends(1.s + 900.ms, length: 10).TsVal - first);
    }

    // RFC 7323 3.2: for the duration of the connection, whatever a segment is for.
    [Fact]
    public void Every_segment_that_leaves_has_a_timestamp()
    {
        SegmentInvariants keepAlive = Setup.Invariants with { KeepAliveEnabled = true, KeepAliveTime = 60.s };
        using Conversation link = new(WithTimestamps, keepAlive);
        link.StartsAfterMove(1.s);
        AssertStamped(link.Sends(1.s, seq: 0));
        link.Writes(2.s, 500);
        AssertStamped(link.Sends(2.s, seq: 0, length: 500));
        AssertStamped(link.Sends(3.s, seq: 0, length: 500));
        link.Receives(4.s, link.Ack(ack: 500, window: 0, tsVal: 9, tsEcr: 3000));
        link.Writes(5.s, 10);
        link.GoTo(link.V.PersistAt);
        AssertStamped(link.Sends(link.Now, seq: 500, length: 1));
        link.Receives(9.s, link.Ack(ack: 501, tsVal: 10));
        AssertStamped(link.Sends(9.s, seq: 501, length: 9));
        link.Receives(10.s, link.Ack(ack: 510, tsVal: 11), link.Ack(ack: 510, seq: 1, flags: TcpFlags.Rst));
        AssertStamped(link.Sends(10.s, seq: 510));
        AssertStamped(link.Sends(70.s, seq: 509));
        link.Receives(71.s, link.Data(seq: 100, length: 10, ack: 510, tsVal: 12));
        AssertStamped(link.Sends(71.s, ack: 0));

        void AssertStamped(OutgoingSegment segment) => Assert.Equal((uint)(link.Now.Value / 1000), segment.TsVal);
    }

    // RFC 7323 3.2
    [Fact]
    public void Timestamps_that_were_not_negotiated_are_ignored()
    {
        using Conversation link = new(variants: v => v with { TsRecent = 1000, TsRecentValid = true });
        link.Writes(1.s, 500);
        Assert.Equal(0u, link.Sends(1.s, length: 500).TsVal);
        link.GoTo(2.s);
        Assert.Equal(Verdict.Consumed, link.Receives(2.s, link.Data(seq: 0, length: 10, ack: 500, tsVal: 1, tsEcr: 1000)));
        Assert.Equal((1000u, Microseconds.Zero), (link.V.TsRecent, link.V.SmoothedRtt));
    }

    // RFC 7323 5.3: before the acceptability test.
    [Fact]
    public void An_old_timestamp_is_found_before_the_sequence_number_is_looked_at()
    {
        using Conversation link = new(WithTimestamps, variants: v => v with { TsRecent = 1000, TsRecentValid = true });
        link.Receives(1.s, link.Data(seq: 100_000, length: 10, tsVal: 999));
        link.Sends(1.s, seq: 0, ack: 0);
        Assert.Equal((1, 0), (link.Engine.Counters.DroppedPaws, link.Engine.Counters.DroppedSequence));
    }

    // RFC 7323 5.2: nothing of an RST's timestamps counts.
    [Fact]
    public void The_timestamps_of_an_RST_change_nothing()
    {
        using Conversation link = new(WithTimestamps, variants: v => v with { TsRecent = 1000, TsRecentValid = true });
        link.Writes(1.s, 500);
        link.Sends(1.s, length: 500);
        link.Receives(1.5.s, link.Ack(ack: 500, seq: 1, flags: TcpFlags.Rst, tsVal: 5000, tsEcr: 1000));
        Assert.Equal(1000u, link.Sends(1.5.s, ack: 0).TsEcr);
        Assert.Equal((1000u, Microseconds.Zero), (link.V.TsRecent, link.V.SmoothedRtt));
    }

    // RFC 7323 5.2: what is kept for the comparison never becomes less, within the time that it is believed.
    [Fact]
    public void TS_Recent_never_goes_back() => Seeded.Run(7323, random =>
    {
        using Conversation link = new(WithTimestamps, variants: v => v with { TsRecent = uint.MaxValue - 50, TsRecentValid = true });
        for (int i = 1; i <= 2000; i++)
        {
            uint before = link.V.TsRecent;
            int next = link.V.RcvNxt - new SeqNum(Conversation.Theirs);
            link.Receives(
                Microseconds.FromMilliseconds(i),
                link.Data(next + random.Next(-50, 50), random.Next(50), tsVal: before + (uint)random.Next(-20, 20)));
            Assert.True((int)(link.V.TsRecent - before) >= 0, $"{before} became {link.V.TsRecent}");
            link.Forgets();
            link.Reads(link.Now, link.ReceiveBuffer.Unread);
        }

        Assert.True(link.V.TsRecent is > 50 and < 100_000, "The clock has wrapped.");
    });

    // RFC 7323 4.1: the peer's pause must not be measured.
    [Fact]
    public void An_echo_in_data_that_acknowledges_nothing_new_measures_nothing()
    {
        using Conversation link = new(WithTimestamps);
        link.Writes(1.s, 500);
        link.Receives(1.s + 500.ms, link.Data(seq: 0, length: 10, ack: 0, tsVal: 1, tsEcr: 1000));
        Assert.Equal(Microseconds.Zero, link.V.SmoothedRtt);
        link.Receives(1.s + 600.ms, link.Ack(ack: 500, seq: 10, tsVal: 2, tsEcr: 1000));
        Assert.Equal(600.ms, link.V.SmoothedRtt);
    }

    // RFC 7323 4.1: only an acknowledgement of new data measures.
    [Fact]
    public void An_ACK_of_nothing_new_measures_nothing()
    {
        using Conversation link = new(WithTimestamps);
        link.Receives(2.s, link.Ack(tsVal: 1, tsEcr: 500));
        Assert.Equal(Microseconds.Zero, link.V.SmoothedRtt);
    }
}
