using TcpActors.Engine.State;
using TcpActors.HostSide.Statistics;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Simulation;

/// <summary>What a connection's owners have counted in all, over losses, moves and crashes.</summary>
public sealed class CountedSpecs
{
    [Fact]
    public void Each_byte_counts_once_and_each_segment_that_left() =>
        Replay.RunMany(0xC0, 5, world =>
        {
            Faults lossy = new() { Loss = 0.01 };
            SimulatedFlow flow = world.Pair(new Scenario { Faults = lossy, FaultsBack = lossy });
            (EngineNode a, EngineNode b) = flow;
            a.Writes(1.MiB);
            b.Writes(2.MiB);
            for (int i = 1; i <= 40; i++)
            {
                EngineNode node = i % 2 == 0 ? a : b;
                world.After(Microseconds.FromMilliseconds(20 * i), node.Crash);
                world.After(Microseconds.FromMilliseconds((20 * i) + 7), () => node.Move(500.us));
            }

            world.RunUntil(() => a.Application.Read == 2.MiB && b.Application.Read == 1.MiB && a.Moves + b.Moves == 40, 600.s);
            world.RunFor(10.s);

            Assert.True(a.Crashes > 5 && b.Crashes > 5);
            Tally ofA = Tally.Of(a.Memory.Counters);
            Tally ofB = Tally.Of(b.Memory.Counters);
            Assert.Equal((1.MiB, 2.MiB), (ofA.BytesSent, ofA.BytesReceived));
            Assert.Equal((2.MiB, 1.MiB), (ofB.BytesSent, ofB.BytesReceived));
            Assert.Equal(flow.LinkOfA.Counters.TxFrames + flow.LinkOfA.Befallen.Lost, ofA.SegmentsSent);
            Assert.Equal(flow.LinkOfB.Counters.TxFrames + flow.LinkOfB.Befallen.Lost, ofB.SegmentsSent);
            Assert.Equal(flow.LinkOfB.Counters.TxFrames, ofA.SegmentsReceived);
            Assert.True(ofA.Retransmitted > 0 && ofA.OutOfOrder > 0);
        });

    [Fact]
    public void What_is_lost_on_the_way_is_sent_again_and_comes_out_of_order() =>
        Replay.RunMany(0xC1, 5, world =>
        {
            SimulatedFlow flow = world.Pair(new Scenario { Faults = new() { Loss = 0.01 } });
            flow.A.Writes(4.MiB);
            world.RunUntil(flow.B.HasRead(4.MiB), 600.s);

            Tally sender = Tally.Of(flow.A.Memory.Counters);
            Tally receiver = Tally.Of(flow.B.Memory.Counters);
            Assert.InRange(sender.Retransmitted, flow.LinkOfA.Befallen.Lost / 2, flow.LinkOfA.Befallen.Lost * 2);
            Assert.True(receiver.OutOfOrder >= flow.LinkOfA.Befallen.Lost / 2);
            Assert.Equal((0, 0), (receiver.Retransmitted, sender.OutOfOrder));
        });
}
