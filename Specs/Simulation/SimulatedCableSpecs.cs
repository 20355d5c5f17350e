using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Simulation;

public class SimulatedCableSpecs
{
    // 1000 bytes at 8 Mbit/s take 1 ms.
    private static readonly CableOptions Slow = new() { Rate = 8.Mbit, Delay = 10.ms, QueueBytes = 3 * TestFrame.Length };

    [Fact]
    public void A_frame_takes_its_time_on_the_wire_and_the_way()
    {
        using World world = new(1);
        SimulatedCable cable = new(world, "cable", Slow);
        TestFrame.Send(cable.A, 1);
        TestFrame.Send(cable.A, 2);
        world.RunFor(11.ms - 1.us);
        Assert.Empty(TestFrame.Receive(cable.B));
        world.RunFor(1.us);
        Assert.Equal([1u], TestFrame.Receive(cable.B).Select(f => f.Number));
        world.RunFor(1.ms);
        Assert.Equal([2u], TestFrame.Receive(cable.B).Select(f => f.Number));
    }

    [Fact]
    public void What_does_not_fit_into_the_queue_is_dropped_at_its_tail()
    {
        using World world = new(1);
        SimulatedCable cable = new(world, "cable", Slow);
        for (uint i = 1; i <= 5; i++)
        {
            TestFrame.Send(cable.A, i);
        }

        Assert.Equal(2, cable.Forward.Dropped);
        Assert.Equal(2, cable.A.Counters.TxDropped);
        world.RunFor(1.ms);
        Assert.Equal(2 * TestFrame.Length, cable.Forward.Backlog);
        TestFrame.Send(cable.A, 6);
        world.RunFor(20.ms);
        Assert.Equal([1u, 2, 3, 6], TestFrame.Receive(cable.B).Select(f => f.Number));
    }

    [Fact]
    public void Cables_can_share_a_bottleneck()
    {
        using World world = new(1);
        Bottleneck shared = new(world, 8.Mbit, 3 * TestFrame.Length);
        SimulatedCable one = new(world, "one", Slow with { Bottleneck = shared });
        SimulatedCable other = new(world, "other", Slow with { Bottleneck = shared, Delay = 1.ms });
        TestFrame.Send(one.A, 1);
        TestFrame.Send(other.A, 2);
        TestFrame.Send(one.A, 3);
        TestFrame.Send(other.A, 4);
        Assert.Equal(1, shared.Dropped);
        world.RunFor(3.ms);
        Assert.Equal([2u], TestFrame.Receive(other.B).Select(f => f.Number));
        world.RunFor(10.ms);
        Assert.Equal([1u, 3], TestFrame.Receive(one.B).Select(f => f.Number));
    }

    // RFC 3168 5: only what says that its ends understand ECN is marked.
    [Fact]
    public void A_filling_queue_marks_who_understands_it()
    {
        using World world = new(1);
        SimulatedCable cable = new(world, "cable", Slow with { QueueBytes = 1 << 20, MarkAbove = 2 * TestFrame.Length });
        for (uint i = 1; i <= 6; i++)
        {
            TestFrame.Send(cable.A, i, tos: (byte)(i % 2 == 0 ? 2 : 0));
        }

        world.RunFor(1.s);
        List<TestFrame.Arrival> arrivals = TestFrame.Receive(cable.B);
        Assert.Equal([0, 2, 0, 3, 0, 3], arrivals.Select(f => (int)f.Ecn));
        Assert.True(arrivals.All(f => f.IsWhole));
    }

    [Fact]
    public void Jitter_keeps_the_order()
    {
        using World world = new(1);
        SimulatedCable cable = new(world, "cable", new CableOptions { Jitter = 5.ms });
        for (uint i = 1; i <= 50; i++)
        {
            TestFrame.Send(cable.A, i);
            world.RunFor(100.us);
        }

        world.RunFor(20.ms);
        Assert.Equal(Enumerable.Range(1, 50).Select(i => (uint)i), TestFrame.Receive(cable.B).Select(f => f.Number));
    }

    [Fact]
    public void A_pulled_cable_loses_what_is_under_way()
    {
        using World world = new(1);
        SimulatedCable cable = new(world, "cable", Slow);
        TestFrame.Send(cable.A, 1);
        cable.HasCarrier = false;
        TestFrame.Send(cable.A, 2);
        Assert.False(cable.B.IsUp);
        cable.HasCarrier = true;
        TestFrame.Send(cable.A, 3);
        world.RunFor(1.s);
        Assert.Equal([3u], TestFrame.Receive(cable.B).Select(f => f.Number));
    }
}
