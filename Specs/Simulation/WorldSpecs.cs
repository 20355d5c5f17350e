using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;
using Xunit.Sdk;

namespace TcpActors.Specs.Simulation;

public class WorldSpecs
{
    [Fact]
    public void Time_goes_from_one_event_to_the_next_in_the_order_in_which_they_were_planned()
    {
        using World world = new(1);
        List<string> seen = [];
        world.After(5.ms, () => seen.Add("c"));
        world.After(1.ms, () => seen.Add("a"));
        world.After(1.ms, () =>
        {
            seen.Add("b");
            world.After(Microseconds.Zero, () => seen.Add("b2"));
        });
        world.Step();
        Assert.Equal(1.s + 1.ms, world.Now);
        Assert.Equal(["a", "b", "b2"], seen);
        world.RunFor(10.ms);
        Assert.Equal(1.s + 11.ms, world.Now);
        Assert.Equal("c", seen[^1]);
    }

    [Fact]
    public void A_world_in_which_nothing_is_due_says_so()
    {
        using World world = new(1);
        Assert.Contains("Nothing is due", Assert.Throws<SimulationException>(world.Step).Message);
    }

    [Fact]
    public void Timers_of_its_time_are_events()
    {
        using World world = new(1);
        List<long> fired = [];
        ITimer once = world.Time.CreateTimer(_ => fired.Add(-1), null, TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        once.Dispose();
        using ITimer timer = world.Time.CreateTimer(
            _ => fired.Add(world.Now.Value), null, TimeSpan.FromMilliseconds(2), TimeSpan.FromMilliseconds(3));
        world.RunFor(10.ms);
        Assert.Equal([1_002_000L, 1_005_000, 1_008_000], fired);
        timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        world.RunFor(10.ms);
        Assert.Equal(3, fired.Count);
    }

    [Fact]
    public void A_failure_names_the_seed_the_place_and_the_command_that_replays_it()
    {
        XunitException failure = Assert.ThrowsAny<XunitException>(() => Replay.Run(0xABC, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(new Scenario());
            a.Writes(100_000);
            world.RunUntil(b.HasRead(100_000), 1.s);
            Assert.Fail("as it must");
        }));
        string command = $"dotnet test Specs -c Release --filter \"FullyQualifiedName={typeof(WorldSpecs).FullName}."
            + $"{nameof(A_failure_names_the_seed_the_place_and_the_command_that_replays_it)}\" -e TCPACTORS_SEED=0x";
        Assert.Contains(command, failure.Message, StringComparison.Ordinal);
        Assert.Matches("^Seed 0x[0-9A-F]+ failed at 1[.][0-9]{6} s [(]step [0-9,]+[)]", failure.Message);
        Assert.Contains("as it must", failure.Message, StringComparison.Ordinal);
        Assert.Contains("cable-a delivers seq", failure.Message, StringComparison.Ordinal);
    }
}
