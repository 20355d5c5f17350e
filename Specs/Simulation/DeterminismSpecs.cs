using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Simulation;

public class DeterminismSpecs
{
    private static readonly Faults Everything = new()
    {
        Loss = 0.01,
        Burst = new Burst(0.002, 0.3),
        Reordering = 0.01,
        Duplication = 0.01,
        Corruption = 0.01,
        Truncation = 0.005,
        Blackouts = [new Blackout(2.s, 2.s + 100.ms)],
    };

    [Theory]
    [InlineData("")]
    [InlineData("rate=1000000000 rtt=1000 offloads=yes loss=0.01")]
    [InlineData("rtt=100000 buffer=16777216 jitter=500 back.loss=0.2")]
    [InlineData("sack=no timestamps=no nagle=yes loss=0.02 back.duplication=0.1")]
    public void The_same_seed_gives_the_same_run_to_the_bit(string scenario)
    {
        string first = Replay.HashOf(7, world => Transfer(world, ScenarioText.Parse(scenario)));
        string again = Replay.HashOf(7, world => Transfer(world, ScenarioText.Parse(scenario)));
        string other = Replay.HashOf(8, world => Transfer(world, ScenarioText.Parse(scenario)));
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
    }

    [Fact]
    public void So_do_moves_crashes_and_every_fault_at_once()
    {
        static void Run(World world)
        {
            Scenario scenario = new() { Faults = Everything, FaultsBack = Everything with { Blackouts = [] } };
            (EngineNode a, EngineNode b) = world.Pair(scenario);
            Dice dice = world.Dice.Fork("moves");
            a.Writes(1.MiB);
            b.Application.Behaviour = Behaviour.Chatty with { Bytes = 20_000 };
            for (int i = 1; i <= 20; i++)
            {
                EngineNode node = i % 2 == 0 ? a : b;
                Microseconds ahead = Microseconds.FromMilliseconds(dice.Between(0, 1000));
                world.At(
                    world.Now + Microseconds.FromMilliseconds(50 * i),
                    i % 3 == 0 ? node.Crash : () => node.Move(pause: 200.us, clockAhead: ahead));
            }

            world.RunUntil(() => b.Application.Read == 1.MiB && a.Application.Read == 20_000, 600.s);
            Assert.Equal(14, a.Moves + b.Moves);
        }

        Assert.Equal(Replay.HashOf(11, Run), Replay.HashOf(11, Run));
    }

    [Fact]
    public void A_scenario_reads_back_as_it_was_written()
    {
        Faults back = new() { Loss = 1.0 / 3 };
        Scenario scenario = new() { Rtt = 1.ms, Congestion = "reno", Offloads = true, Faults = Everything, FaultsBack = back };
        string text = scenario.ToString();
        Assert.Equal(text, ScenarioText.Parse(text).ToString());
        Assert.Equal("", new Scenario().ToString());
        Assert.Equal("rtt=1000 loss=0.01", new Scenario { Rtt = 1.ms, Faults = new Faults { Loss = 0.01 } }.ToString());
        Assert.Throws<FormatException>(() => ScenarioText.Parse("los=0.1"));
    }

    private static void Transfer(World world, Scenario scenario)
    {
        (EngineNode a, EngineNode b) = world.Pair(scenario);
        a.Writes(512.KiB);
        world.RunUntil(b.HasRead(512.KiB), 300.s);
    }
}
