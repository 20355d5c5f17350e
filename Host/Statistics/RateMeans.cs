using TcpActors.Engine.State;

namespace TcpActors.HostSide.Statistics;

/// <summary>Two means of a rate that forget at different speeds: their ratio says where it is going.</summary>
internal struct RateMeans
{
    // They forget by e within these times.
    private const double FastSeconds = 2;
    private const double SlowSeconds = 10;

    // Within a quarter of each other the means say nothing: rates swing by that much on a busy path.
    private const double Uptake = 1.25;
    private const double SlowDown = 1 / Uptake;

    // In a minute the slow one has forgotten all but 1/400: then there is nothing to compare with, and a slow-down has ended.
    private static readonly Microseconds s_forgotten = Microseconds.FromSeconds(60);

    // Single precision: there are two for each connection.
    private float _fast;
    private float _slow;

    /// <summary>The rate was <paramref name="rate"/> for so long.</summary>
    public void Take(double rate, Microseconds lasted)
    {
        _fast += (float)((rate - _fast) * Share(lasted, FastSeconds));
        _slow += (float)((rate - _slow) * Share(lasted, SlowSeconds));
    }

    /// <param name="idle">For how long the rate has been zero since the last <see cref="Take"/>.</param>
    public readonly RateTrend Trend(Microseconds idle)
    {
        RateMeans now = this;
        now.Take(0, idle);
        double ratio = idle > s_forgotten || now._slow <= 0 ? 1 : (double)now._fast / now._slow;
        return new RateTrend(
            ratio > Uptake ? Statistics.Trend.Uptake : ratio < SlowDown ? Statistics.Trend.SlowDown : Statistics.Trend.Steady, ratio);
    }

    /// <summary>How much a mean takes from what lasted so long: the same for one long interval as for many short ones.</summary>
    private static double Share(Microseconds lasted, double constant) => 1 - Math.Exp(-lasted.Value / (constant * 1_000_000));
}
