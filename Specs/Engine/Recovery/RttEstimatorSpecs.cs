using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>RFC 6298.</summary>
public class RttEstimatorSpecs
{
    // 2.3: alpha = 1/8 for each round trip, not for each acknowledgement (RFC 7323 4.2), and not nothing where there are thousands.
    [Theory]
    [InlineData(1, 100_000, 160_000)]
    [InlineData(2000, 100_000, 160_000)]
    [InlineData(2000, 160_000, 100_000)]
    [InlineData(2000, 100, 60)]
    [InlineData(1, 100, 60)]
    public void It_follows_the_path_however_many_measurements_a_round_trip_has(int count, int before, int after)
    {
        SegmentVariants v = SegmentVariants.Quiet with { SndMax = new SeqNum(1000) };
        RttEstimator estimator = default;
        estimator.Restart(v.SndMax);
        estimator.Update(ref v, before.us, 200.ms, 1.s);
        Assert.Equal((before.us, (before / 2).us), (v.SmoothedRtt, v.Delta));
        RoundTrip(ref estimator, ref v, count, after.us);
        Assert.InRange(v.SmoothedRtt.Value, Math.Min(before, before + ((after - before) / 8)) - 1, Math.Max(before, before + ((after - before) / 8)) + 1);
        for (int round = 0; round < 60; round++)
        {
            RoundTrip(ref estimator, ref v, count, after.us);
        }

        Assert.InRange(v.SmoothedRtt.Value, after * 0.98, after * 1.02);
        Assert.InRange(v.Delta.Value, 0, (after / 20) + 4);
    }

    // 2.3: beta = 1/4, of the mean of what a round trip's measurements differ by.
    [Fact]
    public void Every_measurement_of_a_round_trip_counts_for_RTTVAR()
    {
        SegmentVariants v = SegmentVariants.Quiet with { SmoothedRtt = 100.ms, Delta = 10.ms, SndMax = new SeqNum(1000) };
        RttEstimator estimator = default;
        estimator.Restart(v.SndMax);
        estimator.Update(ref v, 70.ms, 200.ms, 1.s);
        estimator.Update(ref v, 120.ms, 200.ms, 1.s);
        Assert.Equal((100.ms, 10.ms), (v.SmoothedRtt, v.Delta));
        v.SndUna = v.SndMax;
        estimator.Update(ref v, 110.ms, 200.ms, 1.s);
        Assert.Equal((100.ms, 12_500.us), (v.SmoothedRtt, v.Delta));
    }

    // What is not a whole microsecond must not hold the estimate where it is.
    [Fact]
    public void It_reaches_a_round_trip_that_differs_by_a_microsecond()
    {
        SegmentVariants v = SegmentVariants.Quiet;
        RttEstimator estimator = default;
        estimator.Restart(v.SndMax);
        estimator.Update(ref v, 50.us, 200.ms, 1.s);
        for (int round = 0; round < 100; round++)
        {
            RoundTrip(ref estimator, ref v, 10, 49.us);
        }

        Assert.Equal(49.us, v.SmoothedRtt);
    }

    [Fact]
    public void A_path_of_50_microseconds_measures_50_with_timestamps_of_a_millisecond()
    {
        using Conversation link = new(SackPath.Connection with { TimestampsEnabled = true });
        Microseconds at = 1.s;
        for (int i = 1; i <= 100; i++)
        {
            at += 777.us;
            link.Writes(at, 1000);
            link.Receives(at + 50.us, link.Ack(i * 1000, tsVal: (uint)i, tsEcr: (uint)(at.Value / 1000)));
        }

        Assert.Equal((50.us, 50.us), (link.V.SmoothedRtt, link.V.MinRtt));
        Assert.Equal(200.ms + 50.us, link.V.Rto);
    }

    // 3, Karn's algorithm
    [Fact]
    public void What_was_sent_more_than_once_measures_nothing_without_timestamps()
    {
        using Conversation link = SackPath.Link(sack: false);
        link.Writes(1.s, 1000);
        link.GoTo(1310.ms);
        Assert.Equal(1, link.Engine.Counters.RetransmissionTimeouts);
        link.Receives(1320.ms, link.Ack(1000));
        Assert.Equal(100.ms, link.V.SmoothedRtt);

        // 5.5: and the back-off stays until something is measured.
        Assert.Equal(1, link.V.RtoBackoff);
        link.Writes(2.s, 1000);
        link.Receives(2100.ms, link.Ack(2000));
        Assert.Equal(0, link.V.RtoBackoff);
    }

    // 3: what waited behind the hole was delivered long before.
    [Fact]
    public void What_is_acknowledged_together_with_it_measures_nothing_either()
    {
        using Conversation link = SackPath.Link(sack: false);
        link.Writes(1.s, 3000);
        link.GoTo(1310.ms);
        link.Receives(1400.ms, link.Ack(3000));
        Assert.Equal(100.ms, link.V.SmoothedRtt);
    }

    // RFC 7323 4.1: with timestamps it does.
    [Fact]
    public void With_timestamps_it_measures_by_their_ticks()
    {
        using Conversation link = SackPath.Link(sack: false, timestamps: true);
        link.Writes(1.s, 1000);
        link.GoTo(1310.ms);
        link.Receives(1380.ms, link.Ack(1000, tsVal: 1, tsEcr: 1300));
        Assert.NotEqual(100.ms, link.V.SmoothedRtt);
        Assert.Equal(0, link.V.RtoBackoff);
    }

    // An echo of the tick that it is: less than a tick, which is what is known, if that is less too, or half of one.
    [Theory]
    [InlineData(50, 0, 50)]
    [InlineData(0, 0, 500)]
    [InlineData(100_000, 0, 500)]
    [InlineData(50, 3, 3000)]
    public void Within_a_tick_timestamps_measure_what_is_known_or_half_a_tick(int known, int ticks, int expected)
    {
        TcpOptions options = new() { HasTimestamps = true, TsEcr = 1000 };
        Assert.True(RttEstimator.TryMeasure(options, (uint)(1000 + ticks), 1.ms, known.us, out Microseconds rtt));
        Assert.Equal(expected.us, rtt);
    }

    // RFC 9293 3.4.2: nothing comes back after the MSL, and nothing before it was sent.
    [Theory]
    [InlineData(120_000, true)]
    [InlineData(120_001, false)]
    [InlineData(-1, false)]
    public void What_a_peer_cannot_echo_measures_nothing(int ticks, bool expected)
    {
        TcpOptions options = new() { HasTimestamps = true, TsEcr = 1000 };
        Assert.Equal(expected, RttEstimator.TryMeasure(options, (uint)(1000 + ticks), 1.ms, 50.us, out _));
    }

    // 2.3 in Linux's form
    [Theory]
    [InlineData(100_000, 10_000, 300_000)]
    [InlineData(100_000, 80_000, 420_000)]
    [InlineData(50, 10, 200_050)]
    public void RTO_is_the_round_trip_and_the_least_time_out_or_four_deviations(int rtt, int deviation, int expected)
    {
        SegmentVariants v = SegmentVariants.Quiet with { SmoothedRtt = rtt.us, Delta = deviation.us, SndMax = new SeqNum(1000) };
        RttEstimator estimator = default;
        estimator.Restart(v.SndMax);
        estimator.Update(ref v, rtt.us, 200.ms, 1.s);
        Assert.Equal(expected.us, v.Rto);
    }

    // 2.5: 60 s at least.
    [Fact]
    public void However_often_it_is_doubled_RTO_is_two_minutes_at_most()
    {
        SegmentVariants v = SegmentVariants.Quiet with { Rto = 1.s, RtoBackoff = 6 };
        Assert.Equal(64.s, RttEstimator.CurrentRto(v, Setup.Invariants));
        v.RtoBackoff = byte.MaxValue;
        Assert.Equal(120.s, RttEstimator.CurrentRto(v, Setup.Invariants));
    }

    // RFC 8985 6.2 step 1 wants a window.
    [Fact]
    public void The_shortest_round_trip_is_believed_for_five_minutes()
    {
        SegmentVariants v = SegmentVariants.Quiet;
        RttEstimator estimator = default;
        estimator.Restart(v.SndMax);
        estimator.Update(ref v, 10.ms, 200.ms, 1.s);
        estimator.Update(ref v, 50.ms, 200.ms, 300.s);
        Assert.Equal(10.ms, v.MinRtt);
        estimator.Update(ref v, 50.ms, 200.ms, 302.s);
        Assert.Equal(50.ms, v.MinRtt);
    }

    private static void RoundTrip(ref RttEstimator estimator, ref SegmentVariants v, int count, Microseconds rtt)
    {
        for (int i = 0; i < count; i++)
        {
            v.SndMax += 1000;
            v.SndUna = i == count - 1 ? v.SndMax : v.SndUna;
            estimator.Update(ref v, rtt, 200.ms, 2.s);
        }
    }
}
