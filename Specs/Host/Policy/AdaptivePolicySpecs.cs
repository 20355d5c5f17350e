using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Statistics;
using Xunit;

namespace TcpActors.Specs.Host.Policy;

/// <summary>When a move pays, with costs that make the reckoning easy: an exchange of two segments saves 10 µs, both moves together cost 200.</summary>
public sealed class AdaptivePolicySpecs
{
    private static readonly CostModel s_costs = new()
    {
        Stack = new OwnerCosts(Exchange: 10_000, ByteReceived: 0.2, ByteSent: 0.2),
        Toe = new OwnerCosts(Exchange: 5_000, ByteReceived: 0.1, ByteSent: 0.3),
        Offload = 120,
        Upload = 80,
    };

    private readonly AdaptivePolicy _policy = new(new AdaptiveOptions { Costs = s_costs });

    [Theory]
    [InlineData(1, Wish.Stay)]
    [InlineData(20, Wish.Stay)]
    [InlineData(22, Wish.Offload)]
    [InlineData(1_000_000, Wish.Offload)]
    public void It_offloads_once_the_past_would_have_repaid_the_moves(int exchanges, Wish expected) =>
        Assert.Equal(expected, Take(Known.Connection(at: 5, Known.Exchange.Times(exchanges))).Wish);

    [Fact]
    public void Bytes_that_are_dearer_on_a_TOE_stay_however_many_they_are() =>
        Assert.Equal(Wish.Stay, Take(Known.Connection(5, new Work(0, 1L << 40, 0, (1L << 40) / Work.FullSegment))).Wish);

    [Fact]
    public void Bytes_received_pay_later_than_exchanges()
    {
        // 0.1 ns a byte, and 5 µs for each acknowledgement of 64 KiB (46 segments are 0.74 more than the bytes fill): 15.3 µs a block.
        Assert.Equal(Wish.Stay, Take(Known.Connection(5, Known.Block.Times(12))).Wish);
        Assert.Equal(Wish.Offload, Take(Known.Connection(5, Known.Block.Times(14))).Wish);
    }

    [Fact]
    public void What_was_fast_once_and_trickles_now_is_not_worth_a_move()
    {
        Work past = Known.Exchange.Times(100);
        Assert.Equal(Wish.Offload, Take(Known.Connection(60, past, second: Known.Exchange, age: 60)).Wish);
        Assert.Equal(Wish.Stay, Take(Known.Connection(10, past, second: Known.Exchange, age: 10)).Wish);
        Assert.Equal(Wish.Stay, Take(Known.Connection(60, past, age: 60, idle: 5)).Wish);
    }

    [Theory]
    [InlineData(0.5, 22, Wish.Stay)]
    [InlineData(0.5, 44, Wish.Offload)]
    [InlineData(2, 11, Wish.Offload)]
    [InlineData(2, 9, Wish.Stay)]
    [InlineData(1000, 9, Wish.Stay)]
    public void A_trend_halves_or_doubles_what_is_expected(double ratio, int exchanges, Wish expected)
    {
        // The present rate would do for any of them.
        ConnectionStatistics known = Known.Connection(5, Known.Exchange.Times(exchanges), second: Known.Exchange.Times(1000));
        Assert.Equal(expected, Take(known with { Trend = new RateTrend(Trend.Steady, ratio) }).Wish);
    }

    [Fact]
    public void What_it_did_before_it_came_back_is_repaid_already()
    {
        ConnectionStatistics known = Known.Connection(5, Known.Exchange.Times(1000));
        var question = new OffloadQuestion(known, IsOffloaded: false, Known.Exchange.Times(5), Known.Toe(10));
        Assert.Equal(Wish.Stay, _policy.Decide(in question).Wish);
    }

    [Theory]
    [InlineData(119, 1, Wish.Stay)]
    [InlineData(120, 1, Wish.Upload)]
    [InlineData(9, 9, Wish.Stay)]
    [InlineData(10, 9, Wish.Upload)]
    public void An_idle_connection_is_brought_back_sooner_when_places_are_scarce(double idle, int taken, Wish expected) =>
        Assert.Equal(expected, Keep(Known.Connection(500, Known.Exchange, age: 500, idle: idle), Known.Toe(10, taken)).Wish);

    [Fact]
    public void An_idle_connection_is_brought_back_sooner_when_memory_is_scarce()
    {
        ConnectionStatistics known = Known.Connection(500, Known.Exchange, age: 500, idle: 10);
        Assert.Equal(Wish.Stay, Keep(known, Known.Toe(10, memoryUsed: 0.89)).Wish);
        Assert.Equal(Wish.Upload, Keep(known, Known.Toe(10, memoryUsed: 0.9)).Wish);
    }

    [Fact]
    public void A_connection_that_costs_more_on_the_TOE_is_brought_back()
    {
        // Sent bytes: 0.1 ns more each. 200 µs are lost after 2,000,000 of them.
        Work sent = new(0, 1_000_000, 0, 1_000_000 / Work.FullSegment);
        Assert.Equal(Wish.Stay, Keep(Known.Connection(5, sent), Known.Toe(10)).Wish);
        Assert.Equal(Wish.Upload, Keep(Known.Connection(5, sent.Times(3)), Known.Toe(10)).Wish);
    }

    [Fact]
    public void Nothing_goes_to_a_TOE_without_a_link_or_with_scarce_memory()
    {
        ConnectionStatistics known = Known.Connection(5, Known.Exchange.Times(1000));
        Assert.Equal(Wish.Stay, Take(known, Known.Toe(10, isLinkUp: false)).Wish);
        Assert.Equal(Wish.Stay, Take(known, Known.Toe(10, memoryUsed: 0.95)).Wish);
        Assert.Equal(Wish.Offload, Take(known, toe: null).Wish);
    }

    [Theory]
    [InlineData(AdaptiveOptions.NeverTag, 100_000, Wish.Stay)]
    [InlineData(AdaptiveOptions.AtOnceTag, 1, Wish.Offload)]
    [InlineData("bulk", 10, Wish.Stay)]
    [InlineData("steady", 3, Wish.Offload)]
    [InlineData("steady", 1, Wish.Stay)]
    public void Tags_say_more_than_the_past(string tag, int exchanges, Wish expected)
    {
        var options = new AdaptiveOptions { Costs = s_costs };
        var policy = new AdaptivePolicy(options with
        {
            TagFactors = new Dictionary<string, double>(options.TagFactors, StringComparer.Ordinal) { ["steady"] = 10 },
        });
        var question = new OffloadQuestion(
            Known.Connection(5, Known.Exchange.Times(exchanges)) with { Tags = [tag] }, false, Known.Exchange.Times(exchanges), Known.Toe(10));
        Assert.Equal(expected, policy.Decide(in question).Wish);
    }

    [Fact]
    public void A_tag_brings_a_connection_back()
    {
        ConnectionStatistics known = Known.Connection(5, Known.Exchange.Times(1000)) with { Tags = [AdaptiveOptions.NeverTag] };
        Assert.Equal(Wish.Upload, Keep(known, Known.Toe(10)).Wish);
    }

    [Fact]
    public void It_asks_to_be_asked_at_each_doubling_while_a_connection_is_the_stacks()
    {
        Assert.Equal(4096, _policy.AskAfterBytes);
        Assert.Equal(4096, Take(Known.Connection(5, default)).AskAgainAt);
        Assert.Equal(20_000, Take(Known.Connection(5, new Work(10_000, 0, 7, 0))).AskAgainAt);
        Assert.Equal(long.MaxValue, Take(Known.Connection(5, new Work(0, 1L << 30, 0, (1L << 30) / Work.FullSegment))).AskAgainAt);
    }

    [Fact]
    public void Its_worth_is_what_a_TOE_saves_in_a_second() =>
        Assert.Equal(500, Take(Known.Connection(5, Known.Exchange.Times(1000), second: new Work(0, 0, 40, 60))).Worth, 10);

    private Decision Take(ConnectionStatistics known) => Take(known, Known.Toe(10));

    private Decision Take(ConnectionStatistics known, ToeStatistics? toe)
    {
        var question = new OffloadQuestion(known, IsOffloaded: false, Work.Of(known), toe);
        return _policy.Decide(in question);
    }

    private Decision Keep(ConnectionStatistics known, ToeStatistics toe)
    {
        var question = new OffloadQuestion(known, IsOffloaded: true, Work.Of(known), toe);
        return _policy.Decide(in question);
    }
}
