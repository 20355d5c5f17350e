namespace TcpActors.HostSide.Statistics;

/// <summary>Where a rate is going.</summary>
public enum Trend
{
    Steady = 0,

    /// <summary>More than before: the patent's uptake in rate.</summary>
    Uptake,

    /// <summary>Less than before.</summary>
    SlowDown,
}

/// <summary>Where a rate is going, and by how much.</summary>
/// <param name="Trend">What the ratio says.</param>
/// <param name="Ratio">The mean of some seconds, divided by the mean of some ten seconds: 1 is as before, 2 twice as much; 1 while nothing moves.</param>
public readonly record struct RateTrend(Trend Trend, double Ratio);
