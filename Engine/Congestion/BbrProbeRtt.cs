using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <content>5.3.4 and 5.5.7: the shortest round trip, and the probes for it.</content>
internal readonly ref partial struct BbrFlow
{
    private const uint ProbeRttWindowGain = 50;

    /// <summary>So that a product with a bandwidth stays within 64 bits.</summary>
    private const long LongestRtt = 100_000_000;

    private static Microseconds MinRttFilterLength => Microseconds.FromSeconds(10);
    private static Microseconds ProbeRttInterval => Microseconds.FromSeconds(5);
    private static Microseconds ProbeRttDuration => Microseconds.FromMilliseconds(200);

    private void UpdateMinRtt()
    {
        ref Microseconds probedAt = ref _v.Congestion.Moment(ProbeRttMinAt);
        bool isExpired = _ack.Now > probedAt + ProbeRttInterval;
        _s.Set(BbrFlags.ProbeRttExpired, isExpired);
        if (!_ack.Rtt.IsNever && (_s.ProbeRttMinDelay == 0 || _ack.Rtt.Value < _s.ProbeRttMinDelay || isExpired))
        {
            _s.ProbeRttMinDelay = (uint)Math.Clamp(_ack.Rtt.Value, 1, LongestRtt);
            probedAt = _ack.Now;
        }

        ref Microseconds measuredAt = ref _v.Congestion.Moment(MinRttAt);
        if (_s.ProbeRttMinDelay > 0
            && (_s.MinRtt == 0 || _s.ProbeRttMinDelay < _s.MinRtt || _ack.Now > measuredAt + MinRttFilterLength))
        {
            _s.MinRtt = _s.ProbeRttMinDelay;
            measuredAt = probedAt;
        }
    }

    private void CheckProbeRtt()
    {
        if (_s.Phase != BbrPhase.ProbeRtt && _s.Is(BbrFlags.ProbeRttExpired) && !_s.Is(BbrFlags.IdleRestart))
        {
            SaveWindow();
            _s.Phase = BbrPhase.ProbeRtt;
            _v.Congestion.Moment(ProbeRttDoneAt) = Microseconds.Never;
            _s.Set(BbrFlags.ProbeStopping, true);
            StartRound();
        }

        if (_s.Phase == BbrPhase.ProbeRtt)
        {
            HandleProbeRtt();
        }

        if (_ack.Delivered > 0)
        {
            _s.Set(BbrFlags.IdleRestart, false);
        }
    }

    private void HandleProbeRtt()
    {
        // So low a rate says nothing about the path.
        _v.Rate.AppLimitedUntil = Math.Max(1, _v.Rate.Delivered + _ack.Flight);
        ref Microseconds doneAt = ref _v.Congestion.Moment(ProbeRttDoneAt);
        if (!doneAt.IsNever)
        {
            if (_s.Is(BbrFlags.RoundStart))
            {
                _s.Set(BbrFlags.ProbeRttRoundDone, true);
            }

            if (_s.Is(BbrFlags.ProbeRttRoundDone))
            {
                CheckProbeRttDone();
            }
        }
        else if (_ack.Flight <= ProbeRttWindow)
        {
            doneAt = _ack.Now + ProbeRttDuration;
            _s.Set(BbrFlags.ProbeRttRoundDone, false);
            StartRound();
        }
    }

    private void CheckProbeRttDone()
    {
        Microseconds doneAt = _v.Congestion.Moment(ProbeRttDoneAt);
        if (doneAt.IsNever || _ack.Now <= doneAt)
        {
            return;
        }

        _v.Congestion.Moment(ProbeRttMinAt) = _ack.Now;
        RestoreWindow();

        // 5.3.4.4: the next probe for bandwidth is put off, and there is nothing to drain.
        ResetShortTermModel();
        if (_s.Is(BbrFlags.FullBandwidthReached))
        {
            StartDown();
            _s.Phase = BbrPhase.Cruise;
        }
        else
        {
            _s.Phase = BbrPhase.Startup;
        }
    }
}
