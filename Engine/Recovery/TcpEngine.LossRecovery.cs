using TcpActors.Engine.Congestion;
using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;

namespace TcpActors.Engine;

/// <content>When something is taken for lost, and how recovery begins and ends.</content>
public sealed partial class TcpEngine
{
    /// <summary>RFC 5681 3.2: the duplicate acknowledgement that is taken for a loss.</summary>
    internal const int DuplicateThreshold = 3;

    /// <summary>
    /// The pipe (RFC 6675 4). Without SACK each duplicate acknowledgement stands for a segment that has arrived; where it begins no
    /// recovery only the first two do (RFC 3042 2: no more than two segments beyond the window), or a peer could ask for any number.
    /// </summary>
    private uint InFlight
    {
        get
        {
            uint sent = _records.InFlight;
            if (_connection.SackPermitted)
            {
                return sent;
            }

            int duplicates = _v.Recovery == RecoveryPhase.Open ? Math.Min((int)_v.DuplicateAcks, DuplicateThreshold - 1) : _v.DuplicateAcks;
            return sent - Math.Min(sent, (uint)duplicates * (uint)Mss);
        }
    }

    /// <summary>FlightSize (RFC 5681 2) without what limited transmit sent (3.2 step 2): the window bounds what it was before that.</summary>
    private uint FlightSize => Math.Min(_v.Flight, _v.CongestionWindow);

    /// <summary>RFC 8985 6.2 steps 2 to 5; without SACK, RFC 5681 3.2 and RFC 6582 3.2.</summary>
    /// <returns>Bytes found to be lost.</returns>
    private uint FindLosses(in AckResult result, Microseconds now)
    {
        if (!_connection.SackPermitted)
        {
            return FindLossesWithoutSack();
        }

        if (result.IsReordered)
        {
            _v.ReorderWindow.OnReordering();
        }

        return _rack.Update(result, now) ? DetectLosses(now) : 0;
    }

    private uint DetectLosses(Microseconds now)
    {
        Microseconds wait = _records.DetectLosses(_rack, ReorderWindowLength, now, out (uint All, uint Retransmitted) lost);
        if (!wait.IsNever)
        {
            _v.RecoveryAt = now + wait;
            _v.RecoveryTimer = RecoveryTimer.Reorder;
        }
        else if (_v.RecoveryTimer == RecoveryTimer.Reorder)
        {
            _v.RecoveryAt = Microseconds.Never;
            _v.RecoveryTimer = RecoveryTimer.None;
        }

        _v.Rate.Lost += lost.All;
        if (lost.Retransmitted > 0)
        {
            _counters.Value.RetransmissionsLost++;
        }

        return lost.All;
    }

    /// <summary>That the first segment is lost is all that is known.</summary>
    private uint TakeFirstForLost()
    {
        uint lost = _records.MarkFirstLost(Mss);
        _v.Rate.Lost += lost;
        return lost;
    }

    private Microseconds ReorderWindowLength
    {
        get
        {
            // RFC 8985 6.2 step 4: segs_sacked >= DupThresh, counted as RFC 6675 4 (IsLost) and 5 (1) do.
            bool isThresholdReached = _v.DuplicateAcks >= DuplicateThreshold
                || _records.Sacked > (DuplicateThreshold - 1) * (uint)Mss;
            return _v.ReorderWindow.Length(
                isInDoubt: _v.Recovery == RecoveryPhase.Open && !isThresholdReached, _v.MinRtt, _v.SmoothedRtt);
        }
    }

    private uint FindLossesWithoutSack()
    {
        bool isFound = _v.Recovery switch
        {
            // RFC 6582 3.2 step 2: only if the acknowledgement covers more than "recover"; else the duplicates may stem from what we sent again
            // ourselves.
            RecoveryPhase.Open => _v.DuplicateAcks >= DuplicateThreshold && _v.SndUna > _v.RecoveryPoint,

            // RFC 6582 3.2 step 3: a partial acknowledgement.
            RecoveryPhase.FastRecovery => _records.Start != _unaOfLastLoss && _v.SndUna < _v.RecoveryPoint,
            _ => false,
        };
        if (!isFound)
        {
            return 0;
        }

        _unaOfLastLoss = _v.SndUna;
        _retransmitFirst = true;
        return TakeFirstForLost();
    }

    private void AdvanceRecovery(uint acked, uint lost, uint? echo, uint outstanding, in AckResult result, Microseconds now)
    {
        if (_v.Recovery == RecoveryPhase.Open)
        {
            if (lost > 0 && !IsLossOfPathProbe(lost, now))
            {
                EnterRecovery(outstanding, now);
            }

            return;
        }

        if (acked > 0 && _v.Undo.IsSentBeforeRetransmission(echo, result, _v))
        {
            if (_v.Recovery == RecoveryPhase.FastRecovery)
            {
                _v.ReorderWindow.OnReordering();
            }

            UndoRecovery(now);
        }
        else if (_v.SndUna >= _v.RecoveryPoint)
        {
            LeaveRecovery();
            if (_records.Lost > 0)
            {
                // RFC 5681 4.3: loss in a second window of data, what was sent meanwhile, is a second sign of congestion.
                EnterRecovery(outstanding, now);
            }
        }
        else if (_v.Recovery == RecoveryPhase.Loss)
        {
            AdvanceForwardRto(acked, result, now);
        }
    }

    private void EnterRecovery(uint flight, Microseconds now)
    {
        AbandonPathProbe(now);
        if (_v.Ecn.HasAnsweredFor(_v.SndUna))
        {
            // It takes nothing that could be given back.
            _v.Undo.End();
        }
        else
        {
            StartUndo();
            _v.Ecn.OnReduced(_v);
            SetThreshold(FlightSize, now);
        }

        _v.Recovery = RecoveryPhase.FastRecovery;
        _v.RecoveryPoint = _v.SndMax;
        _v.RetransmittedTo = _v.SndUna;
        _v.Reduction.Start(flight);
        _v.Probe.End();
        _unaOfLastLoss = _v.SndUna;
        _timerRestartedInRecovery = false;
        _retransmitFirst = true;
        _counters.Value.FastRetransmits++;
    }

    /// <summary>
    /// What fast recovery leads SND_CWIN to. Where SSTHRESH has no value yet it was another algorithm that began it, one that sets its
    /// window itself: that one stays.
    /// </summary>
    private uint RecoveredWindow =>
        Math.Max(_v.SlowStartThreshold == uint.MaxValue ? _v.CongestionWindow : _v.SlowStartThreshold, (uint)Mss);

    private void LeaveRecovery()
    {
        if (_v.Recovery == RecoveryPhase.FastRecovery && !_congestion.SetsWindowInRecovery)
        {
            // RFC 9937 6.4: the flight has come down to SSTHRESH. RFC 6582 3.2 step 3, option 1: without SACK nobody knows, and what is in flight
            // bounds the burst.
            uint mss = (uint)Mss;
            _v.CongestionWindow = _connection.SackPermitted
                ? RecoveredWindow
                : Math.Min(_v.SlowStartThreshold, Math.Max(InFlight, mss) + mss);
        }

        EndRecovery();
        _v.ReorderWindow.OnRecovered();
    }

    private void EndRecovery()
    {
        _v.Recovery = RecoveryPhase.Open;
        _v.ForwardRto = ForwardRto.Off;
        _v.DuplicateAcks = 0;

        // RFC 6582 3.2 step 2: duplicates of what was sent again, for nothing or not, start no recovery.
        _v.RecoveryPoint = SeqNum.Max(_v.RecoveryPoint, _v.SndUna - 1);
    }

    /// <summary>RFC 8985 7.4.2: what a probe has mended was lost, and is answered for as if it had been found so.</summary>
    /// <param name="flight">FlightSize (RFC 5681 2) before the acknowledgement that says so.</param>
    /// <param name="now">The owner's clock.</param>
    private void AnswerForProbe(uint flight, Microseconds now)
    {
        _counters.Value.ProbesMended++;
        if (!_v.Ecn.HasAnsweredFor(_v.Probe.Last))
        {
            _v.Undo.End();
            _v.Ecn.OnReduced(_v);
            Reduce(flight, now);
        }
    }

    /// <summary>Before a reduction. During recovery, as at a time-out, what is known of before it is kept, and else nothing can be given back.</summary>
    private void StartUndo()
    {
        if (_v.Recovery != RecoveryPhase.Open)
        {
            return;
        }

        (uint bytes, Microseconds firstSentAt) = _records.Resent();
        if (bytes == 0 && _records.IsFirstGuessed && _v.Probe.Unanswered > 0)
        {
            // The owner before has probed, and with what, and when, is not known: any acknowledgement may be the answer.
            _v.Undo.End();
            return;
        }

        _v.Undo.Start(_v, bytes, bytes > 0 && _connection.TimestampsEnabled ? StampOf(firstSentAt) : null);
    }

    private void SetThreshold(uint flight, Microseconds now) => _v.SlowStartThreshold = _congestion.ThresholdAfterLoss(
        ref _v, new LossEvent(LossKind.Loss, now, Mss, flight));

    /// <summary>RFC 9937: in fast recovery SND_CWIN goes down to SSTHRESH as data is delivered.</summary>
    private void ReduceInProportion(uint delivered, bool isSafe)
    {
        if (!_congestion.SetsWindowInRecovery)
        {
            // Where nothing is in flight and nothing may go, the sum is zero, which to the next owner means that nobody knows.
            _v.CongestionWindow = Math.Max(_v.Reduction.OnAck(delivered, InFlight, _v.SlowStartThreshold, Mss, isSafe), (uint)Mss);
        }
    }

    /// <summary>What a loss asks for, at once: there is nothing to send again.</summary>
    private void Reduce(uint flight, Microseconds now)
    {
        SetThreshold(flight, now);
        if (!_congestion.SetsWindowInRecovery)
        {
            _v.CongestionWindow = Math.Min(_v.CongestionWindow, _v.SlowStartThreshold);
        }
    }

    /// <summary>RFC 6298 5.4; RFC 8985 6.3: what was sent less than a round trip ago is not lost because something older is.</summary>
    private void EnterLoss(Microseconds now)
    {
        AbandonPathProbe(now);

        // RFC 5682 3.1 step 1: not where a recovery was under way; and step 2: anew where the segment times out again.
        bool isInDoubt = _v.RecoveryPoint < _v.SndUna || _v.ForwardRto == ForwardRto.FirstAck;
        StartUndo();
        _v.Ecn.OnReduced(_v);
        _congestion.OnTimeout(
            ref _v, new LossEvent(LossKind.Timeout, now, Mss, FlightSize, IsFirst: _v.Retransmissions == 0));
        if (_records.IsFirstSacked)
        {
            // RFC 2018 8: the peer has thrown away what it reported.
            _records.ForgetSacked();
            _counters.Value.RenegingSeen++;
        }

        bool isKnown = _connection.SackPermitted && !_rack.SentAt.IsNever;
        TakeFirstForLost();
        _v.Rate.Lost += _records.MarkLost(sentUntil: isKnown ? now - _rack.Rtt - ReorderWindowLength : now);
        GoBack();
        _v.ForwardRto = isInDoubt && _connection.SackPermitted ? ForwardRto.FirstAck : ForwardRto.Off;
        _retransmitFirst = true;
    }

    /// <summary>RFC 6582 3.2 step 4: after a time-out, until everything sent so far is acknowledged.</summary>
    private void GoBack()
    {
        if (_v.Recovery == RecoveryPhase.Open)
        {
            _v.RetransmittedTo = _v.SndUna;
        }

        _v.Recovery = RecoveryPhase.Loss;
        _v.RecoveryPoint = _v.SndMax;
        _v.DuplicateAcks = 0;
        _v.Probe.End();
        _v.RecoveryAt = Microseconds.Never;
        _v.RecoveryTimer = RecoveryTimer.None;
    }

    /// <summary>What is in flight is sent again from SND_UNA on, and not for congestion's sake.</summary>
    private void SendAllAgain(Microseconds now)
    {
        _records.MarkLost(sentUntil: now);
        GoBack();
        SummarizeRecords();
        _v.RetransmitAt = Microseconds.Never;
    }

    /// <summary>The timer of RFC 8985: losses in doubt are in doubt no more, or acknowledgements fail to come.</summary>
    private void OnRecoveryTimer(Microseconds now)
    {
        RecoveryTimer timer = _v.RecoveryTimer;
        _v.RecoveryAt = Microseconds.Never;
        _v.RecoveryTimer = RecoveryTimer.None;
        if (timer == RecoveryTimer.Probe)
        {
            _owesTailProbe = WantsTailProbe && !IsDrained && GivenUp(_v.Retransmissions, now) == UploadReason.None;
            if (_owesTailProbe && IsFirstProbe)
            {
                // RFC 8985 7.3: the time-out is of the probe. Where both are due at once (7.2) it is the probe that is sent.
                _v.RetransmitAt = RetransmitDeadline(now);
            }

            return;
        }

        uint flight = InFlight;

        // Never: the owner before has seen something delivered that left the network after something else. What exactly is not known, but that the first
        // bytes are missing: the acknowledgement of these shows the rest.
        uint lost = _rack.SentAt.IsNever ? TakeFirstForLost() : DetectLosses(now);
        if (lost > 0)
        {
            // RFC 8985 8: of these timers one runs at a time. An owner that comes late finds both due, and has not waited for what is lost.
            _v.RetransmitAt = RetransmitDeadline(now);
        }

        if (lost > 0 && _v.Recovery == RecoveryPhase.Open && !IsLossOfPathProbe(lost, now))
        {
            EnterRecovery(flight, now);
            ReduceInProportion(delivered: 0, isSafe: false);
        }
    }

    /// <summary>Whether the next probe is the one that RFC 8985 knows.</summary>
    private bool IsFirstProbe => _v.Recovery == RecoveryPhase.Open && _v.Probe.Unanswered == 0 && !_v.Probe.IsOutstanding && _records.Sacked == 0;

    /// <summary>
    /// RFC 8985 7.2: whether a probe is to be sent if no acknowledgement comes. After a time-out only when something was delivered since: until then the interval
    /// is that of RFC 6298 5.5.
    /// </summary>
    private bool WantsTailProbe =>
        _connection.SackPermitted
        && _invariants.IsPathUsable
        && _v.SndWnd > 0
        && _v.Recovery switch
        {
            RecoveryPhase.Open => _records.Sacked == 0 || _v.Probe.Unanswered > 0,
            RecoveryPhase.Loss => _v.Retransmissions == 0,
            _ => true,
        };
}
