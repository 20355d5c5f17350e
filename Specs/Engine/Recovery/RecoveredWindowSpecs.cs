using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>What is left as the window by a recovery that an algorithm without SSTHRESH (BBR) has begun.</summary>
public class RecoveredWindowSpecs
{
    [Fact]
    public void A_smaller_MTU_in_the_middle_of_it_leaves_the_window_of_BBR()
    {
        using Conversation link = BbrInRecovery();
        uint window = link.V.CongestionWindow;
        link.Updates(1106.ms, i => i with { Path = i.Path with { Mtu = 600 }, EffectiveMss = 560 });
        Assert.Equal(window, link.V.CongestionWindow);
    }

    [Fact]
    public void Another_algorithm_that_ends_it_goes_on_with_the_window_that_there_was()
    {
        using Conversation link = BbrInRecovery();
        link.Updates(1106.ms, i => i with { CongestionControl = "reno" });
        link.Receives(1200.ms, link.Ack((int)(link.V.SndMax.Value - Conversation.Ours)));
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        Assert.InRange(link.V.CongestionWindow, 1000u, 50_000u);
    }

    private static Conversation BbrInRecovery()
    {
        Conversation link = SackPath.Link(window: 20_000, invariants: Setup.Invariants with { CongestionControl = "bbr" });
        link.SendsSegments(1.s, 10, apart: 1.ms);
        link.Receives(1105.ms, link.Sack(0, (1000, 5000)));
        link.Forgets();
        Assert.Equal((RecoveryPhase.FastRecovery, uint.MaxValue), (link.V.Recovery, link.V.SlowStartThreshold));
        return link;
    }
}
