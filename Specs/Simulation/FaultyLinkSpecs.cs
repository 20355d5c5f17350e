using TcpActors.Specs.Engine.Tcp;
using TcpActors.Transport.Links;
using Xunit;

namespace TcpActors.Specs.Simulation;

public class FaultyLinkSpecs
{
    private const int Frames = 10_000;

    [Fact]
    public void Loss_is_random_and_counted()
    {
        (List<TestFrame.Arrival> arrivals, FaultCounters befallen) = Run(new Faults { Loss = 0.05 });
        Assert.InRange(befallen.Lost, 430, 570);
        Assert.Equal(Frames - befallen.Lost, arrivals.Count);
    }

    // Elliott's model: the mean loss, and bursts of 1 / ToGood frames on average.
    [Fact]
    public void Bursts_are_as_long_and_as_frequent_as_said()
    {
        Burst burst = new(ToBad: 0.01, ToGood: 0.25);
        (List<TestFrame.Arrival> arrivals, FaultCounters befallen) = Run(new Faults { Burst = burst });
        Assert.InRange(befallen.LostInBursts, 0.8 * burst.MeanLoss * Frames, 1.2 * burst.MeanLoss * Frames);
        int bursts = arrivals.Zip(arrivals.Skip(1)).Count(pair => pair.Second.Number > pair.First.Number + 1);
        Assert.InRange(befallen.LostInBursts / (double)bursts, 3.5, 4.5);
    }

    [Fact]
    public void Reordered_frames_come_later_and_all_the_same()
    {
        (List<TestFrame.Arrival> arrivals, FaultCounters befallen) = Run(new Faults { Reordering = 0.1, ReorderDelay = 5.ms });
        Assert.Equal(Frames, arrivals.Count);
        Assert.InRange(befallen.Reordered, 900, 1100);
        Assert.NotEqual(arrivals.Select(f => f.Number).Order(), arrivals.Select(f => f.Number));
        Assert.Equal(Frames, arrivals.Select(f => f.Number).Distinct().Count());
    }

    [Fact]
    public void Duplicated_frames_come_twice()
    {
        (List<TestFrame.Arrival> arrivals, FaultCounters befallen) = Run(new Faults { Duplication = 0.1 });
        Assert.InRange(befallen.Duplicated, 900, 1100);
        Assert.Equal(Frames + befallen.Duplicated, arrivals.Count);
        Assert.Equal(befallen.Duplicated, arrivals.GroupBy(f => f.Number).Count(g => g.Count() == 2));
    }

    [Fact]
    public void Every_corrupted_frame_can_be_told_unless_it_was_mended()
    {
        (List<TestFrame.Arrival> arrivals, FaultCounters befallen) = Run(new Faults { Corruption = 0.1 });
        Assert.InRange(befallen.Corrupted, 900, 1100);
        Assert.Equal(befallen.Corrupted, arrivals.Count(f => !f.IsWhole));

        (arrivals, befallen) = Run(new Faults { MendedCorruption = 0.1 });
        Assert.InRange(befallen.Mended, 900, 1100);
        int told = arrivals.Count(f => !f.IsWhole);
        Assert.True(told < befallen.Mended / 4, $"{told} of {befallen.Mended} can be told: only an impossible data offset should be.");
    }

    [Fact]
    public void Truncated_frames_are_shorter()
    {
        (List<TestFrame.Arrival> arrivals, FaultCounters befallen) = Run(new Faults { Truncation = 0.1 });
        Assert.InRange(befallen.Truncated, 900, 1100);
        Assert.Equal(befallen.Truncated, arrivals.Count(f => f.Length < TestFrame.Length));
        Assert.True(arrivals.All(f => f.IsWhole == (f.Length == TestFrame.Length)));
    }

    [Fact]
    public void Nothing_passes_in_a_blackout()
    {
        (List<TestFrame.Arrival> arrivals, FaultCounters befallen) = Run(
            new Faults { Blackouts = [new Blackout(1.s + 10.ms, 1.s + 20.ms), new Blackout(1.s + 30.ms, 1.s + 31.ms)] });
        Assert.Equal(1100, befallen.BlackedOut);
        Assert.Equal(Frames - 1100, arrivals.Count);
    }

    [Fact]
    public void Large_frames_vanish_where_only_small_ones_pass()
    {
        Assert.Equal(0, Run(new Faults { Passes = TestFrame.Length - 14 }).Befallen.Swallowed);
        (List<TestFrame.Arrival> arrivals, FaultCounters befallen) = Run(new Faults { Passes = TestFrame.Length - 15 });
        Assert.Equal((Frames, 0), (befallen.Swallowed, arrivals.Count));
    }

    [Fact]
    public void More_of_one_fault_leaves_the_others_where_they_are()
    {
        Faults faults = new() { Loss = 0.01 };
        HashSet<uint> lost = [.. Missing(Run(faults).Arrivals)];
        HashSet<uint> lostAmongOthers = [.. Missing(Run(faults with { Duplication = 0.1, Reordering = 0.1, Corruption = 0.1 }).Arrivals)];
        Assert.Subset(lostAmongOthers, lost);
        Assert.NotEmpty(lost);
    }

    [Fact]
    public void It_decorates_any_link()
    {
        using World world = new(3);
        using InMemoryLinkPair pair = new(new InMemoryLinkOptions { QueueLength = 4096 });
        using FaultyLink link = new(pair.A, world, new Faults { Duplication = 1 });
        TestFrame.Send(link, 1);
        Assert.Equal([1u, 1], TestFrame.Receive(pair.B).Select(f => f.Number));
        link.Faults = new Faults { Loss = 1 };
        TestFrame.Send(link, 2);
        Assert.Empty(TestFrame.Receive(pair.B));
        link.Throws = 1;
        Assert.Throws<InvalidOperationException>(() => TestFrame.Send(link, 3));
    }

    // A frame each 10 µs.
    private static (List<TestFrame.Arrival> Arrivals, FaultCounters Befallen) Run(Faults faults)
    {
        using World world = new(1);
        SimulatedCable cable = new(world, "cable", new CableOptions { Delay = 1.ms });
        FaultyLink link = new(cable.A, world, faults);
        for (uint i = 1; i <= Frames; i++)
        {
            TestFrame.Send(link, i);
            world.RunFor(10.us);
        }

        world.RunFor(1.s);
        return (TestFrame.Receive(cable.B), link.Befallen);
    }

    private static IEnumerable<uint> Missing(List<TestFrame.Arrival> arrivals) =>
        Enumerable.Range(1, Frames).Select(i => (uint)i).Except(arrivals.Where(f => f.IsWhole).Select(f => f.Number));
}
