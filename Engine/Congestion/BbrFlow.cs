using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>One connection as <see cref="Bbr"/> sees it during one call: the draft's steps.</summary>
internal readonly ref partial struct BbrFlow
{
    /// <summary>Bytes a second that a bandwidth of 1 stands for: 32 bits reach 68 GB/s.</summary>
    public const int Unit = 16;

    // Moments.
    private const int MinRttAt = 0;
    private const int ProbeRttMinAt = 1;
    private const int ProbeRttDoneAt = 2;
    private const int CycleAt = 3;
    private const int AggregationAt = 4;

    // 2.8: LossThresh, Beta, Headroom, in hundredths.
    private const uint LossThreshold = 2;
    private const uint Beta = 70;
    private const uint Headroom = 15;

    private readonly ref SegmentVariants _v;
    private readonly ref BbrState _s;
    private readonly AckSample _ack;

    public BbrFlow(ref SegmentVariants variants, in AckSample ack)
    {
        _v = ref variants;
        _s = ref variants.Congestion.As<BbrState>();
        _ack = ack;
    }

    /// <summary>5.2.1. Whatever is a moment begins with the first acknowledgement.</summary>
    public void Start()
    {
        Microseconds rtt = _v.MinRtt.IsNever ? _v.SmoothedRtt : _v.MinRtt;
        _s.MinRtt = (uint)Math.Clamp(rtt.Value, 0, LongestRtt);
        _s.LongTermInflight = BbrState.Infinity;
        _s.ProbeUpAckedPerIncrement = BbrState.Infinity;
        _s.UndoPhase = BbrPhase.None;
        _s.LostSeen = _v.Rate.Lost;
        _s.Random = _v.SndUna.Value | 1;
        ResetShortTermModel();
        StartRound();
        _s.LossRoundDelivered = (uint)_v.Rate.Delivered;
        _s.Phase = BbrPhase.Startup;

        // 5.6.2: InitPacingRate. The window may not be set yet.
        long window = Math.Max(_v.CongestionWindow, InitialWindow.For(_ack.Mss));
        long nominal = window * 1_000_000 / (_v.SmoothedRtt > Microseconds.Zero ? _v.SmoothedRtt.Value : 1000);
        _v.Rate.PacingRate = Math.Max(1, nominal * PacingGain / 100);
    }

    /// <summary>5.2.3.</summary>
    public void OnAcked()
    {
        BeginMoments();
        TakeLosses();
        UpdateLatestDeliverySignals();
        UpdateCongestionSignals();
        UpdateAckAggregation();
        CheckFullBandwidth();
        CheckStartupHighLoss();
        if (_s.Phase == BbrPhase.Startup && _s.Is(BbrFlags.FullBandwidthReached))
        {
            EnterDrain();
        }

        CheckDrainDone();
        UpdateProbeBandwidth();
        UpdateMinRtt();
        CheckProbeRtt();
        if (_s.Is(BbrFlags.LossRoundStart))
        {
            // 5.5.10.3: AdvanceLatestDeliverySignals.
            (_s.LatestBandwidth, _s.LatestInflight) = (SampleBandwidth, _ack.RateDelivered);
            _s.LossEvents = 0;
        }

        SetPacingRate(PacingGain);
        SetWindow();
    }

    /// <summary>5.4.1: nothing was in flight, and data is about to be sent.</summary>
    public void OnIdleEnd()
    {
        if (_v.Rate.AppLimitedUntil == 0)
        {
            return;
        }

        _s.Set(BbrFlags.IdleRestart, true);
        _v.Congestion.Moment(AggregationAt) = _ack.Now;
        _s.ExtraAckedDelivered = 0;
        if (IsInProbeBandwidth)
        {
            SetPacingRate(gain: 100);
        }
        else if (_s.Phase == BbrPhase.ProbeRtt)
        {
            CheckProbeRttDone();
        }
    }

    /// <summary>5.6.1: in hundredths.</summary>
    private uint PacingGain => _s.Phase switch
    {
        BbrPhase.Startup => 277,
        BbrPhase.Drain => 50,
        BbrPhase.Down => 90,
        BbrPhase.Up => 125,
        _ => 100,
    };

    /// <summary>5.6.1: in hundredths.</summary>
    private uint WindowGain => _s.Phase switch
    {
        BbrPhase.Up => 225,
        BbrPhase.ProbeRtt => ProbeRttWindowGain,
        _ => 200,
    };

    private bool IsInProbeBandwidth => _s.Phase is BbrPhase.Down or BbrPhase.Cruise or BbrPhase.Refill or BbrPhase.Up;

    /// <summary>RS.delivery_rate in units.</summary>
    private uint SampleBandwidth => (uint)Math.Min(_ack.DeliveryRate / Unit, uint.MaxValue - 1);

    /// <summary>BBR.bw (5.5.10.3, BoundBWForModel).</summary>
    private uint Bandwidth => Math.Min(_s.MaxBandwidth, _s.ShortTermBandwidth);

    private uint MinPipeWindow => 4 * (uint)_ack.Mss;

    /// <summary>The moments that "now" begins: after <see cref="Start"/>, which knows no time.</summary>
    private void BeginMoments()
    {
        ref CongestionState state = ref _v.Congestion;
        if (state.Moment(MinRttAt).IsNever)
        {
            state.Moment(MinRttAt) = _ack.Now;
            state.Moment(ProbeRttMinAt) = _ack.Now;
        }
    }

    /// <summary>5.5.1. The flags of the round are those of this acknowledgement.</summary>
    private void UpdateRound()
    {
        bool isNew = HasReached(_s.NextRoundDelivered);
        _s.Set(BbrFlags.RoundStart, isNew);
        if (isNew)
        {
            StartRound();
            _s.RoundsSinceProbe = (byte)Math.Min(_s.RoundsSinceProbe + 1, byte.MaxValue);
            _s.DrainRounds = (byte)Math.Min(_s.DrainRounds + 1, byte.MaxValue);
            _s.ExtraAckedRounds = (byte)Math.Min(_s.ExtraAckedRounds + 1, byte.MaxValue);
        }
    }

    private void StartRound() => _s.NextRoundDelivered = (uint)_v.Rate.Delivered;

    /// <summary>Whether what was delivered left after so much had been delivered.</summary>
    private bool HasReached(uint delivered) => _v.Rate.Delivered - _ack.PriorDelivered <= (uint)_v.Rate.Delivered - delivered;

    /// <summary>
    /// 5.3.1.2: three rounds without much growth. One without a reliable rate (4.1.2.3) has shown nothing: after an outage three of them
    /// would take what crept before it for all that the path can do.
    /// </summary>
    private void CheckFullBandwidth()
    {
        bool isMeasured = _ack.Interval > Microseconds.Zero;
        if (_s.Is(BbrFlags.FullBandwidthNow) || !_s.Is(BbrFlags.RoundStart) || _ack.IsAppLimited || !isMeasured)
        {
            return;
        }

        if (SampleBandwidth >= _s.FullBandwidth * 5L / 4)
        {
            ResetFullBandwidth(SampleBandwidth);
            return;
        }

        _s.FullBandwidthRounds++;
        if (_s.FullBandwidthRounds >= 3)
        {
            _s.Set(BbrFlags.FullBandwidthNow, true);
            _s.Set(BbrFlags.FullBandwidthReached, true);
        }
    }

    private void ResetFullBandwidth(uint baseline)
    {
        _s.FullBandwidth = baseline;
        _s.FullBandwidthRounds = 0;
        _s.Set(BbrFlags.FullBandwidthNow, false);
    }

    /// <summary>
    /// 5.3.1.3: a round of recovery with a loss rate above the threshold, in at least six places; acknowledgements that showed a loss stand for
    /// the places, as in Linux.
    /// </summary>
    private void CheckStartupHighLoss()
    {
        const int FullLossCount = 6;
        if (_s.Phase != BbrPhase.Startup
            || !_s.Is(BbrFlags.LossRoundStart)
            || _ack.Recovery != RecoveryPhase.FastRecovery
            || _s.LossEvents < FullLossCount
            || !IsInflightTooHigh)
        {
            return;
        }

        _s.UndoPhase = BbrPhase.Startup;
        _s.Set(BbrFlags.FullBandwidthReached, true);
        _s.LongTermInflight = Math.Max(Volume(gain: 100), _s.LatestInflight);
    }

    /// <summary>5.3.2.</summary>
    private void EnterDrain()
    {
        _s.Phase = BbrPhase.Drain;
        _s.DrainRounds = 0;
    }

    private void CheckDrainDone()
    {
        if (_s.Phase == BbrPhase.Drain && (_ack.Flight <= Inflight(gain: 100) || _s.DrainRounds > 3))
        {
            StartDown();
        }
    }

    /// <summary>
    /// 5.6.2. One per cent is kept back, so that a queue drains in time. The draft has no lower bound; but the window is never below four segments, and who measures less
    /// than one in a round trip has measured an application that wrote a byte, for which the next segment would have to wait a minute.
    /// </summary>
    private void SetPacingRate(uint gain)
    {
        long rate = (long)Bandwidth * Unit * gain / 100 * 99 / 100;
        if (rate > 0 && _v.SmoothedRtt > Microseconds.Zero)
        {
            rate = Math.Max(rate, _ack.Mss * 1_000_000L / _v.SmoothedRtt.Value);
        }

        if (rate > 0 && (_s.Is(BbrFlags.FullBandwidthReached) || rate > _v.Rate.PacingRate))
        {
            _v.Rate.PacingRate = rate;
        }
    }
}
