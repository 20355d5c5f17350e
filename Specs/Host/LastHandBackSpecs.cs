using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Kernel;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>What a connection remembers over a stay in the kernel, whose socket is a new one each time.</summary>
public class LastHandBackSpecs
{
    private static readonly MacAddress NextHop = new([2, 0, 0, 0, 0, 1]);
    private static readonly Microseconds GivenAt = 100.s;
    private static readonly Microseconds TakenAt = 100.s + 50.ms;

    private static readonly SegmentVariants Before = SegmentVariants.Quiet with
    {
        SndUna = new SeqNum(1000),
        SndNxt = new SeqNum(1000),
        SndMax = new SeqNum(1000),
        CongestionWindow = 80_000,
        SlowStartThreshold = 60_000,
        SmoothedRtt = 20.ms,
        Delta = 5.ms,
        MinRtt = 19.ms,
        Rto = 240.ms,
    };

    /// <summary>A restored socket's: ten segments, nothing measured.</summary>
    private static readonly SegmentVariants Kernels = SegmentVariants.Quiet with
    {
        SndUna = new SeqNum(1000),
        SndNxt = new SeqNum(1000),
        SndMax = new SeqNum(1000),
        CongestionWindow = 14_480,
        Rto = 1.s,
    };

    [Fact]
    public void A_window_is_not_forgotten()
    {
        SegmentVariants after = Complete(Before, Kernels);
        Assert.Equal((80_000u, 60_000u, false), (after.CongestionWindow, after.SlowStartThreshold, after.OwesReduction));
        Assert.Equal(Before.Congestion, after.Congestion);
    }

    [Fact]
    public void A_window_that_the_kernel_has_grown_is_kept() =>
        Assert.Equal(200_000u, Complete(Before, Kernels with { CongestionWindow = 200_000 }).CongestionWindow);

    [Fact]
    public void What_the_kernel_found_lost_is_answered_for_once_with_our_window()
    {
        SegmentVariants after = Complete(Before, Kernels with { CongestionWindow = 200_000 }, hasRetransmitted: true);
        Assert.Equal((80_000u, true), (after.CongestionWindow, after.OwesReduction));
    }

    [Fact]
    public void A_fast_recovery_goes_on_that_the_kernel_did_not_end()
    {
        SegmentVariants given = Before with
        {
            SndMax = new SeqNum(51_000),
            SndNxt = new SeqNum(51_000),
            Recovery = RecoveryPhase.FastRecovery,
            RecoveryPoint = new SeqNum(51_000),
            RetransmittedTo = new SeqNum(9_000),
        };
        SegmentVariants after = Complete(given, Kernels with { SndUna = new SeqNum(5_000), SndNxt = new SeqNum(51_000), SndMax = new SeqNum(51_000) }, hasRetransmitted: true);
        Assert.Equal(
            (RecoveryPhase.FastRecovery, new SeqNum(51_000), new SeqNum(9_000), new SeqNum(51_000), false),
            (after.Recovery, after.RecoveryPoint, after.RetransmittedTo, after.SndNxt, after.OwesReduction));
    }

    [Fact]
    public void A_fast_recovery_that_the_kernel_ended_leaves_the_threshold_as_the_window()
    {
        SegmentVariants given = Before with
        {
            SndMax = new SeqNum(51_000),
            SndNxt = new SeqNum(51_000),
            Recovery = RecoveryPhase.FastRecovery,
            RecoveryPoint = new SeqNum(51_000),
        };
        SegmentVariants after = Complete(given, Kernels with { SndUna = new SeqNum(51_000), SndNxt = new SeqNum(60_000), SndMax = new SeqNum(60_000) });
        Assert.Equal((RecoveryPhase.Open, 60_000u), (after.Recovery, after.CongestionWindow));
    }

    // BBR has no threshold: what is none must not become the window.
    [Fact]
    public void A_fast_recovery_without_a_threshold_that_the_kernel_ended_leaves_the_window()
    {
        SegmentVariants given = Before with
        {
            SlowStartThreshold = uint.MaxValue,
            SndMax = new SeqNum(51_000),
            SndNxt = new SeqNum(51_000),
            Recovery = RecoveryPhase.FastRecovery,
            RecoveryPoint = new SeqNum(51_000),
        };
        SegmentVariants after = Complete(given, Kernels with { SndUna = new SeqNum(51_000), SndNxt = new SeqNum(60_000), SndMax = new SeqNum(60_000) });
        Assert.Equal((RecoveryPhase.Open, 80_000u), (after.Recovery, after.CongestionWindow));
    }

    [Fact]
    public void What_is_to_be_sent_again_after_a_time_out_still_is()
    {
        SegmentVariants given = Before with { SndNxt = new SeqNum(3_000), SndMax = new SeqNum(51_000), Recovery = RecoveryPhase.Loss, RecoveryPoint = new SeqNum(51_000) };
        SegmentVariants after = Complete(given, Kernels with { SndUna = new SeqNum(2_000), SndNxt = new SeqNum(51_000), SndMax = new SeqNum(51_000) });
        Assert.Equal((RecoveryPhase.Loss, new SeqNum(3_000), new SeqNum(51_000)), (after.Recovery, after.SndNxt, after.SndMax));
        after = Complete(given, Kernels with { SndUna = new SeqNum(4_000), SndNxt = new SeqNum(51_000), SndMax = new SeqNum(51_000) });
        Assert.Equal(new SeqNum(4_000), after.SndNxt);
    }

    [Fact]
    public void A_round_trip_is_remembered_until_the_kernel_has_measured_one()
    {
        SegmentVariants after = Complete(Before, Kernels);
        Assert.Equal((20.ms, 5.ms, 19.ms, 240.ms), (after.SmoothedRtt, after.Delta, after.MinRtt, after.Rto));
        after = Complete(Before, Kernels with { SmoothedRtt = 30.ms, Rto = 300.ms });
        Assert.Equal((30.ms, 300.ms), (after.SmoothedRtt, after.Rto));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_timer_of_the_same_flight_runs_on_unless_the_next_hop_is_another(bool isSameHop)
    {
        SegmentVariants given = Before with
        {
            SndMax = new SeqNum(51_000),
            SndNxt = new SeqNum(51_000),
            RetransmitAt = 200.ms,
            Retransmissions = 2,
            RtoBackoff = 3,
            StalledSince = Microseconds.Zero - 1.s,
        };
        SegmentVariants read = Kernels with { SndNxt = new SeqNum(51_000), SndMax = new SeqNum(51_000) };
        SegmentVariants after = Complete(given, read, nextHop: isSameHop ? NextHop : default);
        Assert.Equal(isSameHop ? 150.ms : Microseconds.Zero, after.RetransmitAt);
        Assert.Equal((2, 3), (after.Retransmissions, after.RtoBackoff));
        Assert.Equal(Microseconds.Zero - 1.s - 50.ms, after.StalledSince);
    }

    [Fact]
    public void The_timer_of_another_flight_begins_anew()
    {
        SegmentVariants given = Before with { SndMax = new SeqNum(51_000), SndNxt = new SeqNum(51_000), RetransmitAt = 10.ms, Retransmissions = 2 };
        SegmentVariants after = Complete(given, Kernels with { SndUna = new SeqNum(2_000), SndNxt = new SeqNum(51_000), SndMax = new SeqNum(51_000) });
        Assert.Equal((240.ms, 0), (after.RetransmitAt, after.Retransmissions));
    }

    [Fact]
    public void What_was_found_of_the_path_is_remembered()
    {
        SegmentVariants given = Before;
        Assert.True(given.PathSearch.OnFullStop(Setup.Connection with { PeerMss = 1460 }, mss: 1460, length: 1460));
        Assert.True(Complete(given, Kernels).PathSearch.IsLimited);
    }

    [Fact]
    public void A_socket_that_was_never_given_anything_is_as_it_is()
    {
        SegmentVariants variants = Kernels;
        LastHandBack.None.Complete(ref variants, hasRetransmitted: true, NextHop, TakenAt);
        Assert.Equal(Kernels, variants);
    }

    /// <param name="given">At <see cref="GivenAt"/>, times remaining.</param>
    /// <param name="read">At <see cref="TakenAt"/>, from the kernel.</param>
    /// <param name="hasRetransmitted">Whether the kernel has sent anything again.</param>
    /// <param name="nextHop">Where the next segment will go; null: where the last one went.</param>
    private static SegmentVariants Complete(
        SegmentVariants given, SegmentVariants read, bool hasRetransmitted = false, MacAddress? nextHop = null)
    {
        SegmentInvariants segment = Setup.Invariants with { Neighbor = Setup.Invariants.Neighbor with { Mac = NextHop } };
        var last = new LastHandBack(new HandBack(Setup.Connection, segment, given), GivenAt);
        last.Complete(ref read, hasRetransmitted, nextHop ?? NextHop, TakenAt);
        return read;
    }
}
