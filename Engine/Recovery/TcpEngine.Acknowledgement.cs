using TcpActors.Engine.Congestion;
using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine;

/// <content>What the acknowledgement and the window of an acceptable segment do to the sender.</content>
public sealed partial class TcpEngine
{
    /// <summary>RFC 9293 3.10.7.4, fifth: ESTABLISHED.</summary>
    private void ProcessAck(in TcpSegment segment, Microseconds now)
    {
        // SEG.ACK < SND.UNA: an old duplicate, ignored.
        if (segment.Ack < _v.SndUna)
        {
            return;
        }

        bool windowChanged = UpdateSendWindow(segment, now);
        if (_v.WindowProbesSent > 0)
        {
            // RFC 9293 3.8.6.1, MUST-37: as long as probes are answered the connection stays.
            _v.WindowProbesSent = 0;
            RestartStallClock(now);
        }

        if (segment.Ack > _v.SndUna)
        {
            OnNewDataAcked(segment, now);
        }
        else if (IsDuplicateAck(segment, windowChanged))
        {
            _counters.DuplicateAcks++;
            if (FastRecovery.OnDuplicateAck(ref _v, _congestion, _invariants.EffectiveMss, now))
            {
                _counters.FastRetransmits++;
                _retransmitFirst = true;
                _timerRestartedInRecovery = false;
            }
        }
    }

    /// <summary>
    /// RFC 9293 3.10.7.4: if SND.WL1 &lt; SEG.SEQ, or they are equal and SND.WL2 =&lt; SEG.ACK, the window is news. So it is, by the
    /// refinement of RFC 9293 3.8.6, when SND.UNA advances: an old window at a new SND.UNA would put the edge where the peer never
    /// offered it.
    /// </summary>
    private bool UpdateSendWindow(in TcpSegment segment, Microseconds now)
    {
        bool isNews = segment.Ack > _v.SndUna
            || _v.SndWl1 < segment.Seq
            || (_v.SndWl1 == segment.Seq && _v.SndWl2 <= segment.Ack);
        if (!isNews)
        {
            return false;
        }

        uint window = (uint)segment.Window << _connection.SendWindowScale;
        bool changed = window != _v.SndWnd;
        if (_v.SndWnd == 0 && changed)
        {
            // The window opened: probing, and its back-off, is over.
            _v.PersistAt = Microseconds.Never;
            _v.RtoBackoff = 0;
            RestartStallClock(now);
        }

        _v.SndWnd = window;
        _v.SndWl1 = segment.Seq;
        _v.SndWl2 = segment.Ack;
        _v.MaxWindow = Math.Max(_v.MaxWindow, window);
        return changed;
    }

    private void OnNewDataAcked(in TcpSegment segment, Microseconds now)
    {
        int mss = _invariants.EffectiveMss;
        int acked = segment.Ack - _v.SndUna;
        if (RttEstimator.TryMeasure(segment, _v, _connection, Timestamp(now), now, out Microseconds rtt))
        {
            // RFC 7323 appendix G: ceil(FlightSize / (2 * SMSS)) acknowledgements in a round trip; one, when one segment is timed.
            int samples = _connection.TimestampsEnabled ? (int)((_v.Flight + (2u * mss) - 1) / (2u * mss)) : 1;
            Microseconds granularity = _connection.TimestampsEnabled ? _connection.TimestampTick : new Microseconds(1);
            RttEstimator.Update(ref _v, rtt, Math.Max(1, samples), granularity);
            _v.TimedSegmentSentAt = Microseconds.Never;
        }

        _v.SndUna = segment.Ack;
        _v.SndNxt = SeqNum.Max(_v.SndNxt, segment.Ack);
        _smallSegmentEnd = SeqNum.Max(_smallSegmentEnd, segment.Ack);
        _v.Retransmissions = 0;
        _v.DuplicateAcks = 0;
        RestartStallClock(now);

        // RFC 6298 5.2 and 5.3.
        bool restartTimer = true;
        switch (_v.Recovery)
        {
            case RecoveryPhase.FastRecovery:
                _retransmitFirst = FastRecovery.OnAcked(ref _v, mss, acked);

                // RFC 6582 3.2 step 3: only the first partial acknowledgement restarts the timer, so that many losses in one window end in
                // the slow start of a time-out and not in one segment per round trip.
                restartTimer = !_retransmitFirst || !_timerRestartedInRecovery;
                _timerRestartedInRecovery = true;
                break;
            default:
                GrowCongestionWindow(mss, acked, now);
                if (_v.SndUna >= _v.RecoveryPoint)
                {
                    _v.Recovery = RecoveryPhase.Open;
                }

                break;
        }

        if (_v.Recovery == RecoveryPhase.Open)
        {
            // Keeps "recover" within reach of the comparison while sequence numbers go round (RFC 6582 3.2 step 1: initially before all
            // data).
            _v.RecoveryPoint = SeqNum.Max(_v.RecoveryPoint, _v.SndUna - 1);
        }

        if (_v.SndNxt == _v.SndUna)
        {
            _v.RetransmitAt = Microseconds.Never;
        }
        else if (restartTimer)
        {
            _v.RetransmitAt = RetransmitDeadline(now);
        }
    }

    /// <summary>
    /// RFC 5681 2: data is outstanding, the segment has no data, no SYN and no FIN, SEG.ACK is SND.UNA, and the window is the same. A peer
    /// whose window changes as it goes is recognised by a SACK block above (RFC 6675 2).
    /// </summary>
    private bool IsDuplicateAck(in TcpSegment segment, bool windowChanged) =>
        _v.SndNxt > _v.SndUna
        && segment.Payload.IsEmpty
        && !segment.Has(TcpFlags.Fin)
        && (!windowChanged || ReportsDataAbove(segment));

    private bool ReportsDataAbove(in TcpSegment segment) =>
        _connection.SackPermitted && segment.Options.Sack.Count > 0 && segment.Options.Sack[0].Left > _v.SndUna;

    private void GrowCongestionWindow(int mss, int acked, Microseconds now)
    {
        // RFC 5681 3.1 grows the window for what it let through. RFC 7661 4: a window that was not in use was not validated either.
        _congestion.OnAcked(ref _v, new AckSample
        {
            Now = now,
            Mss = mss,
            Acked = (uint)acked,
            Delivered = (uint)acked,
            Flight = _v.Flight,
            IsWindowLimited = _isCongestionLimited,
            Recovery = _v.Recovery,
        });
    }

    private void RestartStallClock(Microseconds now)
    {
        if (!_v.StalledSince.IsNever)
        {
            _v.StalledSince = _v.SndUna == _v.SndMax ? Microseconds.Never : now;
        }
    }
}
