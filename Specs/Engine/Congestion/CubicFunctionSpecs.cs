using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

public class CubicFunctionSpecs
{
    [Fact]
    public void The_cube_root_is_the_largest_integer_whose_cube_is_not_above()
    {
        foreach (ulong root in (ulong[])[0, 1, 2, 3, 1000, 1_290_994, 4_194_303, (1UL << 42) - 1])
        {
            UInt128 cube = (UInt128)root * root * root;
            Assert.Equal(root, CubicFunction.CubeRoot(cube));
            Assert.Equal(root, CubicFunction.CubeRoot(cube + 1 - (root == 0 ? 1u : 0u)));
            if (root > 0)
            {
                Assert.Equal(root - 1, CubicFunction.CubeRoot(cube - 1));
            }
        }
    }

    // RFC 9438 4.2, figure 2
    [Theory]
    [InlineData(1448, 0u)]
    [InlineData(1448, 1448u)]
    [InlineData(1448, 434_400u)]
    [InlineData(48, 1u << 30)]
    [InlineData(9000, 30_000_000u)]
    public void K_is_that_of_double_precision(int mss, uint below)
    {
        double expected = Math.Cbrt(below / (double)mss / 0.4) * 1_000_000;
        Assert.InRange(CubicFunction.K(below, mss).Value, expected - 1.01, expected + 0.01);
    }

    // RFC 9438 4.2, figure 1
    [Fact]
    public void The_curve_is_that_of_double_precision()
    {
        foreach (int mss in (int[])[536, 1448, 8948])
        {
            uint plateau = 700 * (uint)mss;
            for (long t = -20_000_000; t < 60_000_000; t += 777_777)
            {
                double expected = Math.Max(0, plateau + (mss * 0.4 * Math.Pow(t / 1_000_000.0, 3)));
                Assert.Equal(expected, CubicFunction.Window(new Microseconds(t), plateau, mss), expected * 1e-9);
            }
        }
    }

    [Fact]
    public void A_round_trip_of_fifty_microseconds_moves_it()
    {
        double now = CubicFunction.Window(Microseconds.FromSeconds(1), 1_000_000, 1448);
        double next = CubicFunction.Window(Microseconds.FromSeconds(1) + new Microseconds(50), 1_000_000, 1448);
        Assert.Equal(1.2 * 50e-6 * 1448, next - now, 1e-4);
    }

    [Fact]
    public void No_time_is_too_long()
    {
        Assert.Equal(0, CubicFunction.Window(new Microseconds(long.MinValue / 2), 1_000_000, 9000));
        Assert.InRange(CubicFunction.Window(new Microseconds(long.MaxValue / 2), 1_000_000, 9000), 1u << 30, 1e13);
    }
}
