using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine;

/// <content>Segments as they are put into the transmit queue.</content>
public sealed partial class TcpEngine
{
    /// <summary>RFC 2018 3: two NOPs, kind and length, then 8 bytes a block.</summary>
    private const int SackOptionHeader = 4;

    private const int SackBlockLength = 8;

    /// <summary>
    /// SEG.SEQ of a segment without data: one that the peer accepts. SND_MAX, as SND_NXT may have fallen back behind the peer's
    /// RCV.NXT. Not beyond a window that shrank, though an edge that lies back by less than a unit of the peer's scale is only rounded
    /// (RFC 7323 2.4). And not behind an octet that probes a closed window, as it is not received yet; unless the peer has said that it is, in a
    /// segment that was not acceptable, because it takes ours for old: two ends that probe each other would never hear each other again.
    /// </summary>
    private SeqNum AckSequence
    {
        get
        {
            SeqNum edge = _v.SndUna + _v.SndWnd;
            bool isBehindWindow = IsProbing ? !_isProbeReceived : _v.SndMax - edge >= 1 << _connection.SendWindowScale;
            return isBehindWindow ? edge : _v.SndMax;
        }
    }

    /// <summary>Whether all that is in flight is the octet that probes a closed window.</summary>
    private bool IsProbing => _v.SndWnd == 0 && _v.SndNxt == _v.SndUna && _v.Flight == 1;

    /// <summary>RFC 2018 3: with timestamps three blocks fit beside them into 40 bytes of options, without four.</summary>
    private int MaxSackBlocks => _connection.TimestampsEnabled ? 3 : 4;

    private WindowAdvertisement Window()
    {
        int allowance = _receive.Allowance;
        return new(
            allowance - (long)(_v.RcvNxt - _receive.Taken), allowance, _invariants.EffectiveMss, _connection.ReceiveWindowScale);
    }

    /// <summary>
    /// Payload of a full-sized segment now. RFC 2018 4 wants SACK blocks on every acknowledgement while data is out of order, and a
    /// data segment is one too; every segment of a run carries the run's options, so each of them is shorter by the blocks (RFC 6691
    /// 2). Where they would take more than half of a tiny segment they are left to the pure acknowledgements.
    /// </summary>
    private int SegmentSize(out int sackRoom)
    {
        int mss = Mss;
        sackRoom = _connection.SackPermitted ? Math.Min(_reassembly.Count, MaxSackBlocks) : 0;
        int options = sackRoom == 0 ? 0 : SackOptionHeader + (SackBlockLength * sackRoom);
        if (options > mss / 2)
        {
            sackRoom = 0;
            options = 0;
        }

        return mss - options;
    }

    /// <summary>Appends a run of data segments from <paramref name="seq"/> on and moves SND_MAX behind it.</summary>
    private void SendRun(SeqNum seq, int length, int segmentSize, int sackRoom, Microseconds now)
    {
        SeqNum end = seq + length;
        ref OutgoingSegment segment = ref Append(seq, now);
        segment.Length = length;
        segment.SegmentSize = segmentSize;
        segment.Sack = sackRoom == 0 ? default : _reassembly.Report(sackRoom);
        if (end == _send.End)
        {
            // RFC 9293 3.9.1.2, MUST-61: the last segment of what is buffered.
            segment.Flags |= TcpFlags.Psh;
        }

        int count = segment.SegmentCount;
        _v.IpId += (ushort)count;
        _counters.Value.SegmentsSent += count;

        int again = Math.Min(length, Math.Max(0, _v.SndMax - seq));
        if (again > 0)
        {
            _counters.Value.SegmentsRetransmitted += (again + segmentSize - 1) / segmentSize;
            _counters.Value.BytesRetransmitted += again;
            if (_v.Recovery != RecoveryPhase.Open)
            {
                _v.Undo.OnRetransmitted(again, _connection.TimestampsEnabled ? segment.TsVal : null);
                _v.RetransmittedTo = SeqNum.Max(_v.RetransmittedTo, seq + again);
            }
        }

        if (_v.Recovery == RecoveryPhase.FastRecovery)
        {
            _v.Reduction.OnSent(length);
        }

        if (_connection.EcnNegotiated && _congestion.AnswersMarks && again == 0 && _v.SndWnd > 0)
        {
            // RFC 3168 6.1.5 and 6.1.6: neither what is sent again nor a window probe. 6.1.2: CWR with the first new data after a reduction.
            segment.IsEcnCapable = true;
            segment.Flags |= _v.Ecn.OwesCwr ? TcpFlags.Cwr : TcpFlags.None;
            _v.Ecn.OnNewDataSent();
        }

        _counters.Value.BytesSent += length - again;
        if (length % segmentSize != 0 && end > _v.SndMax)
        {
            _smallSegmentEnd = end;
        }

        _records.OnSent(seq, end, now, ref _v.Rate);
        Pacer.OnSent(ref _v.Rate, (uint)length, now);
        _v.SndMax = _records.End;
        _v.LastDataSentAt = now;

        // RFC 8985 7.2: anew after each transmission.
        RestartProbeTimer();
    }

    /// <summary>
    /// What of the records the next owner must know. SND_NXT is where sending goes on: behind everything, unless all that follows is to
    /// be sent again.
    /// </summary>
    private void SummarizeRecords()
    {
        _v.SndNxt = _records.ResendFrom;
        _reportedBefore = Math.Min(_reportedBefore, _v.Flight - _records.Sacked);
        _v.Sacked = _records.Sacked + _reportedBefore;
    }

    /// <summary>Appends a segment without data.</summary>
    private void SendAck(SeqNum seq, Microseconds now)
    {
        ref OutgoingSegment segment = ref Append(seq, now);
        segment.SegmentSize = Mss;
        if (_connection.SackPermitted)
        {
            segment.Sack = BlocksToReport();
        }

        _v.IpId++;
        _counters.Value.SegmentsSent++;
    }

    /// <summary>Every segment acknowledges, and offers the window; what was owed no longer is.</summary>
    private ref OutgoingSegment Append(SeqNum seq, Microseconds now)
    {
        ref OutgoingSegment segment = ref _output.Append();
        segment.Seq = seq;
        segment.Ack = _v.RcvNxt;
        segment.Flags = TcpFlags.Ack | _echo.Flags;
        segment.Window = Window().Offer(ref _v);
        _tuning.OnOffered(_v.RcvNxt + _v.RcvWnd, now);
        segment.IpId = _v.IpId;
        if (_connection.TimestampsEnabled)
        {
            segment.TsVal = Timestamp(now);
            _lastTimestamp = segment.TsVal;
            _hasSentTimestamp = true;

            // RFC 7323 3.2; zero while nothing of the peer's is known, as a restored kernel socket does.
            segment.TsEcr = _v.TsRecentValid ? _v.TsRecent : 0;
        }

        _v.LastAckSent = _v.RcvNxt;
        _v.AckNow = false;
        _v.UnackedSegments = 0;
        _v.DelayedAckAt = Microseconds.Never;
        _delayedAck.OnAckSent();
        return ref segment;
    }

    /// <summary>Our timestamp clock (RFC 7323 5.4). It never goes back, whatever the owner's clock or a changed offset say.</summary>
    private uint Timestamp(Microseconds now)
    {
        uint value = StampOf(now);
        return _hasSentTimestamp && (int)(value - _lastTimestamp) < 0 ? _lastTimestamp : value;
    }

    /// <summary>What the timestamp clock shows at a moment of ours.</summary>
    private uint StampOf(Microseconds moment) => (uint)(moment.Value / _connection.TimestampTick.Value) + _v.TsOffset;
}
