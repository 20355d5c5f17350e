using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;

namespace TcpActors.Engine.Congestion;

/// <content>5.5 and 5.6.4: the model of the path, what losses do to it, and the window that follows from it.</content>
internal readonly ref partial struct BbrFlow
{
    /// <summary>5.5.10.2, 5.6.4.4: a loss, by an acknowledgement or by a timer.</summary>
    public void NoteLoss()
    {
        if (!_s.Is(BbrFlags.LossInRound))
        {
            _s.LossRoundDelivered = (uint)_v.Rate.Delivered;
            SaveStateUponLoss();
            _s.Set(BbrFlags.LossInRound, true);
        }
    }

    /// <summary>5.5.11.1.</summary>
    public void SaveStateUponLoss()
    {
        SaveWindow();
        _s.UndoPhase = BbrPhase.None;
        _s.UndoShortTermBandwidth = _s.ShortTermBandwidth;
        _s.UndoShortTermInflight = _s.ShortTermInflight;
        _s.UndoLongTermInflight = _s.LongTermInflight;
    }

    /// <summary>5.5.11.2: nothing was lost.</summary>
    public void OnUndo()
    {
        RestoreWindow();
        _s.Set(BbrFlags.LossInRound, false);
        ResetFullBandwidth(baseline: 0);
        _s.ShortTermBandwidth = Math.Max(_s.ShortTermBandwidth, _s.UndoShortTermBandwidth);
        _s.ShortTermInflight = Math.Max(_s.ShortTermInflight, _s.UndoShortTermInflight);
        _s.LongTermInflight = Math.Max(_s.LongTermInflight, _s.UndoLongTermInflight);
        if (_s.UndoPhase == BbrPhase.Startup && _s.Phase != BbrPhase.Startup)
        {
            _s.Set(BbrFlags.FullBandwidthReached, false);
            if (_s.Phase != BbrPhase.ProbeRtt)
            {
                _s.Phase = BbrPhase.Startup;
            }
        }
        else if (_s.UndoPhase == BbrPhase.Up && _s.Phase is not (BbrPhase.Up or BbrPhase.ProbeRtt))
        {
            StartRefill();
        }

        _s.UndoPhase = BbrPhase.None;
    }

    /// <summary>BBR.bdp times a gain in hundredths (5.6.4.2, BDPMultiple).</summary>
    private uint Volume(uint gain)
    {
        if (_s.MinRtt == 0)
        {
            return InitialWindow.For(_ack.Mss);
        }

        ulong volume = (ulong)Bandwidth * Unit * _s.MinRtt / 1_000_000 * gain / 100;
        return (uint)Math.Min(volume, SlowStart.LargestWindow);
    }

    /// <summary>5.6.4.2: QuantizationBudget.</summary>
    private uint Inflight(uint gain, uint extra = 0)
    {
        // 5.5.8.1: one run in the sender's stack, one in the receiver's, one on the way.
        uint offloads = 3 * Pacer.QuantumAt(_v.Rate.PacingRate, _ack.Mss);
        uint cap = Math.Max(Math.Max(Volume(gain) + extra, offloads), MinPipeWindow);
        return _s.Phase == BbrPhase.Up ? cap + (2 * (uint)_ack.Mss) : cap;
    }

    private uint TargetInflight => Math.Min(Volume(gain: 100), _v.CongestionWindow);

    private uint ProbeRttWindow => Math.Max(Volume(ProbeRttWindowGain), MinPipeWindow);

    /// <summary>5.3.3.9: leaves room for others below the bound.</summary>
    private uint InflightWithHeadroom
    {
        get
        {
            if (_s.LongTermInflight == BbrState.Infinity)
            {
                return BbrState.Infinity;
            }

            uint headroom = Math.Max((uint)_ack.Mss, (uint)((ulong)_s.LongTermInflight * Headroom / 100));
            return Math.Max(_s.LongTermInflight - Math.Min(headroom, _s.LongTermInflight), MinPipeWindow);
        }
    }

    /// <summary>5.5.10.2: LossThresh of what was in flight.</summary>
    private bool IsInflightTooHigh => _ack.LostSinceSent > (ulong)_ack.TxInFlight * LossThreshold / 100;

    /// <summary>5.5.10.2: what was found lost since the last acknowledgement, by this one or by a timer.</summary>
    private void TakeLosses()
    {
        uint lost = _v.Rate.Lost - _s.LostSeen;
        _s.LostSeen = _v.Rate.Lost;
        if (lost == 0)
        {
            return;
        }

        NoteLoss();
        _s.LossEvents = (byte)Math.Min(_s.LossEvents + 1, byte.MaxValue);
        if (_s.Is(BbrFlags.ProbeSample) && IsInflightTooHigh)
        {
            HandleInflightTooHigh();
        }
    }

    private void HandleInflightTooHigh()
    {
        _s.Set(BbrFlags.ProbeTooHigh, true);
        _s.Set(BbrFlags.ProbeSample, false);
        if (!_ack.IsAppLimited)
        {
            _s.LongTermInflight = Math.Max(InflightAtLoss, (uint)((ulong)TargetInflight * Beta / 100));
        }

        if (_s.Phase == BbrPhase.Up)
        {
            StartDown();
            _s.UndoPhase = BbrPhase.Up;
        }
    }

    /// <summary>
    /// 5.5.10.2: at what volume losses crossed the threshold, if those after that came as one run. What the draft adds up, what was in flight before the run and
    /// the part of the run below the threshold, is this, however long the run was.
    /// </summary>
    private uint InflightAtLoss =>
        (uint)((ulong)(_ack.TxInFlight - Math.Min(_ack.TxInFlight, _ack.LostSinceSent)) * 100 / (100 - LossThreshold));

    /// <summary>5.5.10.3.</summary>
    private void UpdateLatestDeliverySignals()
    {
        _s.LatestBandwidth = Math.Max(_s.LatestBandwidth, SampleBandwidth);
        _s.LatestInflight = Math.Max(_s.LatestInflight, _ack.RateDelivered);
        bool isNew = HasReached(_s.LossRoundDelivered);
        _s.Set(BbrFlags.LossRoundStart, isNew);
        if (isNew)
        {
            _s.LossRoundDelivered = (uint)_v.Rate.Delivered;
        }
    }

    /// <summary>5.5.10.3: once a round trip, and not while it probes.</summary>
    private void UpdateCongestionSignals()
    {
        // 5.5.5: UpdateMaxBw.
        UpdateRound();
        if (SampleBandwidth >= _s.MaxBandwidth || !_ack.IsAppLimited)
        {
            _s.BandwidthThisCycle = Math.Max(_s.BandwidthThisCycle, SampleBandwidth);
        }

        if (!_s.Is(BbrFlags.LossRoundStart))
        {
            return;
        }

        if (_s.Is(BbrFlags.LossInRound) && _s.Phase is not (BbrPhase.Startup or BbrPhase.Refill or BbrPhase.Up))
        {
            uint bandwidth = _s.ShortTermBandwidth == BbrState.Infinity ? _s.MaxBandwidth : _s.ShortTermBandwidth;
            uint inflight = _s.ShortTermInflight == BbrState.Infinity ? _v.CongestionWindow : _s.ShortTermInflight;
            _s.ShortTermBandwidth = Math.Max(_s.LatestBandwidth, (uint)((ulong)bandwidth * Beta / 100));
            _s.ShortTermInflight = Math.Max(_s.LatestInflight, (uint)((ulong)inflight * Beta / 100));
        }

        _s.Set(BbrFlags.LossInRound, false);
    }

    private void ResetCongestionSignals()
    {
        _s.Set(BbrFlags.LossInRound, false);
        _s.LatestBandwidth = 0;
        _s.LatestInflight = 0;
    }

    private void ResetShortTermModel()
    {
        _s.ShortTermBandwidth = BbrState.Infinity;
        _s.ShortTermInflight = BbrState.Infinity;
    }

    /// <summary>5.5.9: what arrives in lumps, of one round in Startup and of ten later: two halves of five.</summary>
    private void UpdateAckAggregation()
    {
        ref Microseconds start = ref _v.Congestion.Moment(AggregationAt);
        ulong expected = (ulong)Bandwidth * Unit * (ulong)Math.Clamp((_ack.Now - start).Value, 0, LongestRtt) / 1_000_000;
        if (_s.ExtraAckedDelivered <= expected)
        {
            _s.ExtraAckedDelivered = 0;
            start = _ack.Now;
            expected = 0;
        }

        _s.ExtraAckedDelivered = (uint)Math.Min((ulong)_s.ExtraAckedDelivered + _ack.Delivered, uint.MaxValue);
        int rounds = _s.Is(BbrFlags.FullBandwidthReached) ? 5 : 1;
        if (_s.ExtraAckedRounds >= rounds)
        {
            _s.ExtraAckedRounds = 0;
            _s.ExtraAckedBefore = _s.Is(BbrFlags.FullBandwidthReached) ? _s.ExtraAckedNow : 0;
            _s.ExtraAckedNow = 0;
        }

        uint extra = (uint)Math.Min(_s.ExtraAckedDelivered - Math.Min(expected, _s.ExtraAckedDelivered), _v.CongestionWindow);
        _s.ExtraAckedNow = Math.Max(_s.ExtraAckedNow, extra);
    }

    /// <summary>5.6.4.6 and 5.6.4.7.</summary>
    private void SetWindow()
    {
        if (_ack.Recovery != RecoveryPhase.Open && _v.Recovery == RecoveryPhase.Open)
        {
            // 5.6.4.4: recovery is over.
            RestoreWindow();
        }

        uint most = Inflight(WindowGain, Math.Max(_s.ExtraAckedNow, _s.ExtraAckedBefore));
        uint grown = SlowStart.Grown(_v.CongestionWindow, _ack.Delivered);
        uint window = _v.CongestionWindow;
        if (_s.Is(BbrFlags.FullBandwidthReached))
        {
            window = Math.Min(grown, most);
        }
        else if (window < most || _v.Rate.Delivered < InitialWindow.For(_ack.Mss))
        {
            window = grown;
        }

        uint cap = _s.Phase switch
        {
            BbrPhase.Down or BbrPhase.Refill or BbrPhase.Up => _s.LongTermInflight,
            BbrPhase.Cruise => InflightWithHeadroom,
            BbrPhase.ProbeRtt => Math.Min(InflightWithHeadroom, ProbeRttWindow),
            _ => BbrState.Infinity,
        };
        cap = Math.Max(Math.Min(cap, _s.ShortTermInflight), MinPipeWindow);
        _v.CongestionWindow = Math.Min(Math.Max(window, MinPipeWindow), cap);
    }

    /// <summary>5.6.4.4: the window that neither recovery nor ProbeRTT has made smaller.</summary>
    private void SaveWindow() => _s.PriorWindow = _v.Recovery == RecoveryPhase.Open && _s.Phase != BbrPhase.ProbeRtt
        ? _v.CongestionWindow
        : Math.Max(_s.PriorWindow, _v.CongestionWindow);

    private void RestoreWindow() => _v.CongestionWindow = Math.Max(_v.CongestionWindow, _s.PriorWindow);
}
