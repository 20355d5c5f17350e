using Akka.Actor;
using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.HostSide.Statistics;

/// <summary>
/// Takes the samples of a host, at an interval and whenever a report is asked for. It reads what the owners count in the host's memory and what
/// the kernel tells of its sockets: it sends no connection's actor a message and holds no lock that one needs. Many connections are
/// sampled in slices, between which it hears of others.
/// </summary>
internal sealed class Sampler : UntypedActor, IWithTimers
{
    /// <summary>Connections sampled at one go: a fraction of a millisecond.</summary>
    private const int Slice = 512;

    private readonly Sampling _sampling;
    private readonly ILogger _logger;
    private readonly Microseconds _interval;
    private readonly List<Connection> _connections = [];
    private readonly List<ToeMeter> _toes = [];

    // The place in the list that is next, from the end down; below zero: no round is under way.
    private int _next = -1;

    public Sampler(Sampling sampling, ILogger logger)
    {
        (_sampling, _logger) = (sampling, logger);
        _interval = new Microseconds((long)sampling.Interval.TotalMicroseconds);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private Microseconds Now => _sampling.Clock.Now;

    public static Props Create(Sampling sampling, ILogger logger) => Props.Create(() => new Sampler(sampling, logger));

    protected override void PreStart()
    {
        if (_sampling.Interval > TimeSpan.Zero)
        {
            Timers.StartPeriodicTimer(nameof(Round), Round.Begin, _sampling.Interval);
        }
    }

    protected override void OnReceive(object message)
    {
        try
        {
            Handle(message);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A restart would forget the list.
            Log.SamplerFailed(_logger, e);
        }
    }

    private void Handle(object message)
    {
        switch (message)
        {
            case Enter enter:
                enter.Connection.Meter.Place = _connections.Count;
                _connections.Add(enter.Connection);
                break;
            case Leave leave:
                Remove(leave.Connection.Meter);
                break;
            case AddToe add:
                _toes.Add(new ToeMeter(add.Toe.Engine, Now));
                TellOfToes();
                break;
            case Toe.Event.StatisticsReport report:
                _toes.Find(toe => string.Equals(toe.Toe.Name, report.Reading.Name, StringComparison.Ordinal))?.Answered();
                break;
            case Ask ask when ask.Connection.Meter.Place >= 0:
                SampleNow(ask.Connection, ask.Offered);
                break;
            case Ask:
                break;
            case Round round:
                Take(round);
                break;
            case Compose compose:
                compose.Done.TrySetResult(Report(compose.Bookings));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    /// <summary>The last one takes its place: a round that is under way samples that one twice at worst.</summary>
    private void Remove(ConnectionMeter meter)
    {
        if (meter.Place >= 0)
        {
            Connection last = _connections[^1];
            _connections[meter.Place] = last;
            last.Meter.Place = meter.Place;
            _connections.RemoveAt(_connections.Count - 1);
            meter.Place = -1;
        }
    }

    private void Take(Round round)
    {
        if (round == Round.Begin)
        {
            if (_next >= 0)
            {
                // The round before is not through.
                return;
            }

            _next = _connections.Count - 1;
            TellOfToes();
            AskToes();
        }

        _next = Math.Min(_next, _connections.Count - 1);
        Microseconds now = Now;
        for (int end = Math.Max(-1, _next - Slice); _next > end; _next--)
        {
            // What fails for one, a listener above all, must not end the round for the others.
            try
            {
                Sample(_connections[_next], now);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                Log.SamplerFailed(_logger, e);
            }
        }

        if (_next >= 0)
        {
            Self.Tell(Round.GoOn);
        }
    }

    private void Sample(Connection connection, Microseconds now)
    {
        ConnectionMeter meter = connection.Meter;
        bool isActive = meter.IsActive(connection.Memory);
        ISampleListener? listener = _sampling.Listener is { } there && there.Wants(connection) && meter.IsWorthTelling() ? there : null;
        if (!isActive && listener is null)
        {
            return;
        }

        Tally tally = connection.Half.Count();
        if (isActive)
        {
            meter.Sample(now, in tally, _interval);
        }

        listener?.Sampled(connection, meter.Report(connection, now, in tally, queued: 0), UploadReason.None);
    }

    private void SampleNow(Connection connection, UploadReason offered)
    {
        Microseconds now = Now;
        Tally tally = connection.Half.Count();
        if (connection.Meter.IsActive(connection.Memory))
        {
            connection.Meter.Sample(now, in tally, _interval);
        }

        if (_sampling.Listener is { } listener && listener.Wants(connection))
        {
            listener.Sampled(connection, connection.Meter.Report(connection, now, in tally, queued: 0), offered);
        }
    }

    private void TellOfToes()
    {
        try
        {
            _sampling.Listener?.Sampled(Toes());
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Log.SamplerFailed(_logger, e);
        }
    }

    private void AskToes()
    {
        Microseconds now = Now;
        foreach (ToeMeter toe in _toes)
        {
            if (toe.TryAsk(now))
            {
                toe.Toe.Supervisor.Tell(Toe.Command.Query.OfToe, Self);
            }
        }
    }

    private List<ToeStatistics> Toes()
    {
        Microseconds now = Now;
        return [.. _toes.Select(toe => toe.Sample(now, _interval / 2, _sampling.Pool))];
    }

    private HostReport Report(Booking[] bookings)
    {
        Microseconds now = Now;
        var reports = new List<ConnectionReport>(bookings.Length);
        foreach (Booking booking in bookings)
        {
            Connection connection = booking.Connection;
            Tally tally = connection.Half.Count();
            if (connection.Meter.IsActive(connection.Memory))
            {
                connection.Meter.Sample(now, in tally, _interval);
            }

            if (booking.TryReport(now, in tally, out ConnectionReport? report))
            {
                reports.Add(report);
            }
        }

        return new HostReport(_sampling.Wall.GetUtcNow(), Toes(), reports);
    }

    /// <summary>A connection is in the book.</summary>
    public sealed record Enter(Connection Connection);

    /// <summary>It is no more.</summary>
    public sealed record Leave(Connection Connection);

    public sealed record AddToe(ToeUnit Toe);

    /// <summary>Sample this one now, and tell the listener; its TOE may have offered it.</summary>
    public sealed record Ask(Connection Connection, UploadReason Offered = UploadReason.None);

    /// <summary>Make a report of what the book says.</summary>
    public sealed record Compose(Booking[] Bookings, TaskCompletionSource<HostReport> Done);

    /// <summary>The next slice.</summary>
    public sealed class Round
    {
        private Round()
        {
        }

        public static Round Begin { get; } = new();

        public static Round GoOn { get; } = new();
    }
}
