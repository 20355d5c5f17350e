using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Recovery;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>What the engine tells a congestion control where there is no SACK: what was delivered is then a guess.</summary>
public class AckSampleSpecs
{
    private static readonly Witness Heard = new();

    static AckSampleSpecs() => CongestionControls.Add(Heard);

    // draft-ietf-ccwg-bbr 4.1: C.lost
    [Fact]
    public void Without_SACK_what_is_found_lost_is_counted_as_well()
    {
        using Conversation link = Lost();
        Assert.Equal((1000u, 1000u), (link.V.Rate.Lost, Heard.Last.Lost));

        // A partial acknowledgement shows the next one.
        link.Receives(1.2.s, link.Ack(4000));
        Assert.Equal(2000u, link.V.Rate.Lost);
    }

    // Nobody knows which segment a duplicate stands for, nor what was lost since it was sent.
    [Fact]
    public void A_duplicate_ACK_without_SACK_says_nothing_of_what_was_lost_since()
    {
        using Conversation link = Lost();
        link.Receives(1.1.s, link.Ack());
        Assert.Equal((1000u, 0u, 0u), (Heard.Last.Delivered, Heard.Last.TxInFlight, Heard.Last.LostSinceSent));
    }

    /// <summary>Ten segments were sent, and three duplicates tell that the first is lost.</summary>
    private static Conversation Lost()
    {
        Conversation link = SackPath.Link(sack: false, window: 10_000, invariants: Setup.Invariants with { CongestionControl = Heard.Name });
        link.Writes(1.s, 10_000);
        link.Receives(1.1.s, link.Ack(), link.Ack(), link.Ack());
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        return link;
    }

    private sealed class Witness : ICongestionControl
    {
        public string Name => "witness";

        public AckSample Last { get; private set; }

        public void OnAcked(ref SegmentVariants variants, in AckSample ack) => Last = ack;

        public uint ThresholdAfterLoss(ref SegmentVariants variants, in LossEvent loss) => variants.CongestionWindow / 2;
    }
}
