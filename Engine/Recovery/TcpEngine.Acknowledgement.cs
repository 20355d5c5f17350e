using TcpActors.Engine.Congestion;
using TcpActors.Engine.Receive;
using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
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

        // RFC 9293 3.8.6.1, MUST-37: as long as probes are answered the connection stays.
        _v.WindowProbesSent = 0;

        uint flight = FlightSize;
        SackBlocks blocks = _connection.SackPermitted ? segment.Options.Sack : default;
        bool isDuplicate = IsDuplicateAck(segment, windowChanged);
        bool isCounted = isDuplicate && !_connection.SackPermitted && _v.SndNxt > _v.SndUna;
        if (segment.Ack > _v.SndUna || blocks.Count > 0 || isCounted)
        {
            TakeAck(segment, blocks, isDuplicate, now);
        }
        else if (isDuplicate)
        {
            TakeBareDuplicate(segment.Ack);
        }

        if (_connection.EcnNegotiated)
        {
            TakeEcho(segment, flight, now);
        }
    }

    /// <summary>RFC 3168 6.1.2.</summary>
    private void TakeEcho(in TcpSegment segment, uint flight, Microseconds now)
    {
        _v.Ecn.OnAcked(_v);
        bool isLeast = _v.CongestionWindow <= (uint)Mss && !_congestion.SetsWindowInRecovery;
        var mark = new LossEvent(LossKind.Mark, now, Mss, flight);
        if (!segment.Has(TcpFlags.Ece) || !_v.Ecn.OnEcho(ref _v, _congestion, mark))
        {
            return;
        }

        // What a loss before it has taken is given back no more: the window is that of another reduction now.
        _v.Undo.End();
        _counters.Value.MarksAnswered++;
        if (isLeast)
        {
            // No window is less than a segment: the next one waits for as long as the retransmission timer would.
            Pacer.HoldBack(ref _v.Rate, now + RttEstimator.CurrentRto(_v, _invariants));
            _v.RetransmitAt = _v.RetransmitAt.IsNever ? Microseconds.Never : RetransmitDeadline(now);
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

    /// <summary>The acknowledgement says something about what was sent. The order is that of RFC 8985 6.2 and draft-ietf-ccwg-bbr 5.2.3.</summary>
    private void TakeAck(in TcpSegment segment, in SackBlocks blocks, bool isDuplicate, Microseconds now)
    {
        uint acked = (uint)(segment.Ack - _v.SndUna);
        uint flightSize = FlightSize;
        uint priorFlight = InFlight;
        uint outstanding = priorFlight + _records.Lost;
        RecoveryPhase phase = _v.Recovery;
        uint? echo = _connection.TimestampsEnabled && segment.Options.HasTimestamps ? segment.Options.TsEcr : null;
        var context = new AckContext
        {
            Now = now,
            MinRtt = _v.MinRtt.IsNever ? Microseconds.Zero : _v.MinRtt,
            RecoveryPoint = _v.RecoveryPoint,
            GuessedOnceFrom = _reportedBefore > 0 ? _v.SndMax : _v.RetransmittedTo,
            Echo = echo,
            Tick = _connection.TimestampTick,
            Offset = _v.TsOffset,
        };
        AckResult result = AckResult.Nothing;
        _records.OnAck(segment.Ack, blocks, context, ref result);
        LeaveOutReportedBefore(ref result);
        result.IsDuplicateAck = isDuplicate && !result.HasDuplicate;
        CountDuplicates(acked, ref result);
        if (acked > 0)
        {
            Advance(segment.Ack, now);
        }

        TakePathProbeAck(now);
        Microseconds rtt = MeasureRoundTrip(segment, acked, result, now);
        (Microseconds Interval, uint Delivered) rate =
            result.Delivered > 0 ? RateSampler.OnAck(ref _v.Rate, result, _v.MinRtt, now) : default;
        bool isProbeEnded = TakeDuplicateReport(segment.Ack, result, now);
        uint lost = FindLosses(result, now);
        AdvanceRecovery(acked, lost, echo, outstanding, result, now);
        if (isProbeEnded && phase == RecoveryPhase.Open && _v.Recovery == RecoveryPhase.Open)
        {
            AnswerForProbe(flightSize, now);
        }

        if (result.Delivered > 0)
        {
            _congestion.OnAcked(ref _v, new AckSample
            {
                Now = now,
                Mss = Mss,
                Acked = acked,
                Delivered = result.Delivered,
                Lost = lost,
                Rtt = rtt,
                PriorFlight = priorFlight,
                Flight = InFlight,
                IsWindowLimited = _isCongestionLimited,
                Recovery = phase == RecoveryPhase.Open ? _v.Recovery : phase,
                RateDelivered = rate.Delivered,
                Interval = rate.Interval,
                PriorDelivered = result.Newest.Delivered,
                TxInFlight = result.Newest.InFlight,
                LostSinceSent = result.Newest.SentAt.IsNever ? 0 : _v.Rate.Lost - result.Newest.Lost,
                IsMarked = _connection.EcnNegotiated && segment.Has(TcpFlags.Ece),
                IsAppLimited = result.Newest.Is(SentFlags.AppLimited),
            });
        }

        Pacer.SetRate(ref _v, _congestion, _invariants.MaxPacingRate);
        if (_v.Recovery == RecoveryPhase.FastRecovery && (result.Delivered > 0 || lost > 0))
        {
            ReduceInProportion(result.Delivered, isSafe: acked > 0 && lost == 0);
        }

        RestartTimers(acked, result, now);
    }

    /// <summary>
    /// What was reported to the owner before has been counted by him. It is taken for what comes first: that is when a peer reports it
    /// again, and counted late is better than twice.
    /// </summary>
    private void LeaveOutReportedBefore(ref AckResult result)
    {
        uint counted = Math.Min(result.Guessed, _reportedBefore);
        _reportedBefore -= counted;
        result.Delivered -= counted;
    }

    /// <summary>
    /// The duplicates in a row: with SACK, acknowledgements that report something new, also one that ends the row before it (RFC 6675 2, 5); without,
    /// those of RFC 5681 2, each of which stands for a segment delivered, nobody knows which (RFC 9937 6.2), until an acknowledgement covers it.
    /// </summary>
    private void CountDuplicates(uint acked, ref AckResult result)
    {
        if (_connection.SackPermitted)
        {
            if (acked > 0)
            {
                _v.DuplicateAcks = 0;
            }

            if (result.NewlySacked > 0)
            {
                CountDuplicate();
            }

            return;
        }

        uint mss = (uint)Mss;
        if (acked > 0)
        {
            uint covered = Math.Min(_v.DuplicateAcks, ((acked + mss - 1) / mss) - 1);
            result.Delivered -= Math.Min(result.Delivered, covered * mss);
            _v.DuplicateAcks = _v.Recovery == RecoveryPhase.FastRecovery ? (ushort)(_v.DuplicateAcks - covered) : (ushort)0;
        }
        else if (result.IsDuplicateAck && IsDuplicatePlausible)
        {
            result.Delivered = _v.Recovery == RecoveryPhase.Loss ? result.Delivered : Math.Min(InFlight, mss);
            CountDuplicate();
        }
    }

    private void CountDuplicate()
    {
        _counters.Value.DuplicateAcks++;

        // After a time-out duplicates stem from what we sent again ourselves (RFC 6582 4).
        if (_v.Recovery != RecoveryPhase.Loss)
        {
            _v.DuplicateAcks = (ushort)Math.Min(ushort.MaxValue, _v.DuplicateAcks + 1);
        }
    }

    private bool IsDuplicatePlausible =>
        _v.Recovery != RecoveryPhase.FastRecovery || _v.Reduction.IsPlausible((_v.DuplicateAcks + 1L) * Mss);

    private void Advance(SeqNum ack, Microseconds now)
    {
        _v.SndUna = ack;
        _smallSegmentEnd = SeqNum.Max(_smallSegmentEnd, ack);
        _v.Retransmissions = 0;
        RestartStallClock(now);
        if (_v.Recovery == RecoveryPhase.Open)
        {
            // Keeps "recover" within reach of the comparison while sequence numbers go round (RFC 6582 6; 3.2 step 1: initially before all
            // data).
            _v.RecoveryPoint = SeqNum.Max(_v.RecoveryPoint, _v.SndUna - 1);
        }
    }

    /// <summary>RFC 6298 3: Karn's algorithm, which timestamps make unnecessary.</summary>
    /// <returns>The round trip of what was sent last and once only; Never: there was none.</returns>
    private Microseconds MeasureRoundTrip(in TcpSegment segment, uint acked, in AckResult result, Microseconds now)
    {
        var least = new Microseconds(1);
        Microseconds measured = Microseconds.Never;
        if (!result.FirstSentAt.IsNever && !result.RetransmissionDelivered)
        {
            measured = Microseconds.Max(now - result.FirstSentAt, least);
        }
        else if (acked > 0 && _connection.TimestampsEnabled && RttEstimator.TryMeasure(
            segment.Options, Timestamp(now), _connection.TimestampTick, _v.SmoothedRtt, out Microseconds echoed))
        {
            measured = echoed;
        }

        if (!measured.IsNever)
        {
            _v.Probe.OnMeasured();
            _roundTrips.Update(ref _v, measured, _invariants.MinRto, now);
        }

        return result.LastSentAt.IsNever ? Microseconds.Never : Microseconds.Max(now - result.LastSentAt, least);
    }

    private void RestartTimers(uint acked, in AckResult result, Microseconds now)
    {
        if (_v.SndUna == _v.SndMax)
        {
            _v.RetransmitAt = Microseconds.Never;
        }
        else if (result.IsReneging)
        {
            // RFC 2018 5 leaves it to the time-out to send again what was reported and not kept; there is nothing to wait for but an acknowledgement
            // that was overtaken.
            _v.RetransmitAt = Microseconds.Min(_v.RetransmitAt, now + Microseconds.Max(_v.SmoothedRtt / 2, Microseconds.FromMilliseconds(10)));
        }
        else if (acked > 0)
        {
            // RFC 6298 5.2 and 5.3. RFC 6582 3.2 step 3: without SACK only the first partial acknowledgement restarts the timer, so that many losses in one
            // window end in the slow start of a time-out and not in one segment per round trip.
            bool isSlow = !_connection.SackPermitted && _v.Recovery == RecoveryPhase.FastRecovery;
            if (!isSlow || !_timerRestartedInRecovery)
            {
                _v.RetransmitAt = RetransmitDeadline(now);
            }

            _timerRestartedInRecovery = isSlow;
        }

        if (result.Delivered > 0)
        {
            // RFC 8985 7.2: anew with each acknowledgement of new data.
            RestartProbeTimer();
        }
    }

    /// <summary>
    /// RFC 5681 2: the segment has no data, no SYN and no FIN, SEG.ACK is SND.UNA, and the window is the same.
    /// </summary>
    private bool IsDuplicateAck(in TcpSegment segment, bool windowChanged) =>
        segment.Ack == _v.SndUna
        && segment.Payload.IsEmpty
        && !segment.Has(TcpFlags.Fin)
        && !windowChanged;

    private void RestartStallClock(Microseconds now)
    {
        if (!_v.StalledSince.IsNever)
        {
            _v.StalledSince = _v.SndUna == _v.SndMax ? Microseconds.Never : now;
        }
    }
}
