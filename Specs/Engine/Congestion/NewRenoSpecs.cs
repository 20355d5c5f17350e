using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>The numbers are the sections of RFC 5681.</summary>
public class NewRenoSpecs
{
    private const int Mss = 1000;

    private readonly NewReno _reno = new();
    private SegmentVariants _v = SegmentVariants.Quiet;

    public NewRenoSpecs()
    {
        _v.CongestionWindow = 10_000;
        _v.SlowStartThreshold = 10_000;
        _v.Congestion.Claim("reno");
    }

    // 3.1: "one full-sized segment per round-trip time"
    [Fact]
    public void A_window_of_data_acknowledged_is_worth_a_segment()
    {
        Acks(9999);
        Assert.Equal(10_000u, _v.CongestionWindow);
        Acks(1);
        Assert.Equal(11_000u, _v.CongestionWindow);
    }

    [Fact]
    public void After_a_loss_the_window_is_counted_anew()
    {
        Acks(9999);
        _v.CongestionWindow = _v.SlowStartThreshold = _reno.ThresholdAfterLoss(ref _v, new LossEvent(LossKind.Loss, 1.s, Mss, Flight: 10_000));
        Acks(4999);
        Assert.Equal(5000u, _v.CongestionWindow);
        Acks(1);
        Assert.Equal(6000u, _v.CongestionWindow);
    }

    // 3.1 (4): half of FlightSize, and never less than two segments. RFC 8511 3: 0.8 of it for a mark.
    [Theory]
    [InlineData(LossKind.Loss, 10_000, 5000)]
    [InlineData(LossKind.Loss, 3999, 2000)]
    [InlineData(LossKind.Timeout, 10_000, 5000)]
    [InlineData(LossKind.Mark, 10_000, 8000)]
    [InlineData(LossKind.Mark, 2000, 2000)]
    public void It_gives_up_half_for_a_loss_and_a_fifth_for_a_mark(LossKind kind, uint flight, uint threshold) =>
        Assert.Equal(threshold, _reno.ThresholdAfterLoss(ref _v, new LossEvent(kind, 1.s, Mss, flight)));

    // What was not used says nothing about the path; in fast recovery RFC 9937 has the window.
    [Theory]
    [InlineData(false, RecoveryPhase.Open)]
    [InlineData(true, RecoveryPhase.FastRecovery)]
    public void It_grows_neither_unused_nor_in_fast_recovery(bool isWindowLimited, RecoveryPhase recovery)
    {
        Acks(20_000, ack => ack with { IsWindowLimited = isWindowLimited, Recovery = recovery });
        Assert.Equal(10_000u, _v.CongestionWindow);
    }

    private void Acks(uint bytes, Func<AckSample, AckSample>? but = null)
    {
        AckSample ack = new() { Now = 1.s, Mss = Mss, Acked = bytes, Delivered = bytes, Flight = bytes, IsWindowLimited = true };
        ack = but?.Invoke(ack) ?? ack;
        _reno.OnAcked(ref _v, ack);
    }
}
