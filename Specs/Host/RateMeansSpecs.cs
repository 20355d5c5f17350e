using TcpActors.Engine.State;
using TcpActors.HostSide.Statistics;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>Where a rate is going, second by second.</summary>
public sealed class RateMeansSpecs
{
    private static readonly Microseconds s_second = Microseconds.FromSeconds(1);

    [Fact]
    public void A_rate_that_has_begun_is_an_uptake_until_it_is_nothing_new() =>
        Assert.Equal([Trend.Uptake, Trend.Uptake, Trend.Steady], Trends((1000, 1), (1000, 9), (1000, 10)));

    [Fact]
    public void One_that_doubles_is_an_uptake_and_one_that_halves_a_slow_down() =>
        Assert.Equal([Trend.Steady, Trend.Uptake, Trend.Steady, Trend.SlowDown], Trends((1000, 60), (2000, 3), (2000, 60), (1000, 3)));

    [Fact]
    public void Swings_within_a_tenth_are_none()
    {
        var means = default(RateMeans);
        Run(ref means, 1000, 60);
        for (int i = 0; i < 60; i++)
        {
            Run(ref means, i % 2 == 0 ? 900 : 1100, 1);
            Assert.Equal(Trend.Steady, means.Trend(idle: default).Trend);
        }
    }

    [Fact]
    public void One_that_stops_slows_down_and_is_forgotten_after_a_minute()
    {
        var means = default(RateMeans);
        Run(ref means, 1000, 60);

        Assert.Equal(Trend.SlowDown, means.Trend(idle: s_second).Trend);
        Assert.Equal(Trend.SlowDown, means.Trend(idle: s_second * 60).Trend);
        Assert.Equal(new RateTrend(Trend.Steady, 1), means.Trend(idle: (s_second * 60) + new Microseconds(1)));
        Assert.Equal(new RateTrend(Trend.Steady, 1), default(RateMeans).Trend(idle: default));
    }

    [Fact]
    public void The_ratio_is_of_the_fast_mean_to_the_slow_one()
    {
        var means = default(RateMeans);
        means.Take(1000, s_second);

        // (1 - e^(-1/2)) / (1 - e^(-1/10))
        Assert.Equal(0.393469 / 0.0951626, means.Trend(idle: default).Ratio, 0.001);
    }

    [Fact]
    public void One_long_interval_is_as_many_short_ones()
    {
        var one = default(RateMeans);
        var many = default(RateMeans);
        one.Take(1000, s_second * 4);
        Run(ref many, 1000, 4);

        Assert.Equal(one.Trend(idle: default).Ratio, many.Trend(idle: default).Ratio, 0.0001);
    }

    private static List<Trend> Trends(params (double Rate, int Seconds)[] phases)
    {
        var means = default(RateMeans);
        var trends = new List<Trend>();
        foreach ((double rate, int seconds) in phases)
        {
            Run(ref means, rate, seconds);
            trends.Add(means.Trend(idle: default).Trend);
        }

        return trends;
    }

    private static void Run(ref RateMeans means, double rate, int seconds)
    {
        for (int i = 0; i < seconds; i++)
        {
            means.Take(rate, s_second);
        }
    }
}
