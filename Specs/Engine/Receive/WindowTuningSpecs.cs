using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Specs.Simulation;
using Xunit;

namespace TcpActors.Specs.Engine.Receive;

/// <summary>The window grows with what the application reads in a round trip, up to the limit of the host, and never shrinks.</summary>
public class WindowTuningSpecs
{
    private const int First = 64 * 1024;
    private const int Limit = 4 << 20;
    private const int Shift = 7;

    private static readonly ConnectionInvariants Scaled = Setup.Connection with { ReceiveWindowScale = Shift };

    [Fact]
    public void It_begins_small()
    {
        using Conversation link = Fresh();
        link.StartsAfterMove(1.s);
        link.Sends(1.s, window: First >> Shift);
    }

    // RFC 9293 3.8.6, SHLD-14: what the peer was promised before a move holds after it.
    [Fact]
    public void It_begins_with_what_the_peer_was_promised()
    {
        using Conversation link = Fresh(promised: 1 << 20);
        link.StartsAfterMove(1.s);
        link.Sends(1.s, window: (1 << 20) >> Shift);
        link.Receives(1.s, link.Data(seq: 0, length: 2000, count: 2));
        link.Reads(1.s, 2000);
        link.Receives(1.s, link.Data(seq: 2000, length: 2000, count: 2));
        Assert.InRange(link.V.RcvWnd, (1u << 20) - 4000, 1u << 20);
    }

    // RFC 6928 2: a peer may begin with ten segments.
    [Fact]
    public void It_begins_with_ten_segments_when_they_are_large()
    {
        using Conversation link = new(
            Scaled, Setup.Invariants with { Path = Setup.Invariants.Path with { Mtu = 9000 }, EffectiveMss = 8960 }, v => v with { RcvWnd = 10_000 }, receiveBuffer: Limit);
        link.StartsAfterMove(1.s);
        Assert.InRange(link.V.RcvWnd, 10u * 8960, 10u * 8960 + (1 << Shift));
    }

    [Fact]
    public void A_reader_that_takes_what_comes_is_never_held_up()
    {
        using Conversation link = Fresh();
        link.StartsAfterMove(1.s);
        int received = 0;
        int largest = 0;
        Microseconds t = 1.s;
        for (int round = 0; round < 12; round++, t += 20.ms)
        {
            // The peer sends whatever it may, once in each round trip.
            int window = (int)link.V.RcvWnd;
            for (int sent = 0; sent < window; sent += 32_768)
            {
                int length = Math.Min(32_768, window - sent);
                link.Receives(t, link.Data(seq: received, length: length, count: 23));
                received += length;
                link.Reads(t, length);
            }

            // What the first reads have opened is not worth a segment of its own (RFC 9293 3.8.6.2.2).
            Assert.True(round is 0 or > 7 || link.V.RcvWnd >= Math.Min(Limit, 5 * window / 4), $"{window} became {link.V.RcvWnd} in round {round}.");
            largest = Math.Max(largest, (int)link.V.RcvWnd);
        }

        Assert.InRange(largest, Limit - First, Limit);
    }

    // What it is for: many connections whose applications read slowly.
    [Fact]
    [Trait("Duration", "Long")]
    public void A_slow_reader_has_a_small_window_for_ever()
    {
        using Conversation link = Fresh();
        link.StartsAfterMove(1.s);
        int received = 0;
        Microseconds t = 1.s;
        for (int round = 0; round < 5000; round++, t += 1.ms)
        {
            int length = Math.Min(8192, (int)link.V.RcvWnd);
            if (length > 0)
            {
                link.Receives(t, link.Data(seq: received, length: length, count: 6));
                received += length;
            }

            link.Reads(t, Math.Min(1000, link.ReceiveBuffer.Unread));
            Assert.True(link.ReceiveBuffer.Unread + link.V.RcvWnd <= First, $"{link.ReceiveBuffer.Unread} unread, {link.V.RcvWnd} offered.");
        }
    }

    // A reader that comes now and then and takes all it finds: its rate counts, not what it takes at once.
    [Fact]
    public void A_reader_that_comes_seldom_has_a_window_for_its_rate()
    {
        using Conversation link = Fresh();
        link.StartsAfterMove(1.s);
        int received = 0;
        Microseconds t = 1.s;
        for (int round = 0; round < 200; round++, t += 25.ms)
        {
            int window = (int)link.V.RcvWnd;
            for (int sent = 0; sent < window; sent += 32_768)
            {
                int length = Math.Min(32_768, window - sent);
                link.Receives(t + 1.ms, link.Data(seq: received, length: length, count: 23));
                received += length;
            }

            link.Reads(t + 20.ms, link.ReceiveBuffer.Unread);
        }

        Assert.True(link.V.RcvWnd <= 2 * First, $"{link.V.RcvWnd} bytes are offered.");
    }

    [Fact]
    public void It_opens_by_no_more_than_has_come_in()
    {
        using Conversation link = Fresh();
        link.StartsAfterMove(1.s);
        SeqNum edge = link.V.RcvNxt + link.V.RcvWnd;
        for (int i = 0; i < 200; i++)
        {
            link.Receives(1.s + 1.ms, link.Data(seq: i * 4000, length: 4000, count: 4));
            link.Reads(1.s + 1.ms, 4000);
            SeqNum next = link.V.RcvNxt + link.V.RcvWnd;
            Assert.True(next - edge <= (2 * 4000) + (1 << Shift), $"It moved by {next - edge}.");
            edge = next;
        }
    }

    // An application that waits for more than the window, as for a message of known length, must get it.
    [Fact]
    public void A_reader_that_waits_for_more_than_fits_gets_a_larger_window()
    {
        using Conversation link = Fresh();
        link.StartsAfterMove(1.s);
        link.Receives(1.s, link.Data(seq: 0, length: First, count: 45));
        Assert.Equal(0u, link.V.RcvWnd);
        link.ReceiveBuffer.RaiseLimit(1 << 20);
        link.Reads(1.s, 0);
        Assert.Equal((1u << 20) - First, link.V.RcvWnd);
    }

    [Fact]
    public void The_limit_that_the_host_sets_holds_for_what_is_not_promised_yet()
    {
        using Conversation link = Fresh();
        link.StartsAfterMove(1.s);
        link.Updates(1.s, invariants => invariants with { Version = 1, ReceiveBufferLimit = 100_000 });
        int received = 0;
        for (int i = 0; i < 500; i++)
        {
            link.Receives(1.s + 1.ms, link.Data(seq: received, length: 8000, count: 6));
            received += 8000;
            link.Reads(1.s + 1.ms, 8000);
            Assert.True(link.V.RcvWnd <= 100_000);
        }

        Assert.True(link.V.RcvWnd > 90_000, $"{link.V.RcvWnd} bytes are offered.");
        link.Updates(1.s + 1.ms, invariants => invariants with { Version = 2, ReceiveBufferLimit = 10_000 });
        SeqNum edge = link.V.RcvNxt + link.V.RcvWnd;
        link.Receives(1.s + 1.ms, link.Data(seq: received, length: 8000, count: 6));
        link.Reads(1.s + 1.ms, 8000);
        Assert.Equal(edge, link.V.RcvNxt + link.V.RcvWnd);
    }

    // A crash forgets the measurements and not what was promised.
    [Fact]
    public void After_a_crash_the_edge_is_where_it_was()
    {
        using Conversation link = Fresh();
        link.StartsAfterMove(1.s);
        int received = 0;
        for (int i = 0; i < 100; i++)
        {
            link.Receives(1.s + 1.ms, link.Data(seq: received, length: 8000, count: 6));
            received += 8000;
            link.Reads(1.s + 1.ms, 8000);
        }

        SeqNum edge = link.V.RcvNxt + link.V.RcvWnd;
        Assert.True(link.V.RcvWnd > 4 * First);
        link.CrashesOver(1.s + 1.ms, link.Data(seq: received, length: 8000, count: 6));
        Assert.True(link.V.RcvNxt + link.V.RcvWnd >= edge);
    }

    // Four times what was read in a round trip, which, without timestamps, is the time until what was offered has come.
    [Fact]
    public void Without_timestamps_a_round_trip_is_the_time_in_which_the_offered_window_fills()
    {
        WindowTuning tuning = Unknown();
        tuning.OnOffered(new SeqNum(First + 1), 1.s);

        // Another offer meanwhile does not begin anew.
        tuning.OnOffered(new SeqNum(First + 2), 1030.ms);
        tuning.OnData(First, new SeqNum(First), new SeqNum(0), 1040.ms);
        tuning.OnData(1, new SeqNum(First + 1), new SeqNum(0), 1050.ms);

        // 40,000 bytes in 90 ms, of which a round trip has 50 ms.
        tuning.OnData(1 << 20, new SeqNum(1 << 20), new SeqNum(40_000), 1130.ms);
        Assert.Equal(40_000 * 50 / 90 * 4 / 4, tuning.Window / 4, 10d);
    }

    // A peer that sends 40,000 bytes in each round trip of 100 ms, which never fill what it was offered, on a path that had 1 ms before the move.
    [Fact]
    public void With_timestamps_a_round_trip_is_also_known_where_the_window_does_not_fill()
    {
        using Conversation link = Fresh(timestamps: true);
        link.StartsAfterMove(1.s);
        uint answered = link.Sends(1.s).TsVal;
        Microseconds t = 1.s;
        for (int round = 0; round < 30; round++)
        {
            t += 100.ms;
            link.Receives(t, link.Data(seq: round * 40_000, length: 40_000, count: 40, tsVal: (uint)round + 1, tsEcr: answered));
            answered = link.Sends(t).TsVal;
            link.Reads(t, 40_000);
            link.Forgets();
        }

        Assert.InRange(link.ReceiveBuffer.Allowance, 155_000, 160_000);
    }

    // Where a round trip is long the peer's slow start must not wait for ours.
    [Theory]
    [Trait("Duration", "Long")]
    [InlineData(true)]
    [InlineData(false)]
    public void On_a_long_path_a_transfer_takes_as_long_as_with_a_window_that_is_wide_from_the_start(bool timestamps)
    {
        Microseconds wide = TimeOf(timestamps, 16.MiB);
        Microseconds tuned = TimeOf(timestamps, First);
        Assert.True(tuned.Value <= wide.Value * 1.05, $"{tuned} with a window that grows, {wide} with one that is wide.");
    }

    private static WindowTuning Unknown()
    {
        WindowTuning tuning = default;
        tuning.Start(SegmentVariants.Quiet with { RcvWnd = First }, new SeqNum(0), mss: 1000);
        return tuning;
    }

    private static Microseconds TimeOf(bool timestamps, int promised)
    {
        Microseconds took = default;
        Replay.Run(0x5EED_0E01, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(
                new Scenario { Rtt = 100.ms, Buffer = 16.MiB, Timestamps = timestamps, Promised = promised });
            a.Writes(16.MiB);
            world.RunUntil(b.HasRead(16.MiB), limit: 60.s);
            took = world.Now;
        });
        return took;
    }

    private static Conversation Fresh(int promised = First, bool timestamps = false) => new(
        Scaled with { TimestampsEnabled = timestamps },
        variants: v => v with { RcvWnd = (uint)promised, SmoothedRtt = 1.ms },
        receiveBuffer: Limit);
}
