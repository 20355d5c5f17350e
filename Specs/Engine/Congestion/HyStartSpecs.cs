using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>The numbers are the sections of RFC 9406.</summary>
public class HyStartSpecs
{
    private const int Mss = 1000;

    private readonly Cubic _cubic = new();
    private SegmentVariants _v = SegmentVariants.Quiet;

    public HyStartSpecs()
    {
        _v.CongestionWindow = 10_000;
        _v.SndMax = _v.SndUna + 10_000;
        _v.Congestion.Claim("cubic");
        _cubic.Start(ref _v, Mss);
    }

    // 4.2
    [Fact]
    public void As_long_as_round_trips_stay_the_window_doubles()
    {
        for (int round = 0; round < 5; round++)
        {
            uint before = _v.CongestionWindow;
            Round(rtt: 40_000);
            Assert.Equal(2 * before, _v.CongestionWindow);
        }

        Assert.Equal(uint.MaxValue, _v.SlowStartThreshold);
    }

    // 4.2, 4.3: an eighth of 40 ms
    [Theory]
    [InlineData(40_000, 44_900, false)]
    [InlineData(40_000, 45_000, true)]
    [InlineData(8_000, 11_900, false)] // at least 4 ms
    [InlineData(8_000, 12_000, true)]
    [InlineData(400_000, 415_900, false)] // at most 16 ms
    [InlineData(400_000, 416_000, true)]
    public void A_round_trip_that_grew_by_the_threshold_makes_growth_conservative(int before, int after, bool expected)
    {
        Round(before);
        Round(after);
        Assert.Equal(expected, State.IsConservative);
        uint window = _v.CongestionWindow;
        Round(after);
        Assert.InRange(_v.CongestionWindow, expected ? window * 5 / 4 : 2 * window, expected ? (window * 5 / 4) + 10 : 2 * window);
    }

    // 4.2: CSS_ROUNDS, of which the first was entered in the middle
    [Fact]
    public void After_five_conservative_rounds_slow_start_is_over()
    {
        Round(40_000);
        for (int round = 0; round < 5; round++)
        {
            Assert.Equal(uint.MaxValue, _v.SlowStartThreshold);
            Round(50_000);
        }

        // What was acknowledged since grew it as congestion avoidance does.
        Assert.InRange(_v.SlowStartThreshold, _v.CongestionWindow - Mss, _v.CongestionWindow);
    }

    // 4.2: cssBaselineMinRtt
    [Fact]
    public void A_shorter_round_trip_shows_that_it_was_jitter()
    {
        Round(40_000);
        Round(50_000);
        Assert.True(State.IsConservative);
        Round(44_000);
        Assert.False(State.IsConservative);
        for (int round = 0; round < 6; round++)
        {
            Round(44_000);
        }

        Assert.Equal(uint.MaxValue, _v.SlowStartThreshold);
    }

    // 4.2: N_RTT_SAMPLE, and only a round trip below cssBaselineMinRtt resumes slow start.
    [Theory]
    [InlineData(40_000, 7, true)]
    [InlineData(50_000, 8, true)]
    [InlineData(49_999, 8, false)]
    public void Slow_start_resumes_after_eight_measurements_with_one_below_the_baseline(int rtt, int measurements, bool stays)
    {
        RoundOf(40_000, 8);
        RoundOf(50_000, 8);
        Assert.True(State.IsConservative);
        RoundOf(rtt, measurements);
        Assert.Equal(stays, State.IsConservative);
    }

    // 4.2: CSS_ROUNDS in a row
    [Fact]
    public void Jitter_begins_the_count_of_conservative_rounds_anew()
    {
        RoundOf(40_000, 8);
        for (int round = 0; round < 4; round++)
        {
            RoundOf(50_000, 8);
        }

        RoundOf(49_999, 8);
        Assert.False(State.IsConservative);
        for (int round = 0; round < 5; round++)
        {
            Assert.Equal(uint.MaxValue, _v.SlowStartThreshold);
            RoundOf(60_000, 8);
        }

        Assert.NotEqual(uint.MaxValue, _v.SlowStartThreshold);
    }

    // 4.2: N_RTT_SAMPLE
    [Theory]
    [InlineData(7, false)]
    [InlineData(8, true)]
    public void Fewer_than_eight_measurements_in_a_round_say_nothing(int measurements, bool expected)
    {
        RoundOf(40_000, 8);
        RoundOf(80_000, measurements);
        Assert.Equal(expected, State.IsConservative);
    }

    // 4.3: only the first slow start
    [Fact]
    public void Once_SSTHRESH_is_set_slow_start_is_that_of_Reno()
    {
        _v.SlowStartThreshold = 1_000_000;
        Round(40_000);
        Round(90_000);
        Round(90_000);
        Assert.False(State.IsConservative);
        Assert.Equal(80_000u, _v.CongestionWindow);
    }

    // 4.3: L
    [Theory]
    [InlineData(0, 18_000u)]
    [InlineData(1_000_000, 110_000u)]
    public void One_acknowledgement_counts_for_eight_segments_unless_it_is_paced(long pace, uint expected)
    {
        _v.Rate.PacingRate = pace;
        _cubic.OnAcked(ref _v, Ack(100_000, 40_000));
        Assert.Equal(expected, _v.CongestionWindow);
    }

    [Fact]
    public void A_window_that_is_not_in_use_does_not_grow_and_is_measured_all_the_same()
    {
        Round(40_000);
        uint window = _v.CongestionWindow;
        Round(50_000, isLimited: false);
        Assert.Equal(window, _v.CongestionWindow);
        Assert.True(State.IsConservative);
    }

    private ref HyStart State => ref _v.Congestion.As<CubicState>().HyStart;

    /// <summary>What is in flight is acknowledged, a segment at a time, and each time a window is in flight again.</summary>
    private void Round(int rtt, int measured = int.MaxValue, bool isLimited = true)
    {
        SeqNum end = _v.SndMax;
        for (int i = 0; _v.SndUna < end; i++)
        {
            _v.SndUna += Mss;
            _cubic.OnAcked(ref _v, Ack(Mss, i < measured ? rtt : 0) with { IsWindowLimited = isLimited });
            _v.SndMax = _v.SndUna + (_v.CongestionWindow / Mss * Mss);
        }
    }

    /// <summary>A round of so many acknowledgements, during which as much is sent as was in flight: the last ends it.</summary>
    private void RoundOf(int rtt, int measurements)
    {
        SeqNum end = _v.SndMax;
        _v.SndMax += 10_000;
        for (int i = 1; i < measurements; i++)
        {
            _v.SndUna += 1;
            _cubic.OnAcked(ref _v, Ack(1, rtt));
        }

        _v.SndUna = end;
        _cubic.OnAcked(ref _v, Ack(1, rtt));
    }

    private static AckSample Ack(uint bytes, int rtt) => new()
    {
        Now = Microseconds.FromSeconds(1),
        Mss = Mss,
        Acked = bytes,
        Delivered = bytes,
        Flight = 0,
        IsWindowLimited = true,
        Rtt = rtt == 0 ? Microseconds.Never : new Microseconds(rtt),
    };
}
