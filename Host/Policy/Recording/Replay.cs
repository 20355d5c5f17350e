using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide.Policy.Recording;

/// <summary>
/// Runs a policy over a record in the record's own time: what the connections do is taken from it, where they are is the policy's doing. A move takes no
/// time; what a TOE would have asked for where there was none is not known, except that a connection which ends comes back for it.
/// </summary>
public sealed class Replay
{
    private readonly Dictionary<ConnectionId, ReplayedConnection> _connections = [];
    private readonly List<PolicyMove> _moves = [];
    private readonly OffloadBook _book;
    private readonly IOffloadPolicy _policy;
    private readonly CostModel _costs;
    private readonly MoveCount _count;
    private readonly Microseconds _period;
    private double _cpu;
    private Work _work;
    private long _offloads;
    private long _uploads;
    private long _closing;
    private long _seen;
    private long _now;
    private string _recordedUnder = "";
    private string? _end;

    private Replay(IOffloadPolicy policy, CostModel costs, Microseconds period)
    {
        (_policy, _costs, _period) = (policy, costs, period);
        _book = new OffloadBook(policy, period);
        _count = new MoveCount(period);
    }

    /// <summary>Replays a record.</summary>
    /// <param name="path">What <see cref="HostOptions.RecordFile"/> wrote.</param>
    /// <param name="policy">The policy to try.</param>
    /// <param name="costs">What work and moves cost; null: <see cref="CostModel.Measured"/>.</param>
    /// <param name="hysteresis">How long a connection stays where it was moved to; null: as long as when it was recorded.</param>
    /// <exception cref="TraceException">It is no record, or a damaged one; the message names the line.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ReplayResult Run(string path, IOffloadPolicy policy, CostModel? costs = null, TimeSpan? hysteresis = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        using IEnumerator<TraceLine> lines = TraceReader.Read(path).GetEnumerator();
        lines.MoveNext();
        var begin = (TraceBegin)lines.Current;
        double seconds = hysteresis?.TotalSeconds ?? begin.Hysteresis;
        var replay = new Replay(policy, costs ?? CostModel.Measured, Microseconds.FromSeconds(seconds)) { _recordedUnder = begin.Policy };
        long number = 1;
        while (lines.MoveNext())
        {
            number++;
            replay.Take(lines.Current);
        }

        return replay.Result(number);
    }

    private Microseconds Now => new(_now);

    private void Take(TraceLine line)
    {
        // Samples are taken on one thread and written on another: a line may be a little older than the one before.
        _now = Math.Max(_now, line.T);
        switch (line)
        {
            case TraceSample sample:
                Sampled(new ConnectionId(sample.C), TraceText.Of(sample) with { At = Now }, TraceText.OfferedIn(sample));
                break;
            case TraceToes toes:
                _book.Review([.. toes.Toes.Select(TraceText.Of)], Now, _moves);
                break;
            case TraceHand hand:
                TakeInHand(new ConnectionId(hand.C), Connection(hand.C));
                break;
            case TraceMoved moved when Connection(moved.C) is { IsInHand: true } connection:
                // Where somebody has moved it, it is under any policy.
                _book.MovedByHand(connection.Toe, moved.Toe);
                connection.Toe = moved.Toe;
                break;
            case TraceEnding { Rx: [var bytesIn, var segmentsIn], Tx: [var bytesOut, var segmentsOut] } ending:
                Charge(Connection(ending.C), new Work(bytesIn, bytesOut, segmentsIn, segmentsOut));
                break;
            case TraceEnd end:
                Ended(new ConnectionId(end.C));
                break;
            case TraceClose close:
                _end = close.Reason;
                break;
        }

        Move();
    }

    private void Sampled(ConnectionId id, ConnectionStatistics statistics, UploadReason offered)
    {
        ReplayedConnection connection = Connection(id.Value);
        var work = Work.Of(statistics);
        if (connection.Toe is null && connection.Work.Bytes < _policy.AskAfterBytes && work.Bytes > _policy.AskAfterBytes)
        {
            // The policy would have been asked in between.
            double share = (double)(_policy.AskAfterBytes - connection.Work.Bytes) / (work.Bytes - connection.Work.Bytes);
            Work then = connection.Work.Towards(work, share);
            Charge(connection, then);
            Ask(id, At(statistics, then));
        }

        Charge(connection, work);
        Ask(id, statistics, offered);
    }

    /// <summary>As the connection was a little earlier, when it had done less.</summary>
    private static ConnectionStatistics At(ConnectionStatistics later, Work work) => later with
    {
        Received = later.Received with { Bytes = work.BytesReceived, Segments = work.SegmentsReceived },
        Sent = later.Sent with { Bytes = work.BytesSent, Segments = work.SegmentsSent },
    };

    private void Ask(ConnectionId id, ConnectionStatistics statistics, UploadReason offered = UploadReason.None)
    {
        if (!Connection(id.Value).IsInHand)
        {
            _book.Ask(id, statistics, _moves, offered);
            Move();
        }
    }

    private void TakeInHand(ConnectionId id, ReplayedConnection connection)
    {
        if (!connection.IsInHand)
        {
            connection.IsInHand = true;
            _book.TakeInHand(id);
        }
    }

    private void Charge(ReplayedConnection connection, Work work)
    {
        Work done = work - connection.Work;
        _work += done;
        _cpu += (connection.Toe is null ? _costs.Stack : _costs.Toe).Of(in done);
        connection.Work = work;
    }

    private void Move()
    {
        foreach (PolicyMove move in _moves)
        {
            ReplayedConnection connection = Connection(move.Connection.Value);
            _count.Add(move.Connection, Now, move.ToToe);
            _cpu += move.ToToe ? _costs.Offload : _costs.Upload;
            _ = move.ToToe ? _offloads++ : _uploads++;
            connection.Toe = move.ToToe ? move.Toe ?? "" : null;
            _book.Moved(move.Connection, connection.Toe, Now);
        }

        _moves.Clear();
    }

    private void Ended(ConnectionId id)
    {
        if (_connections.Remove(id, out ReplayedConnection? connection) && connection.Toe is not null)
        {
            _closing++;
            _cpu += _costs.Upload;
        }

        if (connection is { IsInHand: true })
        {
            _book.MovedByHand(connection.Toe, to: null);
        }
        else
        {
            _book.Forget(id);
        }

        _count.Forget(id);
    }

    private ReplayedConnection Connection(long id)
    {
        if (!_connections.TryGetValue(new ConnectionId(id), out ReplayedConnection? connection))
        {
            _connections.Add(new ConnectionId(id), connection = new ReplayedConnection());
            _seen++;
        }

        return connection;
    }

    private ReplayResult Result(long lines) => new()
    {
        Policy = _policy.Name,
        RecordedUnder = _recordedUnder,
        Lines = lines,
        End = _end,
        HysteresisSeconds = _period.ToTimeSpan().TotalSeconds,
        Connections = _seen,
        Work = _work,
        Offloads = _offloads,
        Uploads = _uploads,
        ClosingUploads = _closing,
        Flaps = _count.Flaps,
        MostMovesInPeriod = _count.Most,
        CpuMicroseconds = _cpu,
    };

    /// <summary>Where a connection is in the replay, and what it has done.</summary>
    private sealed class ReplayedConnection
    {
        public string? Toe { get; set; }

        public bool IsInHand { get; set; }

        public Work Work { get; set; }
    }
}
