using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Simulation;

public class EngineNodeSpecs
{
    private static readonly Faults Lossy = new() { Loss = 0.01 };

    [Fact]
    public void Both_streams_arrive_whatever_the_network_does() =>
        Replay.RunMany(100, 5, world =>
        {
            Faults faults = new()
            {
                Loss = 0.01,
                Burst = new Burst(0.002, 0.3),
                Reordering = 0.02,
                Duplication = 0.01,
                Corruption = 0.01,
                Truncation = 0.01,
            };
            SimulatedFlow flow = world.Pair(new Scenario { Faults = faults, FaultsBack = faults });
            flow.A.Writes(1.MiB);
            flow.B.Writes(1.MiB);
            world.RunUntil(() => flow.A.Application.Read == 1.MiB && flow.B.Application.Read == 1.MiB, 600.s);
            ref readonly FaultCounters befallen = ref flow.LinkOfA.Befallen;
            Assert.True(befallen is { Lost: > 0, Reordered: > 0, Duplicated: > 0, Corrupted: > 0, Truncated: > 0 });
            Assert.True(flow.B.BadChecksum > 0 && flow.B.Malformed > 0);
        });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_connection_that_moves_between_clocks_keeps_its_stream(bool throughTheKernel) =>
        Replay.RunMany(200, 5, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(new Scenario { Faults = Lossy, FaultsBack = Lossy });
            Dice dice = world.Dice.Fork("clocks");
            Func<SegmentVariants, NodeSetup, SegmentVariants>? change = throughTheKernel ? KernelStay.Forget : null;
            a.Writes(2.MiB);
            b.Writes(2.MiB);
            for (int i = 1; i <= 40; i++)
            {
                EngineNode node = i % 2 == 0 ? a : b;
                Microseconds ahead = new(dice.Below(3_000_000_000));
                world.After(Microseconds.FromMilliseconds(20 * i), () => node.Move(500.us, ahead, change));
            }

            world.RunUntil(() => a.Application.Read == 2.MiB && b.Application.Read == 2.MiB && a.Moves + b.Moves == 40, 600.s);
        });

    [Fact]
    public void A_crash_is_a_lost_packet() =>
        Replay.RunMany(300, 5, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(new Scenario());
            a.Writes(1.MiB);
            b.Writes(1.MiB);
            for (int i = 1; i <= 20; i++)
            {
                world.After(Microseconds.FromMilliseconds(7 * i), i % 2 == 0 ? a.Crash : b.Crash);
            }

            world.RunUntil(() => a.Application.Read == 1.MiB && b.Application.Read == 1.MiB, 600.s);
            Assert.True(a.Crashes > 5 && b.Crashes > 5);
        });

    [Fact]
    public void An_owner_of_an_older_epoch_publishes_nothing() =>
        Replay.Run(400, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(new Scenario());
            a.Writes(100_000);
            EngineOwner stale = a.Move();
            long sent = world.Trace.Count;

            // It has something to say: an acknowledgement at least.
            stale.Engine.StartAfterMove(stale.Now);
            Assert.False(stale.Finish(crashes: false, _ => Assert.Fail("it has sent something")));
            Assert.True(stale.IsStale);
            Assert.Equal(sent, world.Trace.Count);
            world.RunUntil(b.HasRead(100_000), 10.s);
        });

    [Fact]
    public void Two_owners_are_seen() =>
        Replay.Run(450, world =>
        {
            EngineNode a = world.Pair(new Scenario()).A;
            a.Memory.Slot.Open(new Epoch(9), a.Variants);
            Assert.Contains("stale", Assert.Throws<SimulationException>(() => a.Writes(1)).Message, StringComparison.Ordinal);
        });

    [Theory]
    [InlineData("slow reader")]
    [InlineData("stop and go")]
    [InlineData("chatty")]
    public void Applications_differ(string kind) =>
        Replay.Run(500, world =>
        {
            Behaviour behaviour = kind switch
            {
                "slow reader" => Behaviour.SlowReader,
                "stop and go" => Behaviour.StopAndGo,
                _ => Behaviour.Chatty,
            };
            (EngineNode a, EngineNode b) = world.Pair(new Scenario { Buffer = 64.KiB, Faults = Lossy });
            a.Application.Behaviour = b.Application.Behaviour = behaviour;
            a.Writes(500_000);
            world.RunUntil(b.HasRead(500_000), 600.s);
            Assert.Equal(0, a.Application.Read);
        });

    // 64 KiB at a time: with one acknowledgement for each, and one loss for each.
    [Fact]
    public void Super_segments_travel_whole() =>
        Replay.Run(600, world =>
        {
            Scenario scenario = new() { Offloads = true, Rate = 10_000.Mbit, Rtt = 1.ms, Buffer = 4.MiB, Faults = Lossy };
            SimulatedFlow flow = world.Pair(scenario);
            flow.A.Writes(20.MiB);
            world.RunUntil(flow.B.HasRead(20.MiB), 60.s);
            Assert.True(flow.Cable.Forward.PassedBytes / flow.Cable.Forward.Passed > 10_000);
        });

    [Fact]
    public void An_algorithm_that_nobody_knows_is_refused()
    {
        using World world = new(1);
        Assert.Throws<ArgumentException>(() => world.Pair(new Scenario { Congestion = "nobody" }));
    }

    [Fact]
    public void A_byte_out_of_place_is_seen() =>
        Replay.Run(700, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(new Scenario());
            a.Writes(1000);
            Assert.Equal(1, a.Memory.Send.Write(new byte[1]));
            a.Writes(1000);
            SimulationException failure = Assert.Throws<SimulationException>(() => world.RunUntil(b.HasRead(2000), 1.s));
            Assert.Contains("B: byte 100", failure.Message, StringComparison.Ordinal);
        });
}
