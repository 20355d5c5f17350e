using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class RetransmissionSpecs
{
    private static readonly ConnectionInvariants WithTimestamps = Setup.Connection with { TimestampsEnabled = true };

    // RFC 6298 2.1, 5.1, 5.4, 5.5, 5.6
    [Fact]
    public void Unacknowledged_data_is_sent_again_after_the_RTO_which_doubles_each_time()
    {
        using Conversation link = new();
        link.Writes(1.s, 500);
        link.Sends(1.s, seq: 0, length: 500);
        link.Sends(2.s, seq: 0, length: 500);
        link.Sends(4.s, seq: 0, length: 500);
        link.Sends(8.s, seq: 0, length: 500);
        link.Receives(9.s, link.Ack(ack: 500));
        link.SendsNothing(until: 100.s);
    }

    // RFC 6298 2.2, 2.3, 2.4
    [Fact]
    public void The_RTO_follows_the_measured_round_trip_within_its_bounds()
    {
        using Conversation link = new();
        link.Writes(1.s, 500);
        link.Receives(1.s + 100.ms, link.Ack(ack: 500));
        Assert.Equal(100.ms, link.V.SmoothedRtt);
        Assert.Equal(50.ms, link.V.Delta);
        Assert.Equal(300.ms, link.V.Rto);
        link.Writes(2.s, 500);
        link.Receives(2.s + 180.ms, link.Ack(ack: 1000));
        Assert.Equal(110.ms, link.V.SmoothedRtt);
        Assert.Equal(new Microseconds(57_500), link.V.Delta);
        link.Forgets();

        link.Writes(3.s, 500);
        link.Forgets();
        link.Sends(3.s + link.V.Rto, seq: 1000, length: 500);
    }

    // RFC 6298 2.4: the minimum is the host's.
    [Fact]
    public void The_RTO_is_never_below_the_minimum_nor_above_the_maximum()
    {
        SegmentInvariants invariants = Setup.Invariants with { MinRto = 250.ms, MaxRto = 600.ms };
        using Conversation link = new(invariants: invariants, variants: v => v with { SmoothedRtt = 1.ms, Delta = 1.us, Rto = 1.ms });
        link.Writes(1.s, 500);
        link.Forgets();
        link.Sends(1.s + 250.ms, seq: 0, length: 500);
        link.Sends(1.s + 750.ms, seq: 0, length: 500);
        link.Sends(1.s + 1350.ms, seq: 0, length: 500);
    }

    // RFC 6298 5.2, 5.3
    [Fact]
    public void An_ACK_of_new_data_restarts_the_timer_and_the_last_one_stops_it()
    {
        using Conversation link = new(variants: v => v with { SmoothedRtt = 1.s, Delta = 1.ms, Rto = 1.s });
        link.Writes(1.s, 2000);
        link.Receives(1.9.s, link.Ack(ack: 1000));
        link.Forgets();
        link.SendsNothing(until: 2.9.s);
        Assert.True(link.V.RetransmitAt >= 2.9.s);
        link.Receives(2.9.s, link.Ack(ack: 2000));
        Assert.True(link.V.RetransmitAt.IsNever);
    }

    // RFC 6298 3 (Karn)
    [Fact]
    public void A_retransmitted_segment_measures_nothing_and_the_backed_off_RTO_stays()
    {
        using Conversation link = new();
        link.Writes(1.s, 500);
        link.GoTo(2.s);
        link.Receives(2.s + 1.ms, link.Ack(ack: 500));
        Assert.Equal(Microseconds.Zero, link.V.SmoothedRtt);
        Assert.Equal(1, link.V.RtoBackoff);
        Assert.Equal(0, link.V.Retransmissions);
        link.Writes(3.s, 500);
        link.Receives(3.s + 100.ms, link.Ack(ack: 1000));
        Assert.Equal(100.ms, link.V.SmoothedRtt);
        Assert.Equal(0, link.V.RtoBackoff);
    }

    // RFC 7323 4.1: an echo is unambiguous, also after a retransmission.
    [Fact]
    public void With_timestamps_a_retransmitted_segment_measures_too()
    {
        using Conversation link = new(WithTimestamps);
        link.Writes(1.s, 500);
        uint tsVal = link.Sends(1.s, length: 500).TsVal;
        link.GoTo(2.s);
        link.Receives(2.s + 200.ms, link.Ack(ack: 500, tsVal: 9, tsEcr: tsVal));
        Assert.Equal(1200.ms, link.V.SmoothedRtt);
        Assert.Equal(0, link.V.RtoBackoff);
    }

    // RFC 5681 3.1, RFC 6582 3.2 step 4
    [Fact]
    public void After_a_time_out_everything_is_sent_again_in_slow_start()
    {
        using Conversation link = new();
        link.Writes(1.s, 10_000);
        link.Sends(1.s, length: 10_000);
        link.Sends(2.s, seq: 0, length: 1000);
        Assert.Equal(1000u, link.V.CongestionWindow);
        Assert.Equal(5000u, link.V.SlowStartThreshold);
        link.SendsNothing();
        link.Receives(2.1.s, link.Ack(ack: 1000));
        link.Sends(2.1.s, seq: 1000, length: 2000);

        // The peer had the rest: the acknowledgement jumps, nothing of it is sent once more.
        link.Receives(2.2.s, link.Ack(ack: 10_000));
        link.SendsNothing(until: 100.s);
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
    }

    // RFC 5681 3.1: SSTHRESH is held while the same segment times out again.
    [Fact]
    public void A_second_time_out_leaves_SSTHRESH()
    {
        using Conversation link = new();
        link.Writes(1.s, 10_000);
        link.GoTo(4.s);
        Assert.Equal(2, link.V.Retransmissions);
        Assert.Equal(5000u, link.V.SlowStartThreshold);
    }

    // RFC 9293 3.8.3, R2
    [Fact]
    public void Too_many_retransmissions_end_in_an_upload_which_leaves_the_variables()
    {
        using Conversation link = new(invariants: Setup.Invariants with { MaxRetransmissions = 3 });
        link.Writes(1.s, 500);
        link.GoTo(16.s - 1.us);
        Assert.Equal(3, link.Engine.Counters.RetransmissionTimeouts);
        Assert.Equal(default, link.Verdict);
        SegmentVariants before = link.V;
        link.GoTo(16.s);
        Assert.Equal(Verdict.Upload(UploadReason.RetransmissionLimit), link.Verdict);
        Assert.Equal(before with { RetransmitAt = link.V.RetransmitAt }, link.V);
        Assert.True(link.V.RetransmitAt > 16.s);
    }

    // RFC 9293 3.8.3, SHLD-11: on a short path too, where time-outs begin at 200 ms.
    [Fact]
    public void R2_is_more_than_a_hundred_seconds_unless_somebody_says_otherwise()
    {
        using Conversation link = new(variants: v => v with { SmoothedRtt = 50.us, Delta = 10.us, Rto = 200.ms + 50.us });
        link.Writes(1.s, 500);
        link.GoTo(101.s);
        Assert.Equal(default, link.Verdict);
        link.GoTo(3600.s);
        Assert.Equal(Verdict.Upload(UploadReason.RetransmissionLimit), link.Verdict);
    }

    // RFC 5482, RFC 9293 3.8.3
    [Fact]
    public void The_user_time_out_counts_from_the_last_progress()
    {
        using Conversation link = new(invariants: Setup.Invariants with { UserTimeout = 5.s, MaxRetransmissions = 1 });
        link.Writes(1.s, 2000);
        link.Receives(3.s, link.Ack(ack: 1000));
        link.GoTo(8.s - 1.us);
        Assert.Equal(default, link.Verdict);
        link.GoTo(8.s);
        Assert.Equal(Verdict.Upload(UploadReason.UserTimeout), link.Verdict);
    }

    // A peer that reports and never acknowledges must not hold a connection for ever.
    [Theory]
    [InlineData(5_000, 100, UploadReason.UserTimeout)]
    [InlineData(0, 3, UploadReason.RetransmissionLimit)]
    public void Reports_are_no_progress(int userTimeout, int maxRetransmissions, UploadReason expected)
    {
        using Conversation link = new(
            Setup.Connection with { SackPermitted = true },
            Setup.Invariants with
            {
                UserTimeout = userTimeout == 0 ? Microseconds.Never : userTimeout.ms,
                MaxRetransmissions = maxRetransmissions,
            });
        link.Writes(1.s, 10_000);
        for (int i = 1; i < 200 && link.Verdict.Kind != VerdictKind.UploadRequired; i++)
        {
            link.Receives(link.Now, link.Sack(0, (1000, 1000 + (i * 40))));
            link.GoTo(1.s + (100.ms * i));
        }

        Assert.Equal(Verdict.Upload(expected), link.Verdict);
    }

    // RFC 9293 3.8.6: nothing remembers where segments began and ended.
    [Fact]
    public void Short_segments_are_sent_again_as_one()
    {
        using Conversation link = new(invariants: Setup.Invariants with { NagleEnabled = false });
        link.Writes(1.s, 10);
        link.Writes(1.s, 10);
        link.Writes(1.s, 10);
        link.Forgets();
        link.Sends(2.s, seq: 0, length: 30);
    }
}
