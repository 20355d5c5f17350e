using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;

namespace TcpActors.Specs.Simulation.Goodput;

/// <summary>
/// Bulk transfers that share one bottleneck of 100 Mbit/s and 20 ms with a queue of one bandwidth-delay product, and how evenly. Each
/// begins at a moment of its own within the first second, and frames jitter by up to a millisecond: flows in lock-step with a drop-tail
/// queue shut each other out, which says nothing about the algorithm (Floyd and Jacobson: On Traffic Phase Effects, 1991).
/// </summary>
internal static class Fairness
{
    private static readonly Microseconds LeftOut = 5.s;
    private static readonly Microseconds Measured = 30.s;

    /// <summary>
    /// Jain's index: (sum x)^2 / (n sum x^2); 1 when all have the same, 1/n when one has everything (Jain, Chiu, Hawe, 1984).
    /// </summary>
    /// <exception cref="ArgumentException">When nobody has anything.</exception>
    public static double Index(IReadOnlyList<double> shares)
    {
        double sum = shares.Sum();
        return sum > 0
            ? sum * sum / (shares.Count * shares.Sum(static x => x * x))
            : throw new ArgumentException("Nobody has a share.", nameof(shares));
    }

    /// <summary>What Jain's index must be at least.</summary>
    public static double Floor(int flows) => flows <= 2 ? 0.9 : flows <= 8 ? 0.85 : 0.8;

    /// <summary>What part of its fair share neither of two algorithms may fall below: competing is not starving.</summary>
    public const double FloorAgainst = 0.25;

    /// <summary>Mbit/s that the flows must have together: it is no use to be fair and slow.</summary>
    public static double FloorTogether => new Cell(GoodputTable.Congestion, Loss: 0, 20.ms, 1.MiB).Floor;

    /// <summary>The flows' goodputs in Mbit/s.</summary>
    /// <param name="seed">Of the run.</param>
    /// <param name="congestion">Each flow's algorithm.</param>
    public static IReadOnlyList<double> Measure(ulong seed, IReadOnlyList<string> congestion)
    {
        double[] shares = [];
        Replay.Run(seed, world =>
        {
            IReadOnlyList<SimulatedFlow> flows = world.Share(
                [.. congestion.Select(name => new Scenario { Congestion = name, Jitter = 1.ms })]);
            Dice dice = world.Dice.Fork("beginnings");
            foreach (SimulatedFlow flow in flows)
            {
                world.After(new Microseconds(dice.Below(1_000_000)), () => flow.A.Writes(long.MaxValue / 2));
            }

            world.RunFor(LeftOut);
            long[] before = [.. flows.Select(static flow => flow.B.Application.Read)];
            world.RunFor(Measured);
            shares = [.. flows.Select((flow, i) => (flow.B.Application.Read - before[i]) * 8 / (double)Measured.Value)];
        });
        return shares;
    }

    /// <summary>What part of its fair share each of two algorithms gets, with as many flows of either.</summary>
    public static (double One, double Other) Against(ulong seed, string one, string other, int each)
    {
        IReadOnlyList<double> shares = Measure(seed, [.. Enumerable.Repeat(one, each), .. Enumerable.Repeat(other, each)]);
        double fair = shares.Sum() / 2;
        return (shares.Take(each).Sum() / fair, shares.Skip(each).Sum() / fair);
    }
}
