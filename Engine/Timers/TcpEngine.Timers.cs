using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;

namespace TcpActors.Engine;

/// <content>The six deadlines: when they are armed and what happens when they run out.</content>
public sealed partial class TcpEngine
{
    /// <summary>RFC 9293 3.8.6.2.1: the range of the override time-out.</summary>
    private static readonly Microseconds MinOverride = Microseconds.FromMilliseconds(100);
    private static readonly Microseconds MaxOverride = Microseconds.FromSeconds(1);

    /// <summary>
    /// The earliest deadline; <see cref="Microseconds.Never"/> when no timer runs. An owner that comes early is not wrong.
    /// </summary>
    public Microseconds NextDeadline => Microseconds.Min(
        Microseconds.Min(Microseconds.Min(_v.RetransmitAt, _v.DelayedAckAt), Microseconds.Min(_v.PersistAt, _v.PushAt)),
        Microseconds.Min(Microseconds.Min(_v.KeepAliveAt, _v.RecoveryAt), _isPaced ? _v.Rate.PacedUntil : Microseconds.Never));

    /// <summary>Handles every deadline at or before <paramref name="now"/>. What it leads to is sent by <see cref="Transmit"/>.</summary>
    /// <returns>
    /// UploadRequired when the peer is taken for unreachable. The variables are then as before, and the timer is armed again for an
    /// owner that carries on.
    /// </returns>
    public Verdict Fire(Microseconds now)
    {
        BeginBatch();
        if (_v.DelayedAckAt <= now)
        {
            _v.DelayedAckAt = Microseconds.Never;
            _v.AckNow = true;
        }

        if (_v.PushAt <= now)
        {
            _v.PushAt = Microseconds.Never;
            _shouldDeliver = true;
        }

        if (_v.RecoveryAt <= now)
        {
            OnRecoveryTimer(now);
        }

        UploadReason reason = _v.PersistAt <= now ? OnPersistTimer(now) : UploadReason.None;
        if (reason == UploadReason.None && _v.RetransmitAt <= now)
        {
            reason = OnRetransmissionTimer(now);
        }

        if (reason == UploadReason.None && _v.KeepAliveAt <= now)
        {
            reason = OnKeepAliveTimer(now);
        }

        return reason == UploadReason.None ? Verdict.Consumed : Verdict.Upload(reason);
    }

    /// <summary>RFC 6298 5.4 to 5.6.</summary>
    private UploadReason OnRetransmissionTimer(Microseconds now)
    {
        if (_v.SndNxt <= _v.SndUna)
        {
            _v.RetransmitAt = Microseconds.Never;
            return UploadReason.None;
        }

        if (!_invariants.IsPathUsable)
        {
            // Nothing could have got through: neither a sign of congestion nor of a dead peer. The user's own time runs all the same.
            _v.RetransmitAt = RetransmitDeadline(now);
            return _invariants.UserTimeout.IsNever ? UploadReason.None : GivenUp(unanswered: 0, now);
        }

        if (_v.SndWnd == 0)
        {
            // RFC 9293 3.8.6, MUST-35 and SHLD-17: the window shrank to zero under data in flight. It is probed, the data is not timed out.
            SendAllAgain(now);
            return OnPersistTimer(now);
        }

        UploadReason reason = GivenUp(_v.Retransmissions, now);
        if (reason != UploadReason.None)
        {
            _v.RetransmitAt = now + RttEstimator.CurrentRto(_v, _invariants);
            return reason;
        }

        EnterLoss(now);
        _v.Retransmissions++;
        JudgeFullStop();
        BackOff();
        _v.RetransmitAt = RetransmitDeadline(now);
        _counters.Value.RetransmissionTimeouts++;
        return UploadReason.None;
    }

    /// <summary>RFC 9293 3.8.6.1 and, with a window that is only too small, 3.8.6.2.1 rule 4.</summary>
    private UploadReason OnPersistTimer(Microseconds now)
    {
        _v.PersistAt = Microseconds.Never;
        if (!_invariants.IsPathUsable)
        {
            return _invariants.UserTimeout.IsNever ? UploadReason.None : GivenUp(unanswered: 0, now);
        }

        if (_v.SndWnd > 0)
        {
            _isSillyWindowOverridden = true;
            return UploadReason.None;
        }

        if (_v.WindowProbesSent == 0)
        {
            // MUST-37: the user's time begins with a probe that is not answered, since answers come as far apart as probes do.
            _v.StalledSince = now;
        }

        UploadReason reason = GivenUp(_v.WindowProbesSent, now);
        if (reason == UploadReason.None)
        {
            _owesWindowProbe = true;
            _v.WindowProbesSent = (byte)Math.Min(byte.MaxValue, _v.WindowProbesSent + 1);

            // RFC 9293 3.8.6.1, SHLD-30; whether probes are answered or not.
            BackOff();
        }

        _v.PersistAt = now + RttEstimator.CurrentRto(_v, _invariants);
        return reason;
    }

    private UploadReason OnKeepAliveTimer(Microseconds now)
    {
        _v.KeepAliveAt = Microseconds.Never;
        if (!_invariants.KeepAliveEnabled || !_invariants.IsPathUsable)
        {
            return UploadReason.None;
        }

        // RFC 9293 3.8.4, MUST-26: not while data is outstanding, and not while segments come in.
        Microseconds quietUntil = _v.LastReceivedAt + _invariants.KeepAliveTime;
        if (_v.SndMax != _v.SndUna || _send.End > _v.SndMax)
        {
            _v.KeepAliveAt = now + _invariants.KeepAliveTime;
            return UploadReason.None;
        }

        if (now < quietUntil)
        {
            _v.KeepAliveAt = quietUntil;
            return UploadReason.None;
        }

        _v.KeepAliveAt = now + _invariants.KeepAliveInterval;
        if (_v.KeepAliveProbesSent >= _invariants.KeepAliveMaxProbes)
        {
            return UploadReason.KeepAliveLimit;
        }

        _owesKeepAliveProbe = true;
        _v.KeepAliveProbesSent++;
        return UploadReason.None;
    }

    /// <summary>R2 of RFC 9293 3.8.3: a time where the user set one (RFC 5482), else a number.</summary>
    private UploadReason GivenUp(int unanswered, Microseconds now)
    {
        if (_invariants.UserTimeout.IsNever)
        {
            return unanswered >= _invariants.MaxRetransmissions ? UploadReason.RetransmissionLimit : UploadReason.None;
        }

        return !_v.StalledSince.IsNever && now - _v.StalledSince >= _invariants.UserTimeout
            ? UploadReason.UserTimeout
            : UploadReason.None;
    }

    /// <summary>RFC 6298 5.5; a time-out has a maximum (2.5), so the count needs one only not to overflow.</summary>
    private void BackOff() => _v.RtoBackoff = (byte)Math.Min(byte.MaxValue, _v.RtoBackoff + 1);

    /// <summary>An RTO from now; not beyond the end of the user time-out, which is looked at when it runs out.</summary>
    private Microseconds RetransmitDeadline(Microseconds now) =>
        Microseconds.Min(now + RttEstimator.CurrentRto(_v, _invariants), UserDeadline(now));

    /// <summary>The end of the user time-out; an RTO from now when it has passed; never when the user set none.</summary>
    private Microseconds UserDeadline(Microseconds now)
    {
        if (_invariants.UserTimeout.IsNever || _v.StalledSince.IsNever)
        {
            return Microseconds.Never;
        }

        Microseconds limit = _v.StalledSince + _invariants.UserTimeout;
        return limit > now ? limit : now + RttEstimator.CurrentRto(_v, _invariants);
    }

    private void ArmTimers(Microseconds now)
    {
        SummarizeRecords();
        bool isInFlight = _v.SndNxt > _v.SndUna;
        bool isWaiting = !isInFlight && SendableEnd > _v.SndNxt;

        if (_v.StalledSince.IsNever && (isInFlight || isWaiting))
        {
            _v.StalledSince = now;
        }

        if (!isInFlight)
        {
            _v.RetransmitAt = Microseconds.Never;
        }
        else if (_v.RetransmitAt.IsNever)
        {
            // RFC 6298 5.1.
            _v.RetransmitAt = RetransmitDeadline(now);
        }

        ArmRecoveryTimer(isInFlight, now);
        if (!isWaiting)
        {
            _v.PersistAt = Microseconds.Never;
        }
        else if (!_invariants.IsPathUsable)
        {
            // RFC 5482, RFC 9293 3.10.8: what could not even be sent is given up by the user's time alone.
            _v.PersistAt = UserDeadline(now);
        }
        else if (_v.PersistAt.IsNever)
        {
            Microseconds rto = RttEstimator.CurrentRto(_v, _invariants);

            // RFC 9293 3.8.6.1, SHLD-29: the first probe after an RTO of closed window.
            _v.PersistAt = now + (_v.SndWnd == 0 ? rto : Microseconds.Max(MinOverride, Microseconds.Min(rto, MaxOverride)));
        }

        if (!_invariants.KeepAliveEnabled)
        {
            _v.KeepAliveAt = Microseconds.Never;
        }
        else if (_v.KeepAliveAt.IsNever && _invariants.IsPathUsable)
        {
            _v.KeepAliveAt = Microseconds.Max(now, _v.LastReceivedAt + _invariants.KeepAliveTime);
        }
    }

    private void RestartProbeTimer()
    {
        if (_v.RecoveryTimer == RecoveryTimer.Probe)
        {
            _v.RecoveryAt = Microseconds.Never;
        }
    }

    /// <summary>RFC 8985 7.2: PTO; the retransmission time-out where that would come before it. Those that follow only where they come before it.</summary>
    private void ArmRecoveryTimer(bool isInFlight, Microseconds now)
    {
        if (_v.RecoveryTimer == RecoveryTimer.Reorder && isInFlight)
        {
            return;
        }

        if (!isInFlight || !WantsTailProbe)
        {
            _v.RecoveryAt = Microseconds.Never;
            _v.RecoveryTimer = RecoveryTimer.None;
        }
        else if (_v.RecoveryAt.IsNever)
        {
            // A peer that sees a hole acknowledges at once (RFC 5681 4.2).
            bool mayBeHeldBack = _v.Recovery != RecoveryPhase.FastRecovery && _v.Flight <= (uint)Mss;
            Microseconds probe = now + _v.Probe.TimeOut(_v.SmoothedRtt, mayBeHeldBack);
            bool isInTime = IsFirstProbe || probe < _v.RetransmitAt;
            _v.RecoveryAt = isInTime ? Microseconds.Min(probe, _v.RetransmitAt) : Microseconds.Never;
            _v.RecoveryTimer = isInTime ? RecoveryTimer.Probe : RecoveryTimer.None;
        }
    }
}
