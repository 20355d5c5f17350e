using TcpActors.Engine;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Specs.Simulation;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>
/// A transfer of 80 KiB with losses in the middle, at the tail, and of what was sent again; once as it is, and then once for each of its events with
/// something happening right after that event. The losses are times in which nothing passes, so that they befall each of the runs alike.
/// </summary>
public class RecoveryMoveSpecs
{
    private const int Bytes = 80 * 1024;

    private const ulong Seed = 0x5EED_4001;

    public static TheoryData<string> Paths => new("sack", "no sack", "reordering");

    [Theory]
    [MemberData(nameof(Paths))]
    public void A_move_at_any_event_costs_no_byte_no_time_out_and_at_most_what_is_in_flight(string path)
    {
        Costs alone = Transfer(path, at: -1, (_, _) => { });
        Assert.True(alone.BytesAgain > 0, "Something is lost.");
        for (int at = 0; at < alone.Events; at++)
        {
            uint flight = 0;
            Costs moved = Transfer(path, at, (a, world) =>
            {
                flight = a.Variants.Flight;
                a.Move(clockAhead: Microseconds.FromSeconds(at));
            });
            Assert.True(moved.Timeouts <= alone.Timeouts, $"Event {at}: {moved.Timeouts} time-outs, {alone.Timeouts} without a move.");
            Assert.True(
                moved.BytesAgain <= alone.BytesAgain + flight,
                $"Event {at}: {moved.BytesAgain} bytes sent again, {alone.BytesAgain} without a move; {flight} in flight.");
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void A_crash_at_any_event_costs_no_byte_and_at_most_what_is_in_flight(string path)
    {
        Costs alone = Transfer(path, at: -1, (_, _) => { });
        for (int at = 0; at < alone.Events; at++)
        {
            uint flight = 0;
            Costs crashed = Transfer(path, at, (a, world) =>
            {
                flight = a.Variants.Flight;
                a.Crash();
            });

            // What the batch had received is lost with it: an acknowledgement, which the next one makes good.
            Assert.True(crashed.Timeouts <= alone.Timeouts + 1, $"Event {at}: {crashed.Timeouts} time-outs.");
            Assert.True(
                crashed.BytesAgain <= alone.BytesAgain + flight + (10 * 1448), $"Event {at}: {crashed.BytesAgain} bytes sent again, {flight} in flight.");
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void What_is_known_of_a_recovery_survives_a_move_field_for_field(string path)
    {
        Costs alone = Transfer(path, at: -1, (_, _) => { });
        HashSet<RecoveryPhase> phases = [];
        for (int at = 0; at < alone.Events; at++)
        {
            Transfer(path, at, (a, world) =>
            {
                SegmentVariants before = a.Variants;
                phases.Add(before.Recovery);
                Microseconds later = Microseconds.FromSeconds(1000);
                TcpEngine next = new(
                    a.Setup.Connection,
                    a.Setup.Segment,
                    before.ToTimesRemaining(a.Owner.Now).ToDeadlines(later),
                    a.Memory.Send,
                    a.Memory.Receive,
                    new TransmitQueue());
                next.StartAfterMove(later);
                SegmentVariants after = next.Variants.ToTimesRemaining(later).ToDeadlines(a.Owner.Now);

                // Fields, and not bytes: what pads a pair is whatever the stack held.
                Assert.Equal(before.Reduction, after.Reduction);
                Assert.Equal(before.Undo, after.Undo);
                Assert.Equal(before.ReorderWindow, after.ReorderWindow);
                Assert.Equal(before.Probe, after.Probe);
                Assert.Equal(before.ForwardRto, after.ForwardRto);
                Assert.Equal(before.RetransmittedTo, after.RetransmittedTo);
                Assert.Equal(before.Congestion, after.Congestion);
                Assert.Equal(before.Rate, after.Rate);
                Assert.Equal(before.RecoveryTimer, after.RecoveryTimer);
                Assert.Equal(before.RecoveryAt, after.RecoveryAt);
                Assert.Equal((before.Recovery, before.SlowStartThreshold), (after.Recovery, after.SlowStartThreshold));
                Assert.Equal(before.CongestionWindow, after.CongestionWindow);
                Assert.Equal((before.RtoBackoff, before.Retransmissions), (after.RtoBackoff, after.Retransmissions));
                Assert.Equal(before.RetransmitAt, after.RetransmitAt);
            });
        }

        Assert.Contains(RecoveryPhase.FastRecovery, phases);
    }

    // RetransmittedTo is what keeps the next owner from sending again what its predecessor has.
    [Fact]
    public void What_was_sent_again_before_a_move_is_not_sent_again_after_it_unless_something_sent_later_has_arrived()
    {
        using Conversation link = MovedInRecovery(retransmittedTo: 1000);
        link.SendsNothing();
        link.Receives(1150.ms, link.Sack(0, (1000, 10_000)));
        link.SendsNothing();
        Assert.Equal(0u, link.V.Rate.Lost);
        link.Receives(1200.ms, link.Ack(10_000));
        Assert.Equal((RecoveryPhase.Open, 0L), (link.V.Recovery, link.Engine.Counters.BytesRetransmitted));
    }

    [Fact]
    public void What_is_missing_and_was_not_sent_again_before_a_move_is_sent_after_it()
    {
        using Conversation link = MovedInRecovery(retransmittedTo: 0);
        link.Sends(1100.ms, seq: 0, length: 1000);
        link.SendsNothing();
    }

    // RFC 8985 6.2 step 3 speaks of what was never sent again, which the next owner does not know.
    [Fact]
    public void What_another_owner_has_sent_is_no_sign_of_reordering()
    {
        using Conversation link = Moved(v => v);
        link.Receives(1110.ms, link.Sack(0, (1000, 3000)));
        link.Receives(1115.ms, link.Ack(3000));
        Assert.False(link.V.ReorderWindow.IsReorderingSeen);

        // ... but what it sends itself it knows.
        link.Writes(1116.ms, 3000);
        link.Forgets();
        link.Receives(1210.ms, link.Sack(3000, (11_000, 13_000)));
        link.Receives(1215.ms, link.Ack(13_000));
        Assert.True(link.V.ReorderWindow.IsReorderingSeen);
    }

    // RFC 9937 6.2: DeliveredData. A peer reports what it holds to each owner.
    [Fact]
    public void What_was_reported_before_a_move_is_not_delivered_once_more()
    {
        using Conversation stays = InRecovery();
        using Conversation before = InRecovery();
        using Conversation moves = NextOwnerOf(before, written: 400_000);
        moves.Forgets();
        uint sent = moves.V.SndMax.Value;
        foreach (Conversation link in (Conversation[])[stays, moves])
        {
            link.Receives(1110.ms, link.Sack(0, (1000, 60_000), (65_000, 66_000)));
            Assert.Equal(65_000, link.V.Rate.Delivered + 5000);
            Assert.Equal((65_000u, 65_000u), (link.V.CongestionWindow, link.Engine.Records.InFlight));
            Assert.Equal(60_000u, link.V.Sacked);
        }

        Assert.Equal(sent, moves.V.SndMax.Value);

        static Conversation InRecovery()
        {
            Conversation link = SackPath.Link();
            link.Writes(1.s, 400_000);
            for (int i = 2; i <= 60; i++)
            {
                link.Receives(1100.ms + new Microseconds(i * 100), link.Sack(0, (1000, i * 1000)));
            }

            Assert.Equal((RecoveryPhase.FastRecovery, 59_000u), (link.V.Recovery, link.V.Sacked));
            return link;
        }
    }

    [Fact]
    public void What_is_sent_after_a_move_counts_in_full_though_the_peer_had_reported_something_before()
    {
        using Conversation link = Moved(v => v with { Sacked = 2000 });
        link.Writes(1101.ms, 3000);
        link.Receives(1201.ms, link.Sack(0, (10_000, 13_000)));
        Assert.Equal(3000, link.V.Rate.Delivered);
    }

    // RFC 8985 6.2: when another owner has sent something again is not known. Two holes are, then comes new data, then the move; nothing more is lost.
    [Theory]
    [InlineData("reno", false)]
    [InlineData("cubic", false)]
    [InlineData("cubic", true)]
    public void A_move_in_recovery_is_no_second_loss(string congestion, bool timestamps)
    {
        SegmentInvariants invariants = Setup.Invariants with { CongestionControl = congestion };
        using Conversation before = SackPath.Link(
            window: 20_000, timestamps: timestamps, invariants: invariants, variants: v => v with { MinRtt = 60.ms });
        before.Writes(1.s, 400_000);
        before.Receives(1100.ms, With(before.Sack(0, (1000, 5000), (6000, 20_000)), 1000));
        before.GoTo(1150.ms);
        int end = (int)(before.V.SndMax.Value - Conversation.Ours);
        Assert.True(end > 20_000 && before.V.RetransmittedTo == before.V.SndUna + 6000);
        using Conversation link = NextOwnerOf(before, written: 400_000, timestamps, invariants);
        link.Receives(1200.ms, With(link.Sack(5000, (6000, 20_000)), 1100));
        link.Receives(1201.ms, With(link.Ack(20_000), 1100));
        link.Receives(1202.ms, With(link.Ack(end), 1100));
        Assert.Equal((before.V.SlowStartThreshold, 0L), (link.V.SlowStartThreshold, link.Engine.Counters.BytesRetransmitted));

        PeerSegment With(PeerSegment segment, uint echo) => timestamps ? segment with { TsVal = 1, TsEcr = echo } : segment;
    }

    // RFC 3522 3.2: what the owner before has probed with, and when, is not known.
    [Fact]
    public void The_answer_to_a_probe_of_the_owner_before_does_not_undo_a_loss()
    {
        using Conversation before = SackPath.ProbedTwice(timestamps: true);
        using Conversation link = NextOwnerOf(before, written: 20_000, timestamps: true);

        // Of the next owner's segments enough arrive to show that 0 and 5000 are missing; the second probe, of 1063 ms, fills the hole at 0.
        link.Receives(1085.ms, link.Sack(0, (1000, 5000), (6000, 11_000)) with { TsVal = 1, TsEcr = 999 });
        link.GoTo(1110.ms);
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        link.Receives(1110.ms, link.Sack(5000, (6000, 11_000)) with { TsVal = 2, TsEcr = 1063 });
        Assert.Equal((RecoveryPhase.FastRecovery, 0), (link.V.Recovery, link.Engine.Counters.RecoveriesUndone));
    }

    // RFC 5682 3.1: the next owner finishes what the time-out began: all acknowledgements were only late.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_time_out_for_nothing_is_undone_by_the_next_owner(int step)
    {
        using Conversation before = SackPath.Link(window: 10_000);
        before.Writes(1.s, 40_000);
        before.GoTo(1502.ms);
        Assert.Equal(1, before.Engine.Counters.RetransmissionTimeouts);
        if (step == 2)
        {
            before.Receives(1520.ms, before.Ack(1000));
        }

        using Conversation link = NextOwnerOf(before, written: 40_000);
        for (int ack = step * 1000; ack <= 12_000; ack += 1000)
        {
            link.Receives(link.Now + 10.ms, link.Ack(ack));
        }

        Assert.Equal((1, 0L), (link.Engine.Counters.TimeoutsUndone, link.Engine.Counters.BytesRetransmitted));
        Assert.Equal(uint.MaxValue, link.V.SlowStartThreshold);
    }

    /// <summary>The variables go over, and the application has written so much in all.</summary>
    private static Conversation NextOwnerOf(Conversation before, int written, bool timestamps = false, SegmentInvariants? invariants = null)
    {
        SegmentVariants moved = before.V.ToTimesRemaining(before.Now).ToDeadlines(before.Now);
        Conversation next = new(SackPath.Connection with { TimestampsEnabled = timestamps }, invariants, _ => moved);
        next.SendBuffer.Write(Conversation.BytesAt(new SeqNum(Conversation.Ours), written));
        next.SendBuffer.FreeTo(moved.SndUna);
        next.StartsAfterMove(before.Now);
        return next;
    }

    private static Conversation MovedInRecovery(int retransmittedTo) => Moved(v => v with
    {
        Recovery = RecoveryPhase.FastRecovery,
        RecoveryPoint = v.SndUna + 10_000,
        RetransmittedTo = v.SndUna + retransmittedTo,
        CongestionWindow = 5000,
        SlowStartThreshold = 5000,
    });

    /// <summary>With 10,000 bytes in flight that were sent by another owner.</summary>
    private static Conversation Moved(Func<SegmentVariants, SegmentVariants> variants)
    {
        Conversation link = SackPath.Link(variants: v => variants(v with
        {
            SndNxt = v.SndUna + 10_000,
            SndMax = v.SndUna + 10_000,
            LastDataSentAt = 1.s,
            RetransmitAt = 1500.ms,
        }));
        link.SendBuffer.Write(Conversation.BytesAt(new SeqNum(Conversation.Ours), 10_000));
        link.StartsAfterMove(1100.ms);
        link.Sends(1100.ms, seq: 10_000, length: 0);
        return link;
    }

    private static Scenario On(string path) => new() { Rate = 20.Mbit, Rtt = 20.ms, Buffer = 128 * 1024, Congestion = "reno", Sack = path != "no sack" };

    private static Faults FaultsOn(string path, Microseconds start)
    {
        Blackout[] blackouts = path switch
        {
            // Segments in the middle of a flight; a retransmission; the tail.
            "sack" => [Between(25_000, 26_000), Between(48_000, 49_000), Between(70_000, 71_000)],
            "reordering" => [Between(25_000, 26_000), Between(70_000, 71_000)],
            _ => [Between(25_000, 25_700), Between(48_000, 49_000)],
        };
        return new Faults { Blackouts = blackouts, Reordering = path == "reordering" ? 0.1 : 0, ReorderDelay = 2.ms };

        Blackout Between(int from, int until) => new(start + from.us, start + until.us);
    }

    private static Costs Transfer(string path, int at, Action<EngineNode, World> happens)
    {
        Costs costs = default;
        Replay.Run(Seed, world =>
        {
            SimulatedFlow flow = world.Pair(On(path));
            (EngineNode a, EngineNode b) = flow;
            flow.LinkOfA.Faults = FaultsOn(path, world.Now);
            a.Writes(Bytes);
            Func<bool> isDone = b.HasRead(Bytes);
            int events = 0;
            while (!isDone() || a.Variants.SndUna != a.Variants.SndMax)
            {
                Assert.True(world.Now < 60.s, $"It does not end: {a}");
                if (events++ == at)
                {
                    happens(a, world);
                }

                world.Step();
            }

            costs = new Costs(events, a.Counters.RetransmissionTimeouts, a.Counters.BytesRetransmitted);
        });
        return costs;
    }

    private readonly record struct Costs(int Events, int Timeouts, long BytesAgain);
}
