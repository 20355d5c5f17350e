using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>RFC 3168 6.1.2.</summary>
public class EcnReactionSpecs
{
    private const int Mss = 1000;

    private SegmentVariants _v = SegmentVariants.Quiet;
    private EcnReaction _reaction;

    public EcnReactionSpecs()
    {
        _v.SndUna = new SeqNum(0xFFFF_FF00);
        _v.SndMax = _v.SndUna + 100_000;
        _v.CongestionWindow = 100_000;
        _v.Congestion.Claim("reno");
    }

    // RFC 8511 3: 0.8 for Reno
    [Fact]
    public void A_mark_reduces_once_for_each_window_of_data()
    {
        Assert.True(Echo());
        Assert.Equal((80_000u, 80_000u), (_v.CongestionWindow, _v.SlowStartThreshold));
        Acknowledge(50_000);
        Assert.False(Echo());
        Acknowledge(50_000);
        Assert.False(Echo());
        Assert.Equal(80_000u, _v.CongestionWindow);
        _v.SndMax += 81_000;
        Acknowledge(1000);
        Assert.True(Echo());
        Assert.Equal(64_000u, _v.CongestionWindow);
    }

    [Fact]
    public void The_peer_is_told_with_the_first_new_data_after_it()
    {
        Assert.False(_reaction.OwesCwr);
        Echo();
        Assert.True(_reaction.OwesCwr);
        _reaction.OnNewDataSent();
        Assert.False(_reaction.OwesCwr);
        Echo();
        Assert.False(_reaction.OwesCwr);
    }

    [Fact]
    public void A_mark_in_the_window_of_a_loss_asks_for_no_more()
    {
        _v.Recovery = RecoveryPhase.FastRecovery;
        _reaction.OnReduced(_v);
        _v.CongestionWindow = 50_000;
        Acknowledge(10_000);
        Assert.False(Echo());
        Assert.Equal(50_000u, _v.CongestionWindow);
        Assert.True(_reaction.OwesCwr);
    }

    [Fact]
    public void In_recovery_the_peer_is_told_and_nothing_is_reduced()
    {
        _v.Recovery = RecoveryPhase.FastRecovery;
        Assert.False(Echo());
        Assert.Equal(100_000u, _v.CongestionWindow);
        Assert.True(_reaction.OwesCwr);
    }

    // RFC 9438 4.6
    [Fact]
    public void Marks_take_the_window_down_to_one_segment()
    {
        _v.CongestionWindow = 2000;
        _v.SndMax = _v.SndUna + 2000;
        Assert.True(Echo());
        Assert.Equal((1000u, 2000u), (_v.CongestionWindow, _v.SlowStartThreshold));
    }

    [Fact]
    public void The_point_does_not_come_round_with_the_sequence_numbers()
    {
        Echo();
        Acknowledge(100_000);
        for (int i = 0; i < 5; i++)
        {
            _v.SndMax += 1 << 30;
            Acknowledge(1 << 30);
        }

        _v.SndMax += 1000;
        Assert.True(Echo());
    }

    [Fact]
    public void An_algorithm_that_leads_the_window_itself_is_left_to_it()
    {
        _v.Congestion.Claim("bbr");
        Bbr bbr = new();
        bbr.Start(ref _v, Mss);
        _reaction.OnEcho(ref _v, bbr, Mark);
        Assert.Equal(100_000u, _v.CongestionWindow);
    }

    private LossEvent Mark => new(LossKind.Mark, Microseconds.FromSeconds(1), Mss, (uint)(_v.SndMax - _v.SndUna));

    private bool Echo() => _reaction.OnEcho(ref _v, new NewReno(), Mark);

    private void Acknowledge(int bytes)
    {
        _v.SndUna += bytes;
        _reaction.OnAcked(_v);
    }
}
