using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;

namespace TcpActors.Specs.Engine.Congestion;

/// <summary>
/// A bottleneck, without an engine: segments of one size leave as window and pace allow, wait in a queue, and are acknowledged one by one a
/// propagation delay later. What is lost is found so when the next segment is acknowledged, and not sent again: the stream is endless.
/// </summary>
internal sealed class ModelPath
{
    public const int Mss = 1000;

    private readonly ICongestionControl _congestion;
    private readonly Queue<Sent> _flight = new();
    private SegmentVariants _v;
    private double _linkFreeAt;
    private uint _inFlight;
    private uint _sequence;
    private long _offered;
    private bool _isWindowLimited;

    public ModelPath(ICongestionControl congestion, uint window = 10 * Mss, uint threshold = uint.MaxValue)
    {
        _congestion = congestion;
        _v = SegmentVariants.Quiet;
        _v.SndUna = _v.SndNxt = _v.SndMax = new SeqNum(0xFFFF_0000);
        _v.CongestionWindow = window;
        _v.SlowStartThreshold = threshold;
        _v.Congestion.Claim(congestion.Name);
        congestion.Start(ref _v, Mss);
    }

    /// <summary>Bytes a second.</summary>
    public required double Bandwidth { get; set; }

    public required Microseconds RoundTrip { get; set; }

    /// <summary>Bytes that wait at most; what comes then is lost.</summary>
    public double Queue { get; set; } = double.MaxValue;

    /// <summary>Every so many segments one is lost; 0: none.</summary>
    public int LossInterval { get; set; }

    /// <summary>Bytes a second that the application writes; 0: there is always more.</summary>
    public double Application { get; set; }

    public Microseconds Now { get; private set; } = Microseconds.FromSeconds(1);

    public long Delivered => _v.Rate.Delivered;

    public uint InFlight => _inFlight;

    public ref SegmentVariants V => ref _v;

    /// <summary>Called after each acknowledgement.</summary>
    public Action? AfterAck { get; set; }

    public void RunFor(Microseconds span)
    {
        Microseconds end = Now + span;
        while (Now < end)
        {
            Send();
            Microseconds next = Now + new Microseconds(100);
            if (!_v.Rate.PacedUntil.IsNever && _v.Rate.PacedUntil > Now)
            {
                next = Microseconds.Min(next, _v.Rate.PacedUntil);
            }

            if (_flight.TryPeek(out Sent first))
            {
                next = Microseconds.Min(next, Microseconds.Max(first.ArrivesAt, Now));
            }

            Now = next;
            while (_flight.TryPeek(out first) && first.ArrivesAt <= Now)
            {
                Acknowledge();
            }
        }
    }

    private void Send()
    {
        bool sent = true;
        while (sent)
        {
            sent = false;
            bool hasData = Application == 0 || _offered < Application * Now.Value / 1_000_000;
            if (hasData && _inFlight + Mss <= _v.CongestionWindow && Pacer.Allows(_v.Rate, Now))
            {
                Emit();
                sent = true;
            }

            if (!hasData && _inFlight + Mss <= _v.CongestionWindow)
            {
                _v.Rate.AppLimitedUntil = Math.Max(1, _v.Rate.Delivered + _inFlight);
            }
        }

        // As the engine judges it: after sending.
        _isWindowLimited = _inFlight + Mss > _v.CongestionWindow
            || (_v.CongestionWindow < _v.SlowStartThreshold && 2 * _inFlight > _v.CongestionWindow);
    }

    private void Emit()
    {
        if (_inFlight == 0)
        {
            _v.Rate.FirstSentAt = _v.Rate.DeliveredAt = Now;
        }

        _offered += Mss;
        _inFlight += Mss;
        _sequence++;
        _v.SndMax += Mss;
        _v.SndNxt = _v.SndMax;
        double start = Math.Max(Now.Value, _linkFreeAt);
        bool isDropped = (start - Now.Value) / 1_000_000 * Bandwidth > Queue || (LossInterval > 0 && _sequence % LossInterval == 0);
        if (!isDropped)
        {
            _linkFreeAt = start + (Mss / Bandwidth * 1_000_000);
        }

        _flight.Enqueue(new Sent(
            Now,
            new Microseconds((long)Math.Ceiling(isDropped ? start : _linkFreeAt) + RoundTrip.Value),
            _v.Rate.Delivered,
            _v.Rate.DeliveredAt,
            _v.Rate.FirstSentAt,
            _v.Rate.Lost,
            _inFlight,
            _v.Rate.AppLimitedUntil > 0,
            isDropped));
        Pacer.OnSent(ref _v.Rate, Mss, Now);
    }

    private void Acknowledge()
    {
        uint lost = 0;
        uint prior = _inFlight;
        while (_flight.TryPeek(out Sent gone) && gone.IsDropped)
        {
            _flight.Dequeue();
            lost += Mss;
        }

        if (!_flight.TryDequeue(out Sent segment))
        {
            // Nothing tells about the last ones: a time-out, in a round trip.
            TakeLost(lost);
            return;
        }

        _inFlight -= Mss;
        _v.SndUna += (int)(Mss + lost);
        TakeLost(lost);
        RateVariants before = _v.Rate;
        _v.Rate.Delivered += Mss;
        _v.Rate.DeliveredAt = Now;
        _v.Rate.FirstSentAt = segment.SentAt;
        if (before.AppLimitedUntil > 0 && _v.Rate.Delivered > before.AppLimitedUntil)
        {
            _v.Rate.AppLimitedUntil = 0;
        }

        Microseconds rtt = Now - segment.SentAt;
        _v.MinRtt = Microseconds.Min(_v.MinRtt, rtt);
        _v.SmoothedRtt = _v.SmoothedRtt == Microseconds.Zero ? rtt : new Microseconds(((_v.SmoothedRtt.Value * 7) + rtt.Value) / 8);
        RecoveryPhase phase = _v.Recovery;
        if (phase != RecoveryPhase.Open && _v.SndUna >= _v.RecoveryPoint)
        {
            _v.Recovery = RecoveryPhase.Open;
        }

        _congestion.OnAcked(ref _v, new AckSample
        {
            Now = Now,
            Mss = Mss,
            Acked = Mss + lost,
            Delivered = Mss,
            Lost = lost,
            Rtt = rtt,
            PriorFlight = prior,
            Flight = _inFlight,
            IsWindowLimited = _isWindowLimited,
            Recovery = phase,
            RateDelivered = (uint)(_v.Rate.Delivered - segment.Delivered),
            Interval = Microseconds.Max(segment.SentAt - segment.FirstSentAt, Now - segment.DeliveredAt),
            PriorDelivered = segment.Delivered,
            TxInFlight = segment.InFlight,
            LostSinceSent = _v.Rate.Lost - segment.Lost,
            IsAppLimited = segment.IsAppLimited,
        });
        AfterAck?.Invoke();
    }

    private void TakeLost(uint lost)
    {
        if (lost == 0)
        {
            return;
        }

        uint flight = _inFlight;
        _inFlight -= lost;
        _v.Rate.Lost += lost;
        if (_v.Recovery == RecoveryPhase.Open)
        {
            _v.SlowStartThreshold = _congestion.ThresholdAfterLoss(ref _v, new LossEvent(LossKind.Loss, Now, Mss, flight + Mss));
            _v.Recovery = RecoveryPhase.FastRecovery;
            _v.RecoveryPoint = _v.SndMax;
            if (!_congestion.SetsWindowInRecovery)
            {
                _v.CongestionWindow = _v.SlowStartThreshold;
            }
        }
    }

    private readonly record struct Sent(
        Microseconds SentAt,
        Microseconds ArrivesAt,
        long Delivered,
        Microseconds DeliveredAt,
        Microseconds FirstSentAt,
        uint Lost,
        uint InFlight,
        bool IsAppLimited,
        bool IsDropped);
}
