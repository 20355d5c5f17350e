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

    // 4.2: N_RTT_SAMPLE
    [Fact]
    public void Fewer_than_eight_measurements_in_a_round_say_nothing()
    {
        Round(40_000);
        Round(80_000, measured: 7);
        Assert.False(State.IsConservative);
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
