using TcpActors.Engine.Congestion;
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
        _isPaced = false;
        HasMoreToSend = false;
        if (_invariants.IsPathUsable)
        {
            SendDuplicateReport(now);
            Retransmit(now);
            SendNewData(now);
            if (_v.ForwardRto == ForwardRto.SecondAck && InFlight == 0)
            {
                // RFC 5682 3.1 step 2b: the new data may not go, so there is no telling.
                _v.ForwardRto = ForwardRto.Off;
                Retransmit(now);
            }

            SendTailProbe(now);
            SummarizeRecords();
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

    /// <summary>
    /// What is lost goes first (RFC 6675 4, NextSeg rule 1), the lowest first, in the segments that the path takes now. One segment may go whatever the congestion
    /// window says: the fast retransmit, and the one after a time-out.
    /// </summary>
    private void Retransmit(Microseconds now)
    {
        int size = SegmentSize(out int sackRoom);
        bool isFree = _retransmitFirst;
        _retransmitFirst = false;
        while (_v.ForwardRto != ForwardRto.SecondAck && _records.TryGetLost(out SeqNum start, out SeqNum end))
        {
            int old = end - start;
            int length = old;
            if (end == _v.SndMax)
            {
                // New data goes along as far as it fills segments; how the last one is cut is no matter of what was sent before.
                int all = SendableEnd - start;
                length = Math.Max(all / size * size, Math.Min(all, (old + size - 1) / size * size));
            }

            // RFC 9293 3.8.6, SHLD-16: old data up to the edge of a window that shrank.
            int byPeer = _v.SndUna + _v.SndWnd - start;
            int allowed = length <= byPeer ? length : Math.Max(Math.Min(old, byPeer), byPeer / size * size);
            allowed = Math.Min(allowed, LongestRun(size));
            if (!isFree && !MaySendByPace(now))
            {
                break;
            }

            long byCongestion = Math.Max(CongestionRoom, isFree ? size : 0);
            if (allowed > byCongestion)
            {
                allowed = (int)byCongestion / size * size;
            }

            if (allowed <= 0)
            {
                break;
            }

            SendRun(start, allowed, size, sackRoom, now);
            isFree = false;
            if (start == _v.SndUna && _connection.SackPermitted && _v.Recovery == RecoveryPhase.FastRecovery)
            {
                // RFC 6675 6, in Linux's form: what is waited for has left just now. On a path longer than the least RTO the timer would
                // else run out while reports come in, for nothing.
                _v.RetransmitAt = RetransmitDeadline(now);
            }
        }
    }

    /// <summary>Bytes that the congestion window still takes; negative where the flight is above it.</summary>
    private long CongestionRoom => Math.Max(_v.CongestionWindow, (uint)Mss) - (long)InFlight;

    /// <summary>In bytes; a multiple of the segment size.</summary>
    private int LongestRun(int size) => (int)Math.Max(1, Math.Min((uint)MaxBurst, Pacer.LongestRun(_v.Rate, size)) / (uint)size) * size;

    /// <summary>Whether the pace lets a run go now; if not, <see cref="NextDeadline"/> says when.</summary>
    private bool MaySendByPace(Microseconds now)
    {
        _isPaced = !Pacer.Allows(_v.Rate, now);
        return !_isPaced;
    }

    private void SendNewData(Microseconds now)
    {
        SeqNum end = SendableEnd;
        if (end > _v.SndMax && _v.SndMax == _v.SndUna && !_v.LastDataSentAt.IsNever)
        {
            Microseconds idle = now - _v.LastDataSentAt;
            _congestion.OnIdleEnd(ref _v, new IdleEnd(now, Mss, idle, idle > RttEstimator.CurrentRto(_v, _invariants)));
        }

        SendPathProbe(now);
        int size = SegmentSize(out int sackRoom);
        SeqNum first = _v.SndMax;
        if (_v.ForwardRto == ForwardRto.SecondAck)
        {
            // RFC 5682 3.1 step 2b: two segments, also where an algorithm that sets its window itself would allow more.
            end = SeqNum.Min(end, SeqNum.Max(_v.SndMax, _v.RecoveryPoint + (2 * size)));
        }

        while (end > _v.SndMax && MaySendNew)
        {
            if (_v.SndMax - first >= MostInOneBatch)
            {
                HasMoreToSend = true;
                break;
            }

            long byPeer = _v.SndWnd - (long)_v.Flight;
            long byCongestion = CongestionRoom;
            long usable = Math.Min(byPeer, byCongestion);
            if (usable <= 0 || !MaySendByPace(now))
            {
                break;
            }

            int length = new SendDecision
            {
                Queued = end - _v.SndMax,
                Usable = (int)Math.Min(usable, int.MaxValue),
                IsBoundByPeer = byPeer <= byCongestion,
                SegmentSize = size,
                MaxBurst = LongestRun(size),
                MaxWindow = _v.MaxWindow,
                MustWaitWhenShort = _invariants.NagleEnabled && _smallSegmentEnd > _v.SndUna,
                IsOverridden = _isSillyWindowOverridden,
            }.Length();
            if (length == 0)
            {
                break;
            }

            SendRun(_v.SndMax, length, size, sackRoom, now);
        }

        _isSillyWindowOverridden = false;
        JudgeWindowUse();
    }

    /// <summary>What is lost goes first, unless it is to be told whether it is (RFC 5682 3.1 step 2b).</summary>
    private bool MaySendNew => _records.Lost == 0 || _v.ForwardRto == ForwardRto.SecondAck;

    /// <summary>
    /// RFC 7661 4, in Linux's form: the window is in use when a segment more would not fit; in slow start half of it, since it doubles. It holds
    /// until data is sent again: the acknowledgements of this flight are those of a window that was in use.
    /// </summary>
    private void JudgeWindowUse()
    {
        uint used = InFlight;
        _isCongestionLimited = used + Mss > _v.CongestionWindow
            || (_v.CongestionWindow < _v.SlowStartThreshold && 2 * used > _v.CongestionWindow);
        if (!_isCongestionLimited && used > 0 && SendableEnd == _v.SndMax && _records.Lost == 0)
        {
            // draft-ietf-ccwg-bbr 4.1.2.4: what is measured now is the application.
            _v.Rate.AppLimitedUntil = Math.Max(1, _v.Rate.Delivered + used);
        }
    }

    /// <summary>
    /// RFC 8985 7.3: new data if there is any, else the last segment again; whatever the congestion window says. When that was not answered, or in recovery, it is
    /// the first segment that is missing.
    /// </summary>
    private void SendTailProbe(Microseconds now)
    {
        if (!_owesTailProbe)
        {
            return;
        }

        _owesTailProbe = false;
        if (!WantsTailProbe || _v.SndUna == _v.SndMax)
        {
            return;
        }

        int size = SegmentSize(out int sackRoom);
        _counters.Value.TailProbesSent++;
        if (!IsFirstProbe)
        {
            // RFC 8985 7.4 concludes from an acknowledgement beyond the last segment that the probe has mended a loss. Of a segment with
            // others behind it, none of them reported, it says that all of them were late; if one was lost, RACK will see that by the
            // probe.
            int missing = Math.Min(size, _records.FirstLength);
            SendRun(_v.SndUna, missing, size, sackRoom, now);
            _v.Probe.OnSent(_v.SndUna + missing, isRetransmission: _v.SndUna + missing == _v.SndMax);
            return;
        }

        int fresh = Math.Min(SendableEnd - _v.SndMax, size);
        bool isNew = fresh > 0 && fresh <= _v.SndWnd - (long)_v.Flight;
        int length = isNew ? fresh : _records.LastLength(size);
        SendRun(isNew ? _v.SndMax : _v.SndMax - length, length, size, sackRoom, now);
        _v.Probe.OnSent(_v.SndMax, !isNew);
    }

    /// <summary>RFC 9293 3.8.6.1: one octet of data into the closed window.</summary>
    private void SendWindowProbe(Microseconds now)
    {
        if (!_owesWindowProbe)
        {
            return;
        }

        _owesWindowProbe = false;
        _isProbeReceived = false;
        if (_v.SndWnd == 0 && _v.SndNxt == _v.SndUna && SendableEnd > _v.SndUna)
        {
            SendRun(_v.SndUna, 1, Mss, sackRoom: 0, now);

            // The octet may be refused: it is not in flight, and goes out again with the data when the window opens.
            _records.MarkLost(sentUntil: now);
            SummarizeRecords();
            _counters.Value.WindowProbesSent++;
        }
    }

    /// <summary>RFC 9293 3.8.4: SEG.SEQ = SND.NXT - 1 and no data (SHLD-12).</summary>
    private void SendKeepAliveProbe(Microseconds now)
    {
        if (_owesKeepAliveProbe)
        {
            _owesKeepAliveProbe = false;
            SendAck(_v.SndNxt - 1, now);
            _counters.Value.KeepAliveProbesSent++;
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
