using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

public class PacerSpecs
{
    private static readonly Microseconds Now = Microseconds.FromSeconds(10);

    [Fact]
    public void Without_a_rate_everything_may_leave_at_once()
    {
        RateVariants rate = RateVariants.Quiet;
        Pacer.OnSent(ref rate, 1_000_000, Now);
        Assert.True(Pacer.Allows(rate, Now));
        Assert.True(rate.PacedUntil.IsNever);
        Assert.Equal(uint.MaxValue, Pacer.LongestRun(rate, 1448));
    }

    [Theory]
    [InlineData(1_000, 2896u)] // two segments at least
    [InlineData(10_000_000, 10_000u)] // what goes in a millisecond
    [InlineData(10_000_000_000, 65_536u)] // a run of the draft's at most
    public void A_run_is_as_long_as_a_millisecond_of_the_rate(long pace, uint expected)
    {
        RateVariants rate = RateVariants.Quiet;
        rate.PacingRate = pace;
        Assert.Equal(expected, Pacer.LongestRun(rate, 1448));
    }

    [Fact]
    public void What_is_sent_in_time_keeps_the_rate()
    {
        RateVariants rate = RateVariants.Quiet;
        rate.PacingRate = 1_000_000;
        Microseconds now = Now;
        long sent = 0;
        while (now < Now + Microseconds.FromSeconds(1))
        {
            if (Pacer.Allows(rate, now))
            {
                Pacer.OnSent(ref rate, 2896, now);
                sent += 2896;
            }

            // The owners' timers.
            now += new Microseconds(256);
        }

        Assert.InRange(sent, 997_000, 1_006_000);
    }

    [Fact]
    public void A_pause_earns_no_more_than_a_millisecond()
    {
        RateVariants rate = RateVariants.Quiet;
        rate.PacingRate = 10_000_000;
        Pacer.OnSent(ref rate, 10_000, Now);
        Microseconds later = Now + Microseconds.FromSeconds(5);
        int runs = 0;
        while (Pacer.Allows(rate, later))
        {
            Pacer.OnSent(ref rate, 10_000, later);
            runs++;
        }

        Assert.Equal(2, runs);
        Assert.Equal(later + Microseconds.FromMilliseconds(1), rate.PacedUntil);
    }

    // SO_MAX_PACING_RATE
    [Theory]
    [InlineData(0)]
    [InlineData(1_000_000)]
    public void A_window_is_paced_only_by_the_hosts_bound(long limit)
    {
        SegmentVariants v = SegmentVariants.Quiet;
        v.Rate.PacingRate = 1;
        Pacer.SetRate(ref v, new Cubic(), limit);
        Assert.Equal(limit, v.Rate.PacingRate);
    }

    [Fact]
    public void What_is_owed_to_a_bound_ends_with_it()
    {
        SegmentVariants v = SegmentVariants.Quiet;
        Pacer.SetRate(ref v, new Cubic(), limit: 1000);
        Pacer.OnSent(ref v.Rate, 1_000_000, Now);
        Assert.False(Pacer.Allows(v.Rate, Now + Microseconds.FromSeconds(900)));
        Pacer.SetRate(ref v, new Cubic(), limit: 0);
        Assert.True(Pacer.Allows(v.Rate, Now));
    }

    [Fact]
    public void An_algorithm_that_sets_its_own_pace_keeps_it_up_to_the_bound()
    {
        SegmentVariants v = SegmentVariants.Quiet;
        v.Rate.PacingRate = 777;
        Pacer.SetRate(ref v, new Bbr(), limit: 0);
        Assert.Equal(777, v.Rate.PacingRate);
        Pacer.SetRate(ref v, new Bbr(), limit: 500);
        Assert.Equal(500, v.Rate.PacingRate);
    }
}
