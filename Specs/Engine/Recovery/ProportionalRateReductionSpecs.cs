using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>RFC 9937, with segments of 1000 bytes.</summary>
public class ProportionalRateReductionSpecs
{
    private const int Mss = 1000;

    // 6.2: every second acknowledgement lets a segment out, so that the flight goes down evenly to SSTHRESH.
    [Theory]
    [InlineData(10)]
    [InlineData(20)]
    [InlineData(100)]
    public void After_one_loss_the_flight_comes_down_to_SSTHRESH_at_the_end_of_the_round_trip(int segments)
    {
        uint threshold = (uint)(segments * Mss / 2);
        ProportionalRateReduction reduction = default;
        reduction.Start((uint)(segments * Mss));
        uint flight = (uint)((segments - 1) * Mss);
        int sent = 0;
        for (int ack = 0; ack < segments - 1; ack++)
        {
            // The first three only begin the recovery, all at once.
            flight -= Mss;
            uint window = reduction.OnAck(Mss, flight, threshold, Mss, isSafe: false);
            int allowed = (int)(window - flight) / Mss;
            Assert.InRange(allowed, 0, ack == 0 ? 1 : 2);
            reduction.OnSent(allowed * Mss);
            flight += (uint)(allowed * Mss);
            sent += allowed;
        }

        Assert.InRange((long)flight - threshold, -Mss, Mss);
        Assert.InRange(sent, (segments / 2) - 2, (segments / 2) + 1);
    }

    // 6.2, PRR-SSRB: below SSTHRESH it goes up as slow start does, as long as nothing more is found lost.
    [Fact]
    public void After_a_burst_of_losses_the_flight_grows_by_a_segment_more_than_was_delivered()
    {
        ProportionalRateReduction reduction = default;
        reduction.Start(20 * Mss);
        Assert.Equal(3u * Mss, reduction.OnAck(Mss, 2 * Mss, 10 * Mss, Mss, isSafe: false));
        reduction.OnSent(Mss);
        Assert.Equal(4u * Mss, reduction.OnAck(Mss, 2 * Mss, 10 * Mss, Mss, isSafe: true));
        reduction.OnSent(2 * Mss);

        // Never beyond SSTHRESH.
        Assert.Equal(10u * Mss, reduction.OnAck(9 * Mss, 9 * Mss, 10 * Mss, Mss, isSafe: true));
    }

    // 6.2, PRR-CRB: packet conservation.
    [Fact]
    public void While_more_is_found_lost_no_more_is_sent_than_was_delivered()
    {
        ProportionalRateReduction reduction = default;
        reduction.Start(20 * Mss);
        reduction.OnAck(Mss, 5 * Mss, 10 * Mss, Mss, isSafe: false);
        reduction.OnSent(Mss);
        Assert.Equal(6u * Mss, reduction.OnAck(Mss, 5 * Mss, 10 * Mss, Mss, isSafe: false));
    }

    // 6.2: SafeACK is one that advances SND.UNA, and with which nothing more is found lost.
    [Fact]
    public void A_report_that_acknowledges_nothing_lets_out_what_it_reports_and_no_more()
    {
        using Conversation link = SackPath.Link(window: 20_000);
        link.Writes(1.s, 20_000);
        link.Receives(1100.ms, link.Sack(0, (15_000, 18_000)));
        Assert.Equal((RecoveryPhase.FastRecovery, 15_000u), (link.V.Recovery, link.V.Rate.Lost));
        link.Forgets();
        link.Receives(1101.ms, link.Sack(0, (15_000, 19_000)));
        Assert.Equal(15_000u, link.V.Rate.Lost);
        link.Sends(1101.ms, length: 1000);
        link.SendsNothing();
    }

    // 6.2: "Force a fast retransmit upon entering recovery"
    [Fact]
    public void The_fast_retransmit_may_always_go()
    {
        ProportionalRateReduction reduction = default;
        reduction.Start(100 * Mss);
        Assert.Equal(91u * Mss, reduction.OnAck(10, 90 * Mss, 10 * Mss, Mss, isSafe: false));
        reduction.OnSent(Mss);
        Assert.Equal(90u * Mss, reduction.OnAck(10, 90 * Mss, 10 * Mss, Mss, isSafe: false));
    }

    [Fact]
    public void Windows_of_a_gigabyte_do_not_overflow()
    {
        ProportionalRateReduction reduction = default;
        reduction.Start(1 << 30);
        Assert.Equal((1u << 30) - 1 + (1u << 29), reduction.OnAck(1 << 30, (1u << 30) - 1, 1 << 29, Mss, isSafe: false));
    }

    // 6.1, 6.2, 6.4, on the wire.
    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    public void One_lost_segment_halves_the_flight_and_leaves_the_window_at_SSTHRESH(int segments)
    {
        using Conversation link = SackPath.Link(window: segments * Mss);
        link.Writes(1.s, 3 * segments * Mss);
        link.Forgets();
        for (int i = 2; i <= segments; i++)
        {
            link.Receives(1100.ms + new Microseconds(i), link.Sack(0, (Mss, i * Mss)));
        }

        uint threshold = (uint)(segments * Mss / 2);
        Assert.Equal(threshold, link.V.SlowStartThreshold);
        uint inFlight = link.V.Flight - (uint)((segments - 1) * Mss);
        Assert.InRange((long)inFlight - threshold, -Mss, Mss);
        link.Receives(1200.ms, link.Ack(segments * Mss));
        link.Receives(1250.ms, link.Ack((int)(link.V.SndMax.Value - Conversation.Ours)));
        Assert.Equal(RecoveryPhase.Open, link.V.Recovery);
        Assert.InRange(link.V.CongestionWindow, threshold, threshold + (2 * Mss));
    }

    // 6.4
    [Fact]
    public void A_recovery_that_ends_before_the_flight_has_come_down_leaves_the_window_at_SSTHRESH()
    {
        using Conversation link = SackPath.Link(window: 20 * Mss);
        link.Writes(1.s, 20 * Mss);
        link.Receives(1100.ms, link.Sack(0, (Mss, 4 * Mss)));
        Assert.True(link.V.CongestionWindow > 16 * Mss);
        link.Receives(1200.ms, link.Ack(20 * Mss));
        Assert.Equal((RecoveryPhase.Open, 10u * Mss), (link.V.Recovery, link.V.CongestionWindow));
    }

    // 6.2: "In recovery without SACK, DeliveredData is estimated to be 1 SMSS on each received duplicate ACK".
    [Fact]
    public void Without_SACK_each_duplicate_ACK_stands_for_a_segment_and_the_flight_is_halved_likewise()
    {
        using Conversation link = SackPath.Link(window: 20 * Mss, sack: false);
        link.Writes(1.s, 60 * Mss);
        link.Forgets();
        for (int i = 1; i < 20; i++)
        {
            link.Receives(1100.ms + new Microseconds(i), link.Ack(0));
        }

        Assert.Equal(10_000u, link.V.SlowStartThreshold);
        Assert.InRange(link.V.Flight, 29_000u, 31_000u);
    }

    // 6.2: "min(RecoverFS, 1 SMSS for each preceding duplicate ACK)", against misbehaving receivers.
    [Fact]
    public void Without_SACK_duplicate_ACKs_beyond_what_was_outstanding_let_nothing_out()
    {
        using Conversation link = SackPath.Link(window: 20 * Mss, sack: false);
        link.Writes(1.s, 500 * Mss);
        link.Forgets();
        for (int i = 1; i < 1000; i++)
        {
            link.Receives(1100.ms + new Microseconds(i), link.Ack(0));
        }

        Assert.InRange(link.V.Flight, 20_000u, 42_000u);
    }
}
