using System.Runtime.CompilerServices;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.Congestion;
using TcpActors.Engine.Receive;
using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;

namespace TcpActors.Engine;

/// <summary>
/// TCP in the ESTABLISHED state, for one connection: pure, without clock, I/O or threads. A batch is any number of
/// <see cref="Receive"/> and <see cref="Fire"/>, then one <see cref="Transmit"/>; then the owner commits <see cref="Variants"/> and the
/// receive buffer, and only then flushes the transmit queue. The same inputs give the same outputs.
/// </summary>
/// <remarks>
/// <see cref="Variants"/> is the truth; the other fields are relearned after a move or a crash: at worst something is sent again or a
/// little later. Owned by the connection's owner; not thread safe. Nothing is allocated in the steady state.
/// </remarks>
public sealed partial class TcpEngine
{
    /// <summary>What IP's total length leaves for payload beside the longest headers: 65535 - 20 (IPv4) - 60 (TCP); bytes.</summary>
    public const int MaxSuperSegment = 65535 - 80;

    private readonly ConnectionInvariants _connection;
    private readonly SendBuffer _send;
    private readonly ReceiveBuffer _receive;
    private readonly TransmitQueue _output;
    private readonly StrongBox<EngineCounters> _counters;
    private readonly SentRecords _records = new();
    private Reassembly _reassembly = Reassembly.None;
    private SegmentInvariants _invariants;
    private ICongestionControl _congestion;
    private SegmentVariants _v;

    // Owed within a batch.
    private bool _retransmitFirst;
    private bool _owesTailProbe;
    private bool _owesWindowProbe;
    private bool _owesKeepAliveProbe;
    private bool _owesDrainProbe;
    private bool _isSillyWindowOverridden;
    private bool _shouldDeliver;
    private bool _isBatchOver;

    // Relearned.
    private DelayedAck _delayedAck;
    private EarlyDuplicates _earlyDuplicates;
    private CongestionEcho _echo;
    private WindowTuning _tuning;
    private AckThrottle _replies;
    private AckThrottle _probes;
    private AckThrottle _challenges;
    private Rack _rack;
    private RttEstimator _roundTrips;
    private SeqNum _unaOfLastLoss;
    private uint _reportedBefore;
    private SeqNum _smallSegmentEnd;
    private bool _isProbeReceived;
    private bool _isCongestionLimited;
    private bool _isPaced;
    private bool _timerRestartedInRecovery;
    private uint _lastTimestamp;
    private bool _hasSentTimestamp;
    private bool _isStopped;
    private readonly uint _ownership;

    /// <param name="connection">Set at set-up.</param>
    /// <param name="invariants">The present version.</param>
    /// <param name="variants">Deadlines absolute (<see cref="SegmentVariants.ToDeadlines"/>).</param>
    /// <param name="send">Holds every byte from SND_UNA on.</param>
    /// <param name="receive">Committed up to RCV_NXT.</param>
    /// <param name="output">Flushed by the owner after each commit.</param>
    /// <param name="counters">Where it counts on from the owner before; null: from zero.</param>
    /// <exception cref="ArgumentException">When there is no congestion control of the name given.</exception>
    public TcpEngine(
        ConnectionInvariants connection,
        SegmentInvariants invariants,
        in SegmentVariants variants,
        SendBuffer send,
        ReceiveBuffer receive,
        TransmitQueue output,
        StrongBox<EngineCounters>? counters = null)
    {
        _connection = connection;
        _invariants = invariants;
        _v = variants;
        _send = send;
        _receive = receive;
        _output = output;
        _counters = counters ?? new StrongBox<EngineCounters>();
        _congestion = CongestionControls.Named(invariants.CongestionControl);
        _ownership = receive.BeginOwnership();
        StartCongestionControl();
        RederiveCaches();
    }

    public ref readonly SegmentVariants Variants => ref _v;

    public ref readonly EngineCounters Counters => ref _counters.Value;

    public SegmentInvariants Invariants => _invariants;

    public ConnectionInvariants Connection => _connection;

    /// <summary>What is in flight, for audits.</summary>
    internal SentRecords Records => _records;

    /// <summary>
    /// The longest run of segments put into one <see cref="OutgoingSegment"/>, in payload bytes; at least one segment. A link without
    /// segmentation offload may want less. Not more than a chunk of the send buffer.
    /// </summary>
    public int MaxBurst { get; set; } = MaxSuperSegment;

    /// <summary>
    /// New data that one <see cref="Transmit"/> sends at most, in bytes; what more may be sent, <see cref="HasMoreToSend"/> says. Whoever looks
    /// for acknowledgements in between keeps no more in flight, and in the caches, than the path needs.
    /// </summary>
    public int MostInOneBatch { get; set; } = int.MaxValue;

    /// <summary>Whether <see cref="Transmit"/> ended at <see cref="MostInOneBatch"/>: it wants to be called again soon.</summary>
    public bool HasMoreToSend { get; private set; }

    /// <summary>
    /// After a batch: whether the application is to be woken. PSH was received, its request is filled, data behind a hole became
    /// readable, or the PUSH timer ran out.
    /// </summary>
    public bool ShouldDeliver => _shouldDeliver;

    /// <summary>Whether everything sent has been acknowledged: after <see cref="Stop"/> the upload need not wait any longer.</summary>
    public bool IsDrained => _v.SndUna == _v.SndMax;

    /// <summary>The first act after an offload: a pure acknowledgement, timers, caches. <see cref="Transmit"/> follows.</summary>
    public void StartAfterMove(Microseconds now)
    {
        BeginBatch();

        // TCP_INFO may not say these; zero is no value of theirs.
        _v.CongestionWindow = _v.CongestionWindow == 0 ? InitialWindow.For(Mss) : _v.CongestionWindow;
        KeepRoomForASegment();
        _v.SlowStartThreshold = _v.SlowStartThreshold == 0 ? uint.MaxValue : _v.SlowStartThreshold;
        _v.MaxWindow = Math.Max(_v.MaxWindow, _v.SndWnd);
        if (_v.Recovery == RecoveryPhase.Open)
        {
            // RFC 6582 3.2 step 1: "recover" starts before everything that can be lost.
            _v.RecoveryPoint = _v.SndUna - 1;
        }

        if (_v.OwesReduction)
        {
            _v.OwesReduction = false;
            Reduce(flight: _v.CongestionWindow, now);
        }

        Pacer.SetRate(ref _v, _congestion, _invariants.MaxPacingRate);
        RederiveCaches();
        _delayedAck.StartQuick();
        _shouldDeliver = _receive.HasSome;
        _v.AckNow = true;
        if (_invariants.IsPathUsable)
        {
            SendAck(AckSequence, now);
        }

        ArmTimers(now);
    }

    /// <summary>
    /// A new version of the segment-invariant variables; <see cref="Transmit"/> follows. What is in flight has no remembered segment edges:
    /// it is cut anew whenever it is sent again.
    /// </summary>
    /// <exception cref="ArgumentException">When there is no congestion control of the name given.</exception>
    public void Update(SegmentInvariants next, Microseconds now)
    {
        SegmentInvariants previous = _invariants;
        _congestion = CongestionControls.Named(next.CongestionControl);
        _invariants = next;
        StartCongestionControl();
        if (next.Neighbor.Mac != previous.Neighbor.Mac || next.EffectiveMss > previous.EffectiveMss)
        {
            _v.PathSearch.End();
        }

        KeepRoomForASegment();
        Pacer.SetRate(ref _v, _congestion, _invariants.MaxPacingRate);
        AllowToWait();
        if ((next.KeepAliveEnabled, next.KeepAliveTime) != (previous.KeepAliveEnabled, previous.KeepAliveTime))
        {
            _v.KeepAliveAt = Microseconds.Never;
            _v.KeepAliveProbesSent = 0;
        }

        if (next.IsPathUsable != previous.IsPathUsable)
        {
            // What waits is probed on a path and only timed without one.
            _v.PersistAt = Microseconds.Never;
        }

        if (_v.SndNxt > _v.SndUna)
        {
            if (next.PathMtu < previous.PathMtu && next.EffectiveMss < previous.EffectiveMss)
            {
                RetransmitInSmallerSegments(now);
            }
            else if (next.IsPathUsable && (!previous.IsPathUsable || next.Neighbor.Mac != previous.Neighbor.Mac))
            {
                // What left before, or while, the path broke is lost more likely than not, and so is what left to an address that is
                // no more; one segment finds out.
                _records.MarkFirstLost(Mss);
                _retransmitFirst = true;
                _v.RetransmitAt = RetransmitDeadline(now);
            }
        }

        ArmTimers(now);
    }

    /// <summary>
    /// Back to the last commit after a crash, which TCP sees as lost packets: what was queued and not flushed is forgotten, bytes
    /// received out of order as well (RFC 2018 8 lets a receiver do that). <see cref="Transmit"/> follows.
    /// </summary>
    public void Restore(in SegmentVariants committed, Microseconds now)
    {
        BeginBatch();
        TakeBack(in committed);
        _v = committed;
        _reassembly.Clear();

        // It may be of what has just been forgotten, of which it would be a report that it had arrived.
        _duplicate = default;
        _owesTailProbe = false;
        _retransmitFirst = false;
        if (_receive.Committed < _v.RcvNxt)
        {
            // The crash came between the two halves of the commit.
            _receive.Commit(_v.RcvNxt);
        }

        _receive.DiscardBeyond(_v.RcvNxt);
        _owesWindowProbe = false;
        _owesKeepAliveProbe = false;
        _owesDrainProbe = false;
        _isSillyWindowOverridden = false;
        _isCongestionLimited = false;

        // What was committed may be of a version of the invariants before this one, or from before the first batch of an owner.
        StartCongestionControl();
        Pacer.SetRate(ref _v, _congestion, _invariants.MaxPacingRate);
        KeepRoomForASegment();
        RederiveCaches();

        // An acknowledgement may have been among what is forgotten.
        _v.AckNow = true;
        _shouldDeliver = _receive.HasSome;
        ArmTimers(now);
    }

    /// <summary>
    /// What was not committed will be done again, by this engine or another, and counts once: bytes, and segments that were queued and not
    /// flushed. What came meanwhile has come, and stays counted.
    /// </summary>
    public void TakeBack(in SegmentVariants committed)
    {
        ref EngineCounters counters = ref _counters.Value;

        // A host that takes a FIN goes on from one further: that is no byte.
        counters.BytesReceived -= Math.Max(0, _v.RcvNxt - committed.RcvNxt);
        counters.BytesSent -= Math.Max(0, _v.SndMax - committed.SndMax);
        foreach (ref readonly OutgoingSegment segment in _output.Segments)
        {
            counters.SegmentsSent -= segment.SegmentCount;
        }

        _output.Clear();
    }

    /// <summary>
    /// An upload begins: nothing is sent that was not sent before, except acknowledgements. Retransmissions go on until
    /// <see cref="IsDrained"/> or the owner's patience ends. A peer that holds its acknowledgement back is asked for it.
    /// </summary>
    public void Stop()
    {
        _isStopped = true;
        _owesDrainProbe = !IsDrained;
    }

    /// <summary>The upload that <see cref="Stop"/> was for does not take place; <see cref="Transmit"/> follows.</summary>
    public void GoOn()
    {
        _isStopped = false;
        _owesDrainProbe = false;
    }

    /// <summary>Gives up memory that an idle connection does not need; it comes back with use. Nothing that is known is forgotten.</summary>
    public void Trim()
    {
        if (_reassembly.Count == 0)
        {
            _reassembly = Reassembly.None;
        }

        _records.Trim();
        _output.Trim();
        _send.Trim();
        _receive.Trim();
    }

    /// <summary>How many ranges have been received out of order.</summary>
    public int RangesBeyond => _reassembly.Count;

    /// <summary>
    /// The ranges received out of order, ascending; their bytes are in the receive buffer. For re-injection at an upload.
    /// </summary>
    /// <param name="destination">When it has less room than <see cref="RangesBeyond"/> it gets the nearest to RCV_NXT.</param>
    /// <returns>How many were copied.</returns>
    public int CopyReassembly(Span<SackBlock> destination) => _reassembly.CopyTo(destination);

    /// <summary>
    /// RFC 1191 6.4, RFC 8201 5.4: what was too big is sent again at once, and not taken for a sign of congestion. Duplicate
    /// acknowledgements for what got through nevertheless are ignored until everything sent so far is acknowledged. That the ICMP
    /// message is genuine (RFC 5927 4) is for whoever made the new version to check.
    /// </summary>
    private void RetransmitInSmallerSegments(Microseconds now)
    {
        if (_v.Recovery == RecoveryPhase.FastRecovery && !_congestion.SetsWindowInRecovery)
        {
            _v.CongestionWindow = RecoveredWindow;
        }

        _v.Undo.End();
        _v.ForwardRto = ForwardRto.Off;
        _retransmitFirst = false;
        SendAllAgain(now);
    }

    /// <summary>The state of another algorithm is worth nothing to this one.</summary>
    private void StartCongestionControl()
    {
        if (_v.Congestion.Claim(_congestion.Name))
        {
            _v.Rate.PacingRate = 0;
            _v.Rate.PacedUntil = Microseconds.Never;
            _congestion.Start(ref _v, Mss);
        }
    }

    private void RederiveCaches()
    {
        StartTuning();

        // Whether a short segment is in flight is not known: assume it, which is Nagle's own rule.
        _smallSegmentEnd = _v.SndMax;
        _timerRestartedInRecovery = false;
        _pathProbeSize = 0;
        _unaOfLastLoss = _v.SndUna - 1;
        _roundTrips.Restart(_v.SndMax);
        _rack.SentAt = Microseconds.Never;
        RestartRecords();
    }

    /// <summary>
    /// What became of what is in flight is not known. In fast recovery the first segment is missing: it is sent again unless the owner before has done so. What
    /// he has sent again is not lost as long as nothing sent later has arrived.
    /// </summary>
    private void RestartRecords()
    {
        Microseconds sentAt = _v.LastDataSentAt.IsNever ? Microseconds.Zero : _v.LastDataSentAt;
        _records.Restart(_v.SndUna, SeqNum.Max(_v.SndUna, _v.SndNxt), _v.SndMax, sentAt, _v.Rate);
        _reportedBefore = _v.Sacked;
        if (_v.Recovery != RecoveryPhase.FastRecovery)
        {
            return;
        }

        if (_v.RetransmittedTo > _v.SndUna)
        {
            _records.GuessRetransmitted(_v.RetransmittedTo, sentAt + new Microseconds(1));
        }
        else
        {
            _records.MarkFirstLost(Mss);
            _retransmitFirst = true;
        }
    }

    /// <summary>What <see cref="ShouldDeliver"/> says holds until the next batch begins.</summary>
    private void BeginBatch()
    {
        if (_isBatchOver)
        {
            _isBatchOver = false;
            _shouldDeliver = false;
        }
    }
}
