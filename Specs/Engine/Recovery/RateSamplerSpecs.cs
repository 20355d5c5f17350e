using TcpActors.Engine.Congestion;
using TcpActors.Engine.Receive;
using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>draft-ietf-ccwg-bbr 4.1: a thousand bytes leave every 10 ms, and the round trip is 100 ms.</summary>
public class RateSamplerSpecs
{
    private const int Size = 1000;

    private readonly SentRecords _records = new();
    private RateVariants _rate = RateVariants.Quiet;

    public RateSamplerSpecs() => _records.Restart(default, default, default, Microseconds.Zero);

    // 4.1.1.2.1
    [Fact]
    public void A_steady_flow_is_measured_at_its_rate()
    {
        for (int i = 0; i < 40; i++)
        {
            Sends(i * 10);
            if (i >= 9)
            {
                (Microseconds interval, uint delivered) = Acknowledged(i - 8, at: (i * 10) + 10);

                // Until the first round trip is over there is less to measure.
                Assert.InRange(delivered * 1_000_000L / interval.Value, i < 19 ? 10_000 : 100_000, 100_000);
            }
        }
    }

    // 4.1.1.2.4: the longer of the two times.
    [Fact]
    public void Acknowledgements_that_come_all_at_once_do_not_make_the_path_look_faster()
    {
        for (int i = 0; i <= 10; i++)
        {
            Sends(i * 10);
        }

        Acknowledged(1, at: 200);
        Sends(210);

        // From when the last that was acknowledged then had left: 210 ms, where the acknowledgements took 110.
        Assert.Equal((210.ms, 11u * Size), Acknowledged(12, at: 310));
    }

    // 4.1.2.3: "if RS.interval < C.min_rtt"
    [Fact]
    public void Less_than_the_shortest_round_trip_measures_a_burst_and_not_the_path()
    {
        Sends(0);
        Assert.Equal(default, Acknowledged(1, at: 60));
        Sends(100);
        Assert.NotEqual(default, Acknowledged(2, at: 200));
    }

    // 4.1.2.2: a flight begins.
    [Fact]
    public void What_passes_without_anything_in_flight_does_not_count()
    {
        Sends(0);
        Acknowledged(1, at: 100);
        Sends(5000);
        Assert.Equal((100.ms, (uint)Size), Acknowledged(2, at: 5100));
    }

    // 4.1.2.4, 4.1.2.3: until what was in flight then is delivered.
    [Fact]
    public void What_was_sent_while_the_application_had_no_more_is_marked_so()
    {
        _rate.AppLimitedUntil = 1500;
        Sends(0);
        Sends(10);
        AckResult result = Take(1, 100);
        RateSampler.OnAck(ref _rate, result, 100.ms, 100.ms);
        Assert.True(result.Newest.Is(SentFlags.AppLimited));
        Assert.Equal(1500, _rate.AppLimitedUntil);
        Acknowledged(2, at: 110);
        Assert.Equal(0, _rate.AppLimitedUntil);
        Sends(120);
        Assert.False(Take(3, 220).Newest.Is(SentFlags.AppLimited));
    }

    [Fact]
    public void What_another_owner_has_sent_measures_nothing_but_counts_as_delivered()
    {
        _records.Restart(default, new SeqNum(Size), new SeqNum(Size), 5.ms);
        Assert.Equal(default, Acknowledged(1, at: 200));
        Assert.Equal(Size, _rate.Delivered);
    }

    // draft-ietf-ccwg-bbr 5.5.1: round trips are counted by it, and a move each round trip must not stop them.
    [Fact]
    public void How_much_had_been_delivered_when_another_owner_sent_something_follows_from_its_place()
    {
        (_rate.Delivered, _rate.Lost) = (20 * Size, 3 * Size);
        _records.Restart(default, new SeqNum(4 * Size), new SeqNum(4 * Size), 5.ms, _rate);
        AckResult first = Take(1, 200);
        Assert.Equal((17L * Size, 3u * Size, 4u * Size), (first.Newest.Delivered, first.Newest.Lost, first.Newest.InFlight));
        Assert.Equal(20L * Size, Take(4, 210).Newest.Delivered);
    }

    [Fact]
    public void What_is_sent_again_is_measured_from_then()
    {
        Sends(0);
        Sends(10);
        _records.MarkFirstLost(Size);
        _records.OnSent(default, new SeqNum(Size), 200.ms, ref _rate);
        AckResult result = Take(2, 300);
        Assert.Equal(200.ms, result.Newest.SentAt);
    }

    private void Sends(int at) => _records.OnSent(_records.End, _records.End + Size, at.ms, ref _rate);

    private AckResult Take(int segments, int at)
    {
        AckResult result = AckResult.Nothing;
        AckContext context = new()
        {
            Now = at.ms,
            MinRtt = 100.ms,
            RecoveryPoint = default,
            GuessedOnceFrom = default,
            Echo = null,
            Tick = 1.ms,
            Offset = 0,
        };
        _records.OnAck(new SeqNum((uint)(segments * Size)), default(SackBlocks), context, ref result);
        return result;
    }

    private (Microseconds Interval, uint Delivered) Acknowledged(int segments, int at) =>
        RateSampler.OnAck(ref _rate, Take(segments, at), 100.ms, at.ms);
}
