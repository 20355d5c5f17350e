using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Specs.Simulation;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>BBR on a path of 12.5 MB/s and 20 ms that loses one segment of two hundred, and moves.</summary>
public class BbrMoveSpecs
{
    private const uint LinkRate = 12_500_000;

    [Fact]
    public void It_believes_no_more_than_the_path_can_do_and_goes_on_as_fast() =>
        Replay.Run(0x5EED_4007, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(
                new Scenario { Rtt = 20.ms, Buffer = 4.MiB, Faults = new Faults { Loss = 0.005 }, Congestion = "bbr" });
            a.Writes(32.MiB);
            uint most = 0;
            void Moves()
            {
                SegmentVariants v = a.Variants;
                most = Math.Max(most, v.Congestion.As<BbrState>().MaxBandwidth);
                a.Move(pause: 200.us);
                world.After(50.ms, Moves);
            }

            world.After(50.ms, Moves);

            // Two thirds of what the path could do.
            world.RunUntil(b.HasRead(32.MiB), limit: 4.s);
            Assert.InRange(most * (long)BbrFlow.Unit, LinkRate * 9L / 10, LinkRate * 21L / 20);
        });
}
