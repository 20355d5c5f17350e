using System.Runtime.CompilerServices;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.HostSide.Statistics;

/// <summary>
/// What is remembered of one connection between two samples: as little as can be, since most connections move nothing most of the time. The
/// counts themselves, with which it shares an object, are the owners' (<see cref="PostedMemory.Counters"/>). Moves are noted by the supervisor, states by anybody, the rest is
/// the sampler's.
/// </summary>
internal sealed class ConnectionMeter : StrongBox<EngineCounters>
{
    /// <summary>Intervals between two words to a listener about a connection that moves nothing.</summary>
    private const byte QuietIntervals = 10;

    private const byte NoPhase = byte.MaxValue;

    private readonly Microseconds _since;

    // As of the last sample in which bytes had moved, or the beginning. What is only ever subtracted has 32 bits.
    private Microseconds _at;
    private long _bytesReceived;
    private long _bytesSent;
    private uint _segmentsReceived;
    private uint _segmentsSent;
    private uint _retransmitted;
    private uint _outOfOrder;
    private uint _moved;
    private RateMeans _means;

    // Null while nothing moves.
    private Rates? _rates;

    private Microseconds _movedAt;
    private uint _moveTook;
    private int _moves;
    private int _state = (int)TcpState.Established;
    private int _stateChanges;
    private byte _quiet;
    private byte _phase = NoPhase;
    private bool _isInputEnded;

    /// <param name="since">When the host got the connection.</param>
    public ConnectionMeter(Microseconds since) => _since = _at = since;

    /// <summary>Where it stands in the sampler's list; for the sampler.</summary>
    public int Place { get; set; } = -1;

    /// <summary>How it gets on at its TOE; null: the stack has it. For the supervisor, and for reports.</summary>
    public ConnectionPhase? Phase
    {
        get => Volatile.Read(ref _phase) is var phase and < NoPhase ? (ConnectionPhase)phase : null;
        set => Volatile.Write(ref _phase, value is { } phase ? (byte)phase : NoPhase);
    }

    /// <summary>Somebody has seen TCP's state. Any thread.</summary>
    public void SeeState(TcpState state)
    {
        if (Interlocked.Exchange(ref _state, (int)state) != (int)state)
        {
            Interlocked.Increment(ref _stateChanges);
        }
    }

    /// <summary>The state becomes another one, as that of RFC 9293's figure 5 would. Any thread.</summary>
    public void Change(Func<TcpState, TcpState> change) => SeeState(change((TcpState)Volatile.Read(ref _state)));

    public void EndInput() => Volatile.Write(ref _isInputEnded, true);

    /// <summary>A move has ended.</summary>
    public void NoteMove(Microseconds began, Microseconds ended)
    {
        Volatile.Write(ref _moveTook, (uint)Math.Clamp((ended - began).Value, 0, uint.MaxValue));
        _movedAt = ended;
        Volatile.Write(ref _moves, _moves + 1);
    }

    /// <summary>
    /// Whether there is anything to sample, which costs two looks at memory and no question to a stack: bytes have moved since the last look, or had
    /// at the last one.
    /// </summary>
    public bool IsActive(PostedMemory memory)
    {
        uint moved = memory.Receive.Shown + memory.Send.Freed;
        if (moved == _moved)
        {
            return _rates is not null;
        }

        (_moved, _quiet) = (moved, 0);
        _rates ??= Rates.None;
        return true;
    }

    /// <summary>Measures what has moved since the last sample of an active connection.</summary>
    /// <param name="now">The host's clock.</param>
    /// <param name="tally">What has been counted by now.</param>
    /// <param name="interval">Between two samples; zero: they come when they come.</param>
    public void Sample(Microseconds now, in Tally tally, Microseconds interval)
    {
        Microseconds passed = now - _at;
        bool wasQuiet = ReferenceEquals(_rates, Rates.None);
        if (passed <= Microseconds.Zero || (!wasQuiet && passed < interval / 2))
        {
            // Rates of an instant say nothing.
            return;
        }

        if (tally.BytesReceived == _bytesReceived && tally.BytesSent == _bytesSent)
        {
            // It has stopped. (Or what was moved is not sent yet: then there is another look.)
            _rates = wasQuiet ? _rates : null;
            return;
        }

        if (wasQuiet && interval > Microseconds.Zero && passed > interval)
        {
            // The looks in between saw nothing: what moved has moved since the last of them.
            _means.Take(0, passed - interval);
            passed = interval;
        }

        double seconds = passed.Value / 1_000_000.0;
        _rates = new Rates(
            Rate(tally.BytesReceived - _bytesReceived, seconds),
            Rate(tally.BytesSent - _bytesSent, seconds),
            ((uint)tally.SegmentsReceived - _segmentsReceived) / seconds,
            ((uint)tally.SegmentsSent - _segmentsSent) / seconds,
            ((uint)tally.Retransmitted - _retransmitted) / seconds,
            ((uint)tally.OutOfOrder - _outOfOrder) / seconds);
        _means.Take(_rates.Bytes, passed);
        (_at, _bytesReceived, _bytesSent) = (now, tally.BytesReceived, tally.BytesSent);
        (_segmentsReceived, _segmentsSent) = ((uint)tally.SegmentsReceived, (uint)tally.SegmentsSent);
        (_retransmitted, _outOfOrder) = ((uint)tally.Retransmitted, (uint)tally.OutOfOrder);
    }

    /// <summary>Whether a listener is to hear of this sample (<see cref="ISampleListener.Sampled(Connection, ConnectionStatistics, UploadReason)"/>).</summary>
    public bool IsWorthTelling()
    {
        bool tell = _quiet <= 1;
        _quiet = _quiet >= QuietIntervals ? (byte)1 : (byte)(_quiet + 1);
        return tell;
    }

    /// <param name="connection">Whose meter this is.</param>
    /// <param name="now">The host's clock.</param>
    /// <param name="tally">What has been counted by now.</param>
    /// <param name="queued">Segments that wait for its actor.</param>
    public ConnectionStatistics Report(Connection connection, Microseconds now, in Tally tally, int queued)
    {
        PostedMemory memory = connection.Memory;
        Rates rates = _rates ?? Rates.None;
        (string? upper, int upperChanges) = connection.UpperState;
        int moves = Volatile.Read(ref _moves);
        return new ConnectionStatistics
        {
            At = now,
            Age = now - _since,
            Idle = now - _at,
            Received = new Traffic(tally.BytesReceived, tally.SegmentsReceived, rates.BytesReceived, rates.SegmentsReceived),
            Sent = new Traffic(tally.BytesSent, tally.SegmentsSent, rates.BytesSent, rates.SegmentsSent),
            Errors = new ErrorStatistics(
                tally.Retransmitted, tally.Timeouts, tally.Dropped, tally.Duplicates, tally.OutOfOrder, rates.Retransmitted, rates.OutOfOrder),
            Trend = _means.Trend(idle: _rates is null ? now - _at : Microseconds.Zero),
            State = new StateStatistics
            {
                Tcp = (TcpState)Volatile.Read(ref _state),
                TcpChanges = Volatile.Read(ref _stateChanges),
                Phase = Phase,
                IsInputEnded = Volatile.Read(ref _isInputEnded),
                IsOutputEnded = connection.IsOutputEnding,
                Upper = upper,
                UpperChanges = upperChanges,
            },
            Resources = new ResourceStatistics(
                memory.Send.Memory, memory.Send.Limit, memory.Send.Count, memory.Receive.Memory, memory.Receive.Limit, memory.Receive.Unread, queued),
            Moves = moves == 0
                ? new MoveStatistics(0, null, null)
                : new MoveStatistics(moves, now - _movedAt, new Microseconds(Volatile.Read(ref _moveTook))),
            Tags = connection.Tags,
            Priority = connection.Priority,
        };
    }

    // An actor that crashed has taken back what it had not committed, perhaps after it was seen.
    private static double Rate(long bytes, double seconds) => Math.Max(0, bytes) / seconds;
}
