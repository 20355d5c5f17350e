using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Specs.Simulation;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>How long repairs may take; measured in round trips with what waits in queues included, over many places in the sequence space.</summary>
public class RecoveryTimeSpecs
{
    private const int Mss = 1448;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(25)]
    public void Losses_in_one_window_are_repaired_within_two_round_trips_without_a_time_out(int losses) =>
        Replay.RunMany(0x5EED_4100, 25, world =>
        {
            SimulatedFlow flow = world.Pair(new Scenario { Rate = 1000.Mbit, Rtt = 20.ms, Buffer = 1.MiB, Congestion = "reno" });
            (EngineNode a, EngineNode b) = flow;
            a.Writes(4.MiB);
            world.RunUntil(() => a.Variants.Flight >= (150 + world.Dice.Fork("place").Below(300)) * Mss, limit: 5.s);
            long lost = LosesFrames(world, flow, losses);
            world.RunUntil(() => a.Variants.Recovery != RecoveryPhase.Open, limit: 5.s);
            Microseconds from = world.Now;
            Microseconds roundTrip = a.Variants.SmoothedRtt;
            world.RunUntil(() => a.Variants.Recovery == RecoveryPhase.Open, limit: 5.s);
            Assert.InRange((world.Now - from).Value, 0, (2 * roundTrip.Value) + 5000);
            world.RunUntil(b.HasRead(4.MiB), limit: 30.s);
            Assert.Equal((0, 1), (a.Counters.RetransmissionTimeouts, a.Counters.FastRetransmits));
            Assert.InRange(a.Counters.SegmentsRetransmitted, lost, lost + 1);
        });

    // RFC 6675 6: the timer runs from when the first segment was sent again. Where a round trip is longer than the least RTO, 117 time-outs were for nothing here,
    // and a fifth of what was sent again.
    [Fact]
    public void On_a_long_path_the_time_out_does_not_overtake_a_repair_that_is_under_way() =>
        Replay.RunMany(0x5EED_4300, 5, world =>
        {
            SimulatedFlow flow = world.Pair(new Scenario { Rtt = 300.ms, Buffer = 16.MiB, Faults = new Faults { Loss = 0.05 }, Congestion = "cubic" });
            flow.A.Writes(64.MiB);
            world.RunFor(60.s);
            Assert.InRange(flow.A.Counters.RetransmissionTimeouts, 0, 6);
            Assert.InRange(flow.A.Counters.DuplicatesReported, 0, 2);
            Assert.True(flow.A.Counters.SegmentsRetransmitted > 20, "Much is lost.");
        });

    // RFC 8985 7 and 9.3: the probe, its answer, and as many round trips as slow start takes for the rest.
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    [InlineData(4, 3)]
    [InlineData(8, 4)]
    public void A_lost_tail_is_repaired_by_the_probe_and_not_by_the_time_out(int lost, int roundTrips) =>
        Replay.RunMany(0x5EED_4200, 10, world =>
        {
            SimulatedFlow flow = world.Pair(new Scenario { Rate = 1000.Mbit, Rtt = 50.ms, Buffer = 1.MiB, Congestion = "reno" });
            (EngineNode a, EngineNode b) = flow;
            a.Writes(60 * Mss);
            world.RunUntil(() => b.Application.Read >= 60 * Mss && a.Variants.Flight == 0, limit: 5.s);
            int before = a.Counters.TailProbesSent;
            a.Writes(8 * Mss);
            flow.LinkOfA.Faults = new Faults { Loss = 1 };
            a.Writes(lost * Mss);
            flow.LinkOfA.Faults = Faults.None;
            Microseconds from = world.Now;
            Microseconds roundTrip = a.Variants.SmoothedRtt;
            world.RunUntil(b.HasRead((68 + lost) * Mss), limit: 5.s);

            // The acknowledgement of the first eight restarts the timer: a round trip and PTO, which is two; of a single segment 200 ms more.
            Microseconds limit = (roundTrip * (3 + roundTrips)) + (lost == 1 ? 203.ms : 3.ms);
            Assert.InRange((world.Now - from).Value, 0, limit.Value);
            Assert.Equal((0, before + 1), (a.Counters.RetransmissionTimeouts, a.Counters.TailProbesSent));
        });

    // Each by itself, at random: recovery after recovery, and retransmissions that are lost too.
    [Fact]
    public void At_two_percent_of_loss_there_is_hardly_a_time_out()
    {
        int timeouts = 0;
        Replay.RunMany(0x5EED_4300, 20, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(new Scenario { Rate = 100.Mbit, Rtt = 20.ms, Buffer = 1.MiB, Faults = new Faults { Loss = 0.02 } });
            a.Writes(1.MiB);
            world.RunUntil(b.HasRead(1.MiB), limit: 60.s);
            timeouts += a.Counters.RetransmissionTimeouts;
            Assert.Equal(0, a.Counters.RenegingSeen);
        });
        Assert.InRange(timeouts, 0, 10);
    }

    /// <summary>Loses frames here and there, at least so many; where several leave at once all of them.</summary>
    /// <returns>How many.</returns>
    private static long LosesFrames(World world, SimulatedFlow flow, int atLeast)
    {
        FaultyLink link = flow.LinkOfA;
        while (link.Befallen.Lost < atLeast)
        {
            long before = link.Befallen.Lost;
            link.Faults = new Faults { Loss = 1 };
            world.RunUntil(() => link.Befallen.Lost > before, limit: 1.s);
            link.Faults = Faults.None;
            SeqNum max = flow.A.Variants.SndMax;
            world.RunUntil(() => flow.A.Variants.SndMax >= max + (3 * Mss), limit: 1.s);
        }

        return link.Befallen.Lost;
    }
}
