using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>
/// The probes after the first (RFC 9002 6.2.1), and those in recovery. Unless said otherwise the round trip is 100 ms: PTO is 201 ms.
/// </summary>
public class FurtherProbeSpecs
{
    // RFC 9002 6.2.1, where RFC 8985 7.3 has one probe only: each after twice the time, and then of what is missing first.
    [Fact]
    public void Probes_go_on_until_the_time_out()
    {
        using Conversation link = Probed();
        link.Sends(1603.ms, seq: 0, length: 1000);
        link.Sends(2407.ms, seq: 0, length: 1000);
        Assert.Equal(3, link.Engine.Counters.TailProbesSent);

        // They do not put the time-out off: that is of the first one.
        link.Sends(3201.ms, seq: 0, length: 1000);
        Assert.Equal(1, link.Engine.Counters.RetransmissionTimeouts);
    }

    [Fact]
    public void Until_something_is_heard_of_the_probe_the_first_missing_segment_goes_next()
    {
        using Conversation link = Probed();
        link.Receives(1250.ms, link.Ack(1000));
        link.Sends(new Microseconds(1_488_500), seq: 1000, length: 1000);
    }

    // 7.4 is about a probe of the last segment. All were late, for less than the time-out: nothing was lost, and the window stays.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Acknowledgements_that_were_late_are_no_loss_mended_by_a_probe_of_the_first_segment(bool timestamps)
    {
        using Conversation link = ShortPath(timestamps);
        link.Writes(1.s, 10_000);
        link.Sends(1.s, length: 10_000);
        link.Sends(1041.ms, seq: 9000, length: 1000);
        link.Sends(1123.ms, seq: 0, length: 1000);
        for (int i = 1; i <= 10; i++)
        {
            link.Receives(1130.ms, link.Ack(i * 1000, tsVal: timestamps ? 1 : null, tsEcr: 1000));
        }

        link.Receives(1140.ms, link.Sack(10_000, (9000, 10_000)) with { TsVal = timestamps ? 1 : null, TsEcr = 1041 });
        link.Receives(1150.ms, link.Sack(10_000, (0, 1000)) with { TsVal = timestamps ? 1 : null, TsEcr = 1123 });
        Assert.Equal((uint.MaxValue, 0), (link.V.SlowStartThreshold, link.Engine.Counters.ProbesMended));
    }

    // What such a probe shows to be lost is answered for by the recovery that it begins.
    [Fact]
    public void A_loss_that_a_probe_of_the_first_segment_shows_is_answered_for_by_recovery()
    {
        using Conversation link = ShortPath(timestamps: false);
        link.Writes(1.s, 2000);
        link.Sends(1.s, length: 2000);
        link.Sends(1041.ms, seq: 1000, length: 1000);
        link.Sends(1123.ms, seq: 0, length: 1000);
        link.Receives(1143.ms, link.Ack(1000));
        link.Sends(1143.ms, seq: 1000, length: 1000);
        Assert.Equal(RecoveryPhase.FastRecovery, link.V.Recovery);
        Assert.True(link.V.SlowStartThreshold < 20_000);
    }

    // A lost retransmission with nothing behind it.
    [Fact]
    public void In_recovery_there_are_probes_too_of_the_first_segment_that_is_missing()
    {
        using Conversation link = SackPath.Link(variants: v => v with { Rto = 2.s, Delta = 400.ms });
        link.Writes(1.s, 5000);
        link.Receives(1100.ms, link.Sack(0, (1000, 5000)));
        link.Forgets();
        uint threshold = link.V.SlowStartThreshold;
        link.Sends(1301.ms, seq: 0, length: 1000);

        // Recovery has answered for the loss.
        link.Receives(1401.ms, link.Ack(5000));
        Assert.Equal((RecoveryPhase.Open, threshold), (link.V.Recovery, link.V.SlowStartThreshold));
        Assert.Equal(0, link.Engine.Counters.ProbesMended);
    }

    [Fact]
    public void They_send_no_more_than_what_is_missing()
    {
        using Conversation link = SackPath.Link(
            invariants: Setup.Invariants with { NagleEnabled = false },
            variants: v => v with { Rto = 2.s, Delta = 400.ms });
        link.Writes(1.s, 300);
        link.Writes(1.s, 4000);
        link.Receives(1100.ms, link.Sack(0, (300, 4300)));
        link.Forgets();
        link.Sends(1301.ms, seq: 0, length: 300);
    }

    [Fact]
    public void Probes_of_a_single_segment_go_on_as_well()
    {
        using Conversation link = SackPath.Link(variants: v => v with { Rto = 2.s, Delta = 450.ms });
        link.Writes(1.s, 1000);
        link.Forgets();
        link.Sends(1400.ms, seq: 0, length: 1000);
        link.Sends(2200.ms, seq: 0, length: 1000);
    }

    /// <summary>Five segments leave at 1 s, and the first probe 201 ms later.</summary>
    private static Conversation Probed()
    {
        Conversation link = SackPath.Link(variants: v => v with { Rto = 2.s });
        link.Writes(1.s, 5000);
        link.Sends(1.s, length: 5000);
        link.Sends(1201.ms, seq: 4000, length: 1000);
        return link;
    }

    /// <summary>The round trip is 20 ms: PTO is 41 ms, RTO 220 ms.</summary>
    private static Conversation ShortPath(bool timestamps) => SackPath.Link(
        window: 20_000,
        timestamps: timestamps,
        variants: v => v with { SmoothedRtt = 20.ms, MinRtt = 20.ms, Delta = 2.ms, Rto = 220.ms });
}
