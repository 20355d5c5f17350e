using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Policy.Recording;
using TcpActors.HostSide.Statistics;
using Xunit;

namespace TcpActors.Specs.Host.Policy;

/// <summary>Policies over a record, in the record's own time.</summary>
public sealed class ReplaySpecs : IDisposable
{
    private static readonly CostModel s_costs = new()
    {
        Stack = new OwnerCosts(Exchange: 10_000, ByteReceived: 0, ByteSent: 0),
        Toe = new OwnerCosts(Exchange: 5_000, ByteReceived: 0, ByteSent: 0),
        Offload = 120,
        Upload = 80,
    };

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"tcpactors-{Guid.NewGuid():N}.trace");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void The_cost_of_work_is_that_of_the_place_where_it_is_done_and_moves_are_counted()
    {
        Record(trace =>
        {
            trace.Sampled(new ConnectionId(1), Known.Connection(1, Exchanges(100)));
            trace.Sampled(new ConnectionId(1), Known.Connection(2, Exchanges(300), age: 2));
            trace.Ended(Microseconds.FromSeconds(3), new ConnectionId(1));
        });

        // Exchanges without bytes: 20 µs each in the stack, 10 on the TOE. Never: 300 of them.
        ReplayResult never = Replay.Run(_path, OffloadPolicies.Never, s_costs);
        Assert.Equal((0, 0, 0, 6000), (never.Offloads, never.Uploads, never.ClosingUploads, never.CpuMicroseconds));

        // Always: asked with the first sample, before which nothing is known.
        ReplayResult always = Replay.Run(_path, OffloadPolicies.Always, s_costs);
        Assert.Equal((1, 0, 1, 2000 + 120 + 2000 + 80), (always.Offloads, always.Uploads, always.ClosingUploads, always.CpuMicroseconds));
        Assert.Equal((1, 1, 0), (always.Connections, always.MostMovesInPeriod, always.Flaps));
        Assert.Equal(("never", "the host has ended", 10), (always.RecordedUnder, always.End, always.HysteresisSeconds));
    }

    [Fact]
    public void A_policy_of_bytes_is_asked_when_they_were_moved_also_between_two_samples()
    {
        Work thousand = new(1000, 0, 100, 0);
        Record(trace => trace.Sampled(new ConnectionId(1), Known.Connection(1, thousand)));

        // 100 segments beyond the 0.7 that the bytes fill: a quarter of them in the stack, at 10 µs, and three on the TOE, at 5.
        ReplayResult result = Replay.Run(_path, OffloadPolicies.Bytes(250), s_costs);
        Assert.Equal(1, result.Offloads);
        Assert.Equal((thousand.Exchanges * 0.25 * 10) + 120 + (thousand.Exchanges * 0.75 * 5), result.CpuMicroseconds, 6);
    }

    [Fact]
    public void What_was_moved_by_hand_is_where_it_was_under_any_policy()
    {
        Record(trace =>
        {
            trace.TakenInHand(Microseconds.FromSeconds(0), new ConnectionId(1));
            trace.Moved(Microseconds.FromSeconds(0), new ConnectionId(1), "toe");
            trace.Sampled(new ConnectionId(1), Known.Connection(1, Exchanges(100)));
            trace.Moved(Microseconds.FromSeconds(1), new ConnectionId(1), null);
            trace.Sampled(new ConnectionId(1), Known.Connection(2, Exchanges(200), age: 2));
        });

        ReplayResult result = Replay.Run(_path, OffloadPolicies.Always, s_costs);
        Assert.Equal((0, 1000 + 2000), (result.Offloads, result.CpuMicroseconds));
    }

    [Fact]
    public void The_last_work_of_a_connection_counts_though_it_was_not_sampled()
    {
        Record(trace =>
        {
            trace.Ending(Microseconds.FromSeconds(1), new ConnectionId(1), new Tally { SegmentsReceived = 10, SegmentsSent = 10 });
            trace.Ended(Microseconds.FromSeconds(1), new ConnectionId(1));
        });

        Assert.Equal(200, Replay.Run(_path, OffloadPolicies.Never, s_costs).CpuMicroseconds);
    }

    [Fact]
    public void A_restless_policy_flaps_and_still_moves_nobody_twice_within_a_period()
    {
        Record(trace =>
        {
            for (int second = 1; second <= 100; second++)
            {
                trace.Sampled(new ConnectionId(1), Known.Connection(second, Exchanges(second), age: second));
            }
        });

        ReplayResult result = Replay.Run(_path, new Restless(), s_costs);
        Assert.Equal((5, 5, 9, 1), (result.Offloads, result.Uploads, result.Flaps, result.MostMovesInPeriod));
        ReplayResult without = Replay.Run(_path, new Restless(), s_costs, hysteresis: TimeSpan.FromSeconds(2));
        Assert.Equal((25, 25, 49, 1), (without.Offloads, without.Uploads, without.Flaps, without.MostMovesInPeriod));
    }

    [Fact]
    public void A_TOE_gets_no_more_than_it_took_when_it_was_recorded()
    {
        Record(trace =>
        {
            trace.Toes(Microseconds.FromSeconds(0), [Known.Toe(2)]);
            for (int id = 1; id <= 5; id++)
            {
                trace.Sampled(new ConnectionId(id), Known.Connection(1, Exchanges(100)));
            }

            trace.Toes(Microseconds.FromSeconds(2), [Known.Toe(2)]);
        });

        Assert.Equal(2, Replay.Run(_path, OffloadPolicies.Always, s_costs).Offloads);
    }

    [Fact]
    public void What_is_recorded_is_what_is_read()
    {
        ConnectionStatistics known = Known.Connection(7, Known.Exchange.Times(9), second: Known.Exchange.Times(3), age: 6, idle: 0) with
        {
            Errors = new ErrorStatistics(1, 2, 3, 4, 5, 0, 0),
            Trend = new RateTrend(Trend.Steady, 1.5),
            Tags = ["bulk", "of the night"],
            Priority = -7,
            Resources = new ResourceStatistics(4096, 0, 0, 0, 0, 0, 0),
        };
        ConnectionStatistics closing = known with
        {
            State = known.State with { Tcp = TcpState.CloseWait, IsInputEnded = true, Upper = "quit" },
        };
        Record(trace =>
        {
            trace.Sampled(new ConnectionId(1), known);
            trace.Sampled(new ConnectionId(1), closing);
        });

        ConnectionStatistics[] read = [.. TraceReader.Read(_path).OfType<TraceSample>().Select(TraceText.Of)];
        Assert.Equal(known.Tags, read[0].Tags);
        Assert.Equal([known, closing], read.Select(each => each with { Tags = known.Tags }));
    }

    [Fact]
    public void A_record_ends_at_its_limit_and_says_so()
    {
        Record(
            trace =>
            {
                for (int second = 1; second < 2000; second++)
                {
                    trace.Sampled(new ConnectionId(1), Known.Connection(second, Exchanges(second), age: second));
                }
            },
            new HostOptions { RecordLimit = 64 << 10 });

        Assert.InRange(new FileInfo(_path).Length, 60 << 10, 64 << 10);
        Assert.Equal("it has reached its limit of 65536 bytes", Replay.Run(_path, OffloadPolicies.Never, s_costs).End);
    }

    [Fact]
    public void A_record_that_was_cut_between_two_lines_is_replayed_and_says_nothing_of_its_end()
    {
        Record(trace => trace.Sampled(new ConnectionId(1), Known.Connection(1, Exchanges(1))));
        File.WriteAllLines(_path, File.ReadAllLines(_path)[..^1]);

        Assert.Null(Replay.Run(_path, OffloadPolicies.Never, s_costs).End);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("GIF89a\n", "line 1: this is no record of a policy")]
    [InlineData("{\"a\":1}\n", "line 1: this is no record of a policy")]
    [InlineData("{\"e\":\"end\",\"t\":1,\"c\":1}\n", "line 1: this is no record of a policy")]
    [InlineData("BEGIN2", "line 1: a record of version 2; this command reads version 1")]
    [InlineData("BEGIN{\"e\":\"hand\",\"t\":1,\"c\":1}\nBEGIN", "line 3: a second record begins here")]
    [InlineData("BEGIN{\"e\":\"hand\",\"t\":1,\"c\":1}\n{\"e\":\"hand\",\"t\":1", "line 3: the record breaks off in the middle of a line")]
    [InlineData("BEGIN{\"e\":\"hand\",\"t\":1}\n{\"e\":\"hand\",\"t\":1,\"c\":1}\n", "line 2: this is no line of a record")]
    [InlineData("BEGIN{\"e\":\"wink\",\"t\":1,\"c\":1}\n{\"e\":\"hand\",\"t\":1,\"c\":1}\n", "line 2: this is no line of a record")]
    [InlineData("BEGIN{\"e\":\"sample\",\"t\":1,\"c\":1,\"age\":1,\"idle\":0,\"rx\":[1],\"tx\":[1]}\n{\"e\":\"hand\",\"t\":1,\"c\":1}\n", "line 2: this is no line of a record (a sample has four numbers")]
    public void What_is_no_record_is_refused_with_its_line(string text, string expected)
    {
        const string Begin = "{\"e\":\"begin\",\"version\":1,\"policy\":\"never\",\"interval\":1,\"hysteresis\":10,\"began\":\"2026-11-24T00:00:00+00:00\",\"t\":0}\n";
        File.WriteAllText(_path, text.Replace("BEGIN2", Begin.Replace("\"version\":1", "\"version\":2", StringComparison.Ordinal), StringComparison.Ordinal)
            .Replace("BEGIN", Begin, StringComparison.Ordinal));

        TraceException failure = Assert.Throws<TraceException>(() => Replay.Run(_path, OffloadPolicies.Never, s_costs));
        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
        Assert.Contains(_path, failure.Message, StringComparison.Ordinal);
    }

    private static Work Exchanges(int count) => new(0, 0, count, count);

    private void Record(Action<TraceWriter> events, HostOptions? options = null)
    {
        using var trace = new TraceWriter(
            _path, (options ?? new HostOptions()) with { Policy = OffloadPolicies.Never }, Microseconds.Zero, NullLogger.Instance);
        events(trace);
    }
}
