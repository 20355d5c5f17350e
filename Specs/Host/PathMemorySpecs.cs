using System.Net;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.Specs.Simulation;
using TcpActors.Transport;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>RFC 9040 6: what a connection has found out about its path serves those that come later.</summary>
public sealed class PathMemorySpecs : IDisposable
{
    private static readonly FlowKey s_flow = Flow(40000);
    private static readonly Microseconds s_minRto = Microseconds.FromMilliseconds(200);
    private readonly World _world = new(1, start: Microseconds.FromSeconds(10_000));
    private readonly PathMemory _memory;

    public PathMemorySpecs() => _memory = new PathMemory(new MonotonicClock(_world.Time));

    [Fact]
    public void A_later_connection_to_the_same_peer_starts_from_the_round_trip_and_threshold_of_an_earlier_one()
    {
        _memory.Learn(s_flow, Found(rtt: 80, delta: 10, threshold: 50_000, window: 40_000));

        SegmentVariants fresh = Start(Flow(40001), SegmentVariants.Quiet with { CongestionWindow = 14_600 });

        Assert.Equal((80_000, 10_000), (fresh.SmoothedRtt.Value, fresh.Delta.Value));
        Assert.Equal(280_000, fresh.Rto.Value);
        Assert.Equal(50_000u, fresh.SlowStartThreshold);
        Assert.Equal(14_600u, fresh.CongestionWindow);
    }

    [Fact]
    public void What_a_connection_has_found_out_itself_stays()
    {
        _memory.Learn(s_flow, Found(rtt: 80, delta: 10, threshold: 50_000, window: 40_000));

        SegmentVariants measured = Start(s_flow, SegmentVariants.Quiet with { SmoothedRtt = new Microseconds(7), SlowStartThreshold = 9000, CongestionWindow = 1 });
        SegmentVariants grown = Start(s_flow, SegmentVariants.Quiet with { CongestionWindow = 60_000 });

        Assert.Equal((7, 9000u), (measured.SmoothedRtt.Value, measured.SlowStartThreshold));
        Assert.Equal(uint.MaxValue, grown.SlowStartThreshold);
    }

    [Fact]
    public void Another_peer_and_one_that_has_measured_nothing_are_none_of_its_business()
    {
        _memory.Learn(s_flow, SegmentVariants.Quiet with { SlowStartThreshold = 5000 });
        Assert.Equal(uint.MaxValue, Start(s_flow, SegmentVariants.Quiet).SlowStartThreshold);

        _memory.Learn(s_flow, Found(rtt: 80, delta: 10, threshold: 50_000, window: 40_000));
        FlowKey other = FlowKey.From(IPEndPoint.Parse("10.0.0.1:80"), IPEndPoint.Parse("10.0.0.3:40000"));
        Assert.Equal(uint.MaxValue, Start(other, SegmentVariants.Quiet).SlowStartThreshold);
    }

    /// <summary>Too short an RTO costs more than one too long, so a larger round trip counts at once and a smaller one by and by.</summary>
    [Fact]
    public void Several_are_merged()
    {
        _memory.Learn(s_flow, Found(rtt: 80, delta: 10, threshold: 40_000, window: 40_000));
        _memory.Learn(s_flow, Found(rtt: 40, delta: 2, threshold: 20_000, window: 20_000));
        SegmentVariants fresh = Start(s_flow, SegmentVariants.Quiet);
        Assert.Equal((75_000, 9_000, 30_000u), (fresh.SmoothedRtt.Value, fresh.Delta.Value, fresh.SlowStartThreshold));

        _memory.Learn(s_flow, Found(rtt: 200, delta: 50, threshold: uint.MaxValue, window: 20_000));
        fresh = Start(s_flow, SegmentVariants.Quiet);
        Assert.Equal((200_000, 50_000, 30_000u), (fresh.SmoothedRtt.Value, fresh.Delta.Value, fresh.SlowStartThreshold));
    }

    [Fact]
    public void A_window_that_has_grown_beyond_the_threshold_without_a_loss_says_more()
    {
        _memory.Learn(s_flow, Found(rtt: 80, delta: 10, threshold: 10_000, window: 90_000));
        Assert.Equal(45_000u, Start(s_flow, SegmentVariants.Quiet).SlowStartThreshold);
    }

    [Fact]
    public void It_is_forgotten_after_an_hour()
    {
        _memory.Learn(s_flow, Found(rtt: 80, delta: 10, threshold: 50_000, window: 40_000));
        _world.RunFor(Microseconds.FromSeconds(3599));
        Assert.Equal(50_000u, Start(s_flow, SegmentVariants.Quiet).SlowStartThreshold);
        _world.RunFor(Microseconds.FromSeconds(1));
        Assert.Equal(uint.MaxValue, Start(s_flow, SegmentVariants.Quiet).SlowStartThreshold);
    }

    [Fact]
    public void It_is_bounded_and_the_oldest_goes_first()
    {
        _memory.Learn(s_flow, Found(rtt: 80, delta: 10, threshold: 50_000, window: 40_000));
        _world.RunFor(Microseconds.FromSeconds(1));
        for (int i = 0; i < 4096; i++)
        {
            Assert.Equal(50_000u, Start(s_flow, SegmentVariants.Quiet).SlowStartThreshold);
            var remote = new IPEndPoint(new IPAddress([10, 1, (byte)(i >> 8), (byte)i]), 5);
            _memory.Learn(FlowKey.From(IPEndPoint.Parse("10.0.0.1:80"), remote), Found(rtt: 1, delta: 1, threshold: 1000, window: 1000));
        }

        Assert.Equal(uint.MaxValue, Start(s_flow, SegmentVariants.Quiet).SlowStartThreshold);
    }

    public void Dispose() => _world.Dispose();

    private SegmentVariants Start(FlowKey flow, SegmentVariants variants)
    {
        _memory.Start(in flow, ref variants, s_minRto);
        return variants;
    }

    private static SegmentVariants Found(int rtt, int delta, uint threshold, uint window) => SegmentVariants.Quiet with
    {
        SmoothedRtt = Microseconds.FromMilliseconds(rtt),
        Delta = Microseconds.FromMilliseconds(delta),
        SlowStartThreshold = threshold,
        CongestionWindow = window,
    };

    private static FlowKey Flow(int port) => FlowKey.From(IPEndPoint.Parse("10.0.0.1:80"), new IPEndPoint(IPAddress.Parse("10.0.0.2"), port));
}
