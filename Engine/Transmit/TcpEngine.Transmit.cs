using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;

namespace TcpActors.Engine;

/// <content>The end of a batch: what is sent now.</content>
public sealed partial class TcpEngine
{
    /// <summary>
    /// Ends a batch: appends retransmissions, new data, probes, and the acknowledgement or window update that is owed, and arms the timers.
    /// Also called when the application has written or read.
    /// </summary>
    /// <param name="now">The owner's clock; never earlier than in the call before.</param>
    public void Transmit(Microseconds now)
    {
        _isBatchOver = true;
        HasMoreToSend = false;
        if (_invariants.IsPathUsable)
        {
            SendDuplicateReport(now);
            RetransmitFirst(now);
            SendData(now);
            SendWindowProbe(now);
            SendKeepAliveProbe(now);
            SendDrainProbe(now);
            SendOwedAck(now);
        }

        ArmTimers(now);
    }

    /// <summary>
    /// After the last byte that may be sent. While an upload drains, nothing that was not sent before (see <see cref="Stop"/>).
    /// </summary>
    private SeqNum SendableEnd => _isStopped ? _v.SndMax : SeqNum.Max(_v.SndMax, _send.End);

    /// <summary>Fast retransmit: one segment from SND_UNA on. SND_NXT stays where it is.</summary>
    private void RetransmitFirst(Microseconds now)
    {
        if (!_retransmitFirst)
        {
            return;
        }

        _retransmitFirst = false;
        int size = SegmentSize(out int sackRoom);
        int length = (int)Math.Min(Math.Min((uint)size, _v.SndWnd), (uint)(_v.SndMax - _v.SndUna));
        if (length > 0 && _v.SndNxt > _v.SndUna)
        {
            SeqNum next = _v.SndNxt;
            SendRun(_v.SndUna, length, size, sackRoom, now);
            _v.SndNxt = SeqNum.Max(next, _v.SndNxt);
        }
    }

    private void SendData(Microseconds now)
    {
        SeqNum end = SendableEnd;
        if (end <= _v.SndNxt)
        {
            return;
        }

        int mss = _invariants.EffectiveMss;
        if (_v.SndNxt == _v.SndUna && now - _v.LastDataSentAt > RttEstimator.CurrentRto(_v, _invariants))
        {
            _congestion.OnIdleRestart(ref _v, mss);
        }

        int size = SegmentSize(out int sackRoom);
        long congestionWindow = Math.Max(_v.CongestionWindow, (uint)mss) + (long)FastRecovery.LimitedTransmit(_v, mss);
        SeqNum first = _v.SndNxt;
        while (end > _v.SndNxt)
        {
            if (_v.SndNxt - first >= MostInOneBatch)
            {
                HasMoreToSend = true;
                break;
            }

            long flight = _v.SndNxt - _v.SndUna;
            long byPeer = _v.SndWnd - flight;
            long byCongestion = congestionWindow - flight;
            long usable = Math.Min(byPeer, byCongestion);
            if (usable <= 0)
            {
                break;
            }

            int length = new SendDecision
            {
                Queued = end - _v.SndNxt,
                Usable = (int)Math.Min(usable, int.MaxValue),
                IsBoundByPeer = byPeer <= byCongestion,
                SegmentSize = size,
                MaxBurst = Math.Max(1, MaxBurst / size) * size,
                MaxWindow = _v.MaxWindow,
                IsRetransmission = _v.SndNxt < _v.SndMax,
                MustWaitWhenShort = _invariants.NagleEnabled && _smallSegmentEnd > _v.SndUna,
                IsOverridden = _isSillyWindowOverridden,
            }.Length();
            if (length == 0)
            {
                break;
            }

            SendRun(_v.SndNxt, length, size, sackRoom, now);
        }

        _isSillyWindowOverridden = false;

        // RFC 7661 4, in Linux's form: the window is in use when a segment more would not fit; in slow start half of it, since it
        // doubles. It holds until data is sent again: the acknowledgements of this flight are those of a window that was in use.
        long used = _v.SndNxt - _v.SndUna;
        _isCongestionLimited = used + mss > _v.CongestionWindow
            || (_v.CongestionWindow < _v.SlowStartThreshold && 2 * used > _v.CongestionWindow);
    }

    /// <summary>RFC 9293 3.8.6.1: one octet of data into the closed window.</summary>
    private void SendWindowProbe(Microseconds now)
    {
        if (!_owesWindowProbe)
        {
            return;
        }

        _owesWindowProbe = false;
        if (_v.SndWnd == 0 && _v.SndNxt == _v.SndUna && SendableEnd > _v.SndUna)
        {
            SendRun(_v.SndUna, 1, _invariants.EffectiveMss, sackRoom: 0, now);

            // The octet may be refused: it is not in flight, and goes out again with the data when the window opens.
            _v.SndNxt = _v.SndUna;
            _v.TimedSegmentSentAt = Microseconds.Never;
            _counters.WindowProbesSent++;
        }
    }

    /// <summary>RFC 9293 3.8.4: SEG.SEQ = SND.NXT - 1 and no data (SHLD-12).</summary>
    private void SendKeepAliveProbe(Microseconds now)
    {
        if (_owesKeepAliveProbe)
        {
            _owesKeepAliveProbe = false;
            SendAck(_v.SndNxt - 1, now);
            _counters.KeepAliveProbesSent++;
        }
    }

    /// <summary>
    /// RFC 9293 3.10.7.4, first: what is not acceptable is acknowledged at once, while data may wait for 500 ms (MUST-40). So a segment without
    /// data before SND.UNA, as a keep-alive probe is.
    /// </summary>
    private void SendDrainProbe(Microseconds now)
    {
        if (_owesDrainProbe)
        {
            _owesDrainProbe = false;
            SendAck(_v.SndUna - 1, now);
        }
    }

    private void SendOwedAck(Microseconds now)
    {
        if (_v.AckNow || Window().IsUpdateDue(_v))
        {
            SendAck(AckSequence, now);
        }
    }
}
