namespace TcpActors.Engine.Congestion;

/// <content>5.3.3: ProbeBW. Down, cruise, refill, up, and again.</content>
internal readonly ref partial struct BbrFlow
{
    /// <summary>5.3.3.8.3: a flow probes at least as often as one of Reno with this window would lose.</summary>
    private const uint MostRenoRounds = 63;

    /// <summary>5.3.3.9: UpdateProbeBWCyclePhase.</summary>
    private void UpdateProbeBandwidth()
    {
        if (!_s.Is(BbrFlags.FullBandwidthReached) || AdaptLongTermModel())
        {
            return;
        }

        switch (_s.Phase)
        {
            case BbrPhase.Down when IsTimeToProbe:
            case BbrPhase.Cruise when IsTimeToProbe:
                StartRefill();
                break;
            case BbrPhase.Down when IsTimeToCruise:
                _s.Phase = BbrPhase.Cruise;
                break;
            case BbrPhase.Refill when _s.Is(BbrFlags.RoundStart):
                _s.Set(BbrFlags.ProbeSample, true);
                StartUp();
                break;
            case BbrPhase.Up when IsTimeToGoDown():
                _s.Set(BbrFlags.ProbeTooHigh, false);
                StartDown();
                break;
        }
    }

    private void StartDown()
    {
        ResetCongestionSignals();
        _s.ProbeUpAckedPerIncrement = BbrState.Infinity;
        PickProbeWait();
        _v.Congestion.Moment(CycleAt) = _ack.Now;
        _s.Set(BbrFlags.ProbeStopping, true);
        StartRound();
        _s.Phase = BbrPhase.Down;
    }

    private void StartRefill()
    {
        ResetShortTermModel();
        _s.ProbeUpRounds = 0;
        _s.ProbeUpAcked = 0;
        _s.Set(BbrFlags.ProbePrecautionary, false);
        _s.Set(BbrFlags.ProbeStopping, false);
        StartRound();
        _s.Phase = BbrPhase.Refill;
    }

    private void StartUp()
    {
        StartRound();
        ResetFullBandwidth(SampleBandwidth);
        _s.Phase = BbrPhase.Up;
        RaiseLongTermSlope();
    }

    /// <summary>5.3.3.8.3: 2 to 3 s, and a round or none, so that flows do not probe in step.</summary>
    private void PickProbeWait()
    {
        const uint Shortest = 2_000_000;
        const uint Spread = 1_000_000;
        _s.RoundsSinceProbe = (byte)(NextRandom() >> 31);
        _s.ProbeWait = Shortest + (uint)(((ulong)NextRandom() * Spread) >> 32);
    }

    /// <summary>Marsaglia's xorshift: random enough, and the same after a move.</summary>
    private uint NextRandom()
    {
        uint x = _s.Random;
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        return _s.Random = x;
    }

    private bool IsTimeToProbe =>
        (_ack.Now - _v.Congestion.Moment(CycleAt)).Value > _s.ProbeWait
        || _s.RoundsSinceProbe >= Math.Min(TargetInflight / (uint)_ack.Mss, MostRenoRounds);

    private bool IsTimeToCruise => _ack.Flight <= InflightWithHeadroom && _ack.Flight <= Inflight(gain: 100);

    private bool IsTimeToGoDown()
    {
        // 5.3.3.6: not beyond where the last probe lost too much, once.
        if (_s.Is(BbrFlags.ProbeTooHigh) && _ack.Flight >= _s.LongTermInflight)
        {
            _s.Set(BbrFlags.ProbePrecautionary, true);
            return true;
        }

        if (_ack.IsWindowLimited && _v.CongestionWindow >= _s.LongTermInflight)
        {
            // The bound is what holds the bandwidth down, not the path.
            ResetFullBandwidth(SampleBandwidth);
            return false;
        }

        return _s.Is(BbrFlags.FullBandwidthNow);
    }

    /// <summary>5.3.3.9: the bound grows by a segment, then by twice as many each round.</summary>
    private void RaiseLongTermSlope()
    {
        uint growth = 1U << _s.ProbeUpRounds;
        _s.ProbeUpRounds = (byte)Math.Min(_s.ProbeUpRounds + 1, 30);
        _s.ProbeUpAckedPerIncrement = Math.Max(_v.CongestionWindow / growth, (uint)_ack.Mss);
    }

    private void ProbeLongTermUpward()
    {
        if (!_ack.IsWindowLimited || _v.CongestionWindow < _s.LongTermInflight)
        {
            return;
        }

        _s.ProbeUpAcked += _ack.Delivered;
        if (_s.ProbeUpAcked >= _s.ProbeUpAckedPerIncrement)
        {
            uint steps = _s.ProbeUpAcked / _s.ProbeUpAckedPerIncrement;
            _s.ProbeUpAcked -= steps * _s.ProbeUpAckedPerIncrement;
            _s.LongTermInflight = (uint)Math.Min(_s.LongTermInflight + ((long)steps * _ack.Mss), SlowStart.LargestWindow);
        }

        if (_s.Is(BbrFlags.RoundStart))
        {
            RaiseLongTermSlope();
        }
    }

    /// <summary>5.3.3.9.</summary>
    /// <returns>Whether it decided about the phase.</returns>
    private bool AdaptLongTermModel()
    {
        if (_s.Is(BbrFlags.ProbeStopping | BbrFlags.RoundStart))
        {
            _s.Set(BbrFlags.ProbeSample | BbrFlags.ProbeStopping, false);
            if (IsInProbeBandwidth && !_ack.IsAppLimited)
            {
                AdvanceMaxBandwidth();
            }

            if (IsInProbeBandwidth && _s.Is(BbrFlags.ProbePrecautionary) && !_s.Is(BbrFlags.ProbeTooHigh))
            {
                StartRefill();
                return true;
            }
        }

        if (!IsInflightTooHigh && _s.LongTermInflight != BbrState.Infinity)
        {
            _s.LongTermInflight = Math.Max(_s.LongTermInflight, _ack.TxInFlight);
            if (_s.Phase == BbrPhase.Up)
            {
                ProbeLongTermUpward();
            }
        }

        return false;
    }

    /// <summary>5.5.6: the filter holds the cycle before and this one; a cycle without a sample is none.</summary>
    private void AdvanceMaxBandwidth()
    {
        if (_s.BandwidthThisCycle > 0)
        {
            _s.BandwidthLastCycle = _s.BandwidthThisCycle;
            _s.BandwidthThisCycle = 0;
        }
    }
}
