using Akka.Actor;
using Akka.Configuration;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using TcpActors.Actors;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using TcpActors.HostSide.Statistics;
using TcpActors.Specs.Simulation;
using TcpActors.Transport;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host;

/// <summary>When samples are taken, and what they make of what was counted, on a clock and a timer that only the spec moves.</summary>
public sealed class SamplerSpecs : TestKit
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private static readonly Config s_config = ConfigurationFactory.ParseString("akka.scheduler.implementation = \"Akka.TestKit.TestScheduler, Akka.TestKit\"")
        .WithFallback(OffloadEngine.ReferenceConfig);

    private readonly World _world = new(1, start: Microseconds.FromSeconds(1000));
    private readonly HeardSamples _heard = new();
    private readonly ScriptedHost _host;
    private readonly ActorSelection _sampler;

    public SamplerSpecs(ITestOutputHelper output)
        : base(s_config, "sampler", output)
    {
        _host = new ScriptedHost(
            Sys, TestActor, new SpecLog(output).CreateLogger("host"), TimeSpan.FromSeconds(1), new MonotonicClock(_world.Time), _heard);
        _sampler = Sys.ActorSelection(_host.Supervisor.Path / "sampler");
    }

    [Fact]
    public async Task Rates_are_of_the_last_interval()
    {
        Connection connection = _host.Add();
        await SecondAsync();

        Count(connection, bytesReceived: 3000, segmentsReceived: 2, bytesSent: 500, segmentsSent: 4);
        await SecondAsync();
        ConnectionStatistics first = await StatisticsAsync(connection);

        Assert.Equal((3000, 2, 3000d, 2d), Of(first.Received));
        Assert.Equal((500, 4, 500d, 4d), Of(first.Sent));
        Assert.Equal(Trend.Uptake, first.Trend.Trend);
        Assert.Equal((Microseconds.FromSeconds(2), Microseconds.Zero), (first.Age, first.Idle));

        Count(connection, bytesReceived: 1000, segmentsReceived: 1);
        await SecondAsync();
        ConnectionStatistics second = await StatisticsAsync(connection);
        Assert.Equal((4000, 3, 1000d, 1d), Of(second.Received));
        Assert.Equal((500, 4, 0d, 0d), Of(second.Sent));

        await SecondAsync();
        ConnectionStatistics third = await StatisticsAsync(connection);
        Assert.Equal((4000, 3, 0d, 0d), Of(third.Received));
        Assert.Equal(Microseconds.FromSeconds(1), third.Idle);
        _world.RunFor(Microseconds.FromSeconds(3));
        Assert.Equal(Trend.SlowDown, (await StatisticsAsync(connection)).Trend.Trend);
    }

    [Fact]
    public async Task What_moves_after_a_pause_has_moved_since_the_last_look()
    {
        Connection connection = _host.Add();
        Count(connection, bytesReceived: 1000, segmentsReceived: 1);
        for (int i = 0; i < 20; i++)
        {
            await SecondAsync();
        }

        Count(connection, bytesReceived: 7000, segmentsReceived: 5);
        await SecondAsync();

        Assert.Equal((8000, 6, 7000d, 5d), Of((await StatisticsAsync(connection)).Received));
    }

    [Fact]
    public async Task A_report_between_two_samples_has_the_counts_of_now_and_the_rates_of_the_last_interval()
    {
        Connection connection = _host.Add();
        Count(connection, bytesReceived: 1000, segmentsReceived: 1);
        await SecondAsync();
        Count(connection, bytesReceived: 50, segmentsReceived: 1);
        _world.RunFor(Microseconds.FromMilliseconds(10));

        Assert.Equal((1050, 2, 1000d, 1d), Of((await StatisticsAsync(connection)).Received));
    }

    [Fact]
    public async Task A_listener_hears_of_who_moves_once_of_who_has_stopped_and_rarely_of_who_is_idle()
    {
        Connection connection = _host.Add();
        List<double> heard = [];
        for (int second = 0; second < 25; second++)
        {
            if (second is 2 or 3)
            {
                Count(connection, bytesReceived: 100, segmentsReceived: 1);
            }

            await SecondAsync();
            heard.AddRange(_heard.Take(connection).Select(each => each.Received.BytesPerSecond));
        }

        Assert.Equal([0, 0, 100, 100, 0, 0, 0], heard);
        // And once when the TOE came.
        Assert.Equal(26, _heard.Toes);
    }

    [Fact]
    public async Task A_TOE_that_answers_is_not_silent_and_one_that_does_not_is()
    {
        await SecondAsync();
        await BehindAsync(_host.Toe.Supervisor);
        await SecondAsync();
        Assert.Equal(Microseconds.Zero, await SilenceAsync());

        await _host.Toe.Supervisor.GracefulStop(s_patience);
        await SecondAsync();
        await SecondAsync();
        await SecondAsync();
        Assert.Equal(Microseconds.FromSeconds(2), await SilenceAsync());
    }

    [Fact]
    public async Task More_connections_than_one_slice_are_all_sampled_and_a_listener_that_throws_stops_nothing()
    {
        List<Connection> connections = [.. Enumerable.Range(0, 1300).Select(_ => _host.Add())];
        _heard.ThrowsOnce = true;
        await SecondAsync();

        Assert.All(connections, connection => Assert.Single(_heard.Take(connection)));
    }

    [Fact]
    public async Task One_that_has_ended_is_sampled_and_reported_no_more()
    {
        Connection first = _host.Add();
        Connection second = _host.Add();
        Connection third = _host.Add();
        await first.DisposeAsync();
        await first.Closed.WaitAsync(s_patience);

        HostReport report = await _host.ReportAsync().WaitAsync(s_patience);
        Assert.Equal([second.Id, third.Id], report.Connections.Select(each => each.Id).ToHashSet());
        await SecondAsync();
        Assert.Empty(_heard.Take(first));
        Assert.Single(_heard.Take(second));
        Assert.Single(_heard.Take(third));
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _host.Dispose();
        _world.Dispose();
    }

    private static (long Bytes, long Segments, double BytesPerSecond, double SegmentsPerSecond) Of(Traffic traffic) =>
        (traffic.Bytes, traffic.Segments, Math.Round(traffic.BytesPerSecond, 6), Math.Round(traffic.SegmentsPerSecond, 6));

    /// <summary>The connection's owner has counted that and shown what it received.</summary>
    private static void Count(Connection connection, int bytesReceived, int segmentsReceived, int bytesSent = 0, int segmentsSent = 0)
    {
        ref EngineCounters counters = ref connection.Memory.Counters.Value;
        counters.BytesReceived += bytesReceived;
        counters.SegmentsReceived += segmentsReceived;
        counters.BytesSent += bytesSent;
        counters.SegmentsSent += segmentsSent;
        Assert.True(connection.Memory.Receive.TryGetMemory(out Memory<byte> memory));
        connection.Memory.Receive.Produce(bytesReceived);
        connection.Memory.Receive.GetReadable();
        connection.Memory.Receive.Consume(bytesReceived);
    }

    private async Task<ConnectionStatistics> StatisticsAsync(Connection connection) =>
        (await _host.ReportAsync(connection).WaitAsync(s_patience)).Statistics;

    /// <summary>A second passes and what is due in it is done.</summary>
    private async Task SecondAsync()
    {
        // What was told to the supervisor before is done, and the timer runs.
        await BehindAsync(_host.Supervisor);
        await BehindAsync(_sampler);
        _world.RunFor(Microseconds.FromSeconds(1));
        ((TestScheduler)Sys.Scheduler).Advance(TimeSpan.FromSeconds(1));

        // The slices follow each other, and each question comes behind one of them.
        for (int slice = 0; slice < 5; slice++)
        {
            await BehindAsync(_sampler);
        }
    }

    /// <summary>How long the TOE has left a question unanswered, by the host's report.</summary>
    private async Task<Microseconds> SilenceAsync() => Assert.Single((await _host.ReportAsync().WaitAsync(s_patience)).Toes).SilentFor;

    private static async Task BehindAsync(ICanTell actor) => await actor.Ask<ActorIdentity>(new Identify(null), s_patience);

    /// <summary>What the sampler told.</summary>
    private sealed class HeardSamples : ISampleListener
    {
        private readonly Lock _lock = new();
        private readonly List<(Connection Connection, ConnectionStatistics Statistics)> _samples = [];
        private int _toes;
        private int _thrown;

        /// <summary>At one connection, and whenever it hears of TOEs.</summary>
        public bool ThrowsOnce { get; set; }

        /// <summary>How often it told of all TOEs.</summary>
        public int Toes => Volatile.Read(ref _toes);

        public bool Wants(Connection connection) => true;

        public void Sampled(Connection connection, ConnectionStatistics statistics, UploadReason offered)
        {
            lock (_lock)
            {
                _samples.Add((connection, statistics));
            }

            if (ThrowsOnce && Interlocked.Exchange(ref _thrown, 1) == 0)
            {
                throw new InvalidOperationException("it does not like it");
            }
        }

        public void Sampled(IReadOnlyList<ToeStatistics> toes)
        {
            Interlocked.Increment(ref _toes);
            if (ThrowsOnce)
            {
                throw new InvalidOperationException("nor that");
            }
        }

        /// <summary>What it has told of a connection since the last time.</summary>
        public List<ConnectionStatistics> Take(Connection connection)
        {
            lock (_lock)
            {
                List<ConnectionStatistics> taken = [.. _samples.Where(each => each.Connection == connection).Select(each => each.Statistics)];
                _samples.RemoveAll(each => each.Connection == connection);
                return taken;
            }
        }
    }
}
