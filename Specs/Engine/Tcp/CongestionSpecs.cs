using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class CongestionSpecs
{
    // RFC 6928 2
    [Theory]
    [InlineData(1000, 10_000u)]
    [InlineData(1448, 14_480u)]
    [InlineData(8948, 17_896u)]
    public void A_connection_without_a_congestion_window_begins_with_IW10(int mss, uint expected)
    {
        using Conversation link = new(
            invariants: Setup.Invariants with { EffectiveMss = mss, Path = Setup.Invariants.Path with { Mtu = 9000 } }, variants: v => v with { CongestionWindow = 0 });
        link.StartsAfterMove(1.s);
        Assert.Equal(expected, link.V.CongestionWindow);
    }

    [Fact]
    public void Nothing_is_sent_beyond_the_congestion_window()
    {
        using Conversation link = With(3500, uint.MaxValue);
        link.Writes(1.s, 10_000);
        link.Sends(1.s, length: 3000);
        link.SendsNothing(until: 1.9.s);
    }

    // RFC 5681 3.1, RFC 9406 4.3: at most eight segments for one acknowledgement where nothing is paced
    [Theory]
    [InlineData(1000, 13_000u)]
    [InlineData(2000, 14_000u)]
    [InlineData(10_000, 20_000u)]
    public void Slow_start_grows_by_what_is_acknowledged_up_to_eight_segments(int acked, uint expected)
    {
        using Conversation link = With(12_000, uint.MaxValue);
        link.Writes(1.s, 20_000);
        link.Receives(1.1.s, link.Ack(ack: acked));
        Assert.Equal(expected, link.V.CongestionWindow);
    }

    // RFC 5681 3.1, RFC 3465 2.1
    [Fact]
    public void Congestion_avoidance_grows_by_a_segment_for_each_window_acknowledged()
    {
        using Conversation link = With(4000, 4000);
        link.Writes(1.s, 40_000);
        link.Receives(1.1.s, link.Ack(ack: 2000));
        Assert.Equal(4000u, link.V.CongestionWindow);
        link.Receives(1.1.s, link.Ack(ack: 4000));
        Assert.Equal(5000u, link.V.CongestionWindow);
        link.Receives(1.2.s, link.Ack(ack: 9000));
        Assert.Equal(6000u, link.V.CongestionWindow);
    }

    // RFC 7661 4
    [Fact]
    public void A_window_that_the_application_does_not_fill_does_not_grow()
    {
        using Conversation link = With(20_000, uint.MaxValue);
        for (int i = 1; i <= 10; i++)
        {
            link.Writes(1.s, 1000);
            link.Receives(1.s, link.Ack(ack: i * 1000));
        }

        Assert.Equal(20_000u, link.V.CongestionWindow);
    }

    // RFC 5681 4.1
    [Fact]
    public void After_an_idle_RTO_the_window_is_at_most_the_initial_one()
    {
        using Conversation link = With(40_000, uint.MaxValue);
        link.Writes(1.s, 40_000);
        link.Receives(1.1.s, link.Ack(ack: 40_000));
        link.Forgets();
        link.Writes(10.s, 30_000);
        link.Sends(10.s, seq: 40_000, length: 10_000);
    }

    [Fact]
    public void An_unknown_algorithm_is_refused_by_name()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(
            () => new Conversation(invariants: Setup.Invariants with { CongestionControl = "bbr9" }).Dispose());
        Assert.Contains("'bbr9'", error.Message, StringComparison.Ordinal);
    }

    private static Conversation With(uint window, uint threshold) =>
        new(variants: v => v with { CongestionWindow = window, SlowStartThreshold = threshold, LastDataSentAt = 1.s });
}
