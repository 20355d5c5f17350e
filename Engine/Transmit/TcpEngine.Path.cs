using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;

namespace TcpActors.Engine;

/// <content>The size of segments: what the host believes of the path, and what the path shows (RFC 4821).</content>
public sealed partial class TcpEngine
{
    // The probe in flight; relearned after a move, by another probe.
    private SeqNum _pathProbe;
    private int _pathProbeSize;

    /// <summary>The payload of a full-sized segment on this path, without SACK blocks; bytes.</summary>
    private int Mss => _v.PathSearch.Limit(_invariants.EffectiveMss);

    /// <summary>Segments may be larger from now on.</summary>
    private void KeepRoomForASegment() => _v.CongestionWindow = Math.Max(_v.CongestionWindow, (uint)Mss);

    /// <summary>RFC 4821 7.7: nothing comes back for a large segment, time-out after time-out. From now on what is sent again goes in smaller ones.</summary>
    private void JudgeFullStop()
    {
        if (_v.Retransmissions % PathSearch.FullStop == 0
            && _v.PathSearch.OnFullStop(_connection, _invariants.EffectiveMss, _records.FirstLength))
        {
            _counters.Value.BlackHolesFound++;
        }
    }

    /// <summary>
    /// RFC 4821 7.5: a probe is the next data, in one segment that is larger than those around it. 7.4: only when nothing is being repaired, and with so much behind it
    /// that a loss shows without a time-out.
    /// </summary>
    private void SendPathProbe(Microseconds now)
    {
        int size = _pathProbeSize > 0 || !_connection.SackPermitted || _v.Recovery != RecoveryPhase.Open || _reassembly.Count > 0
            ? 0
            : _v.PathSearch.ToTry(_invariants.EffectiveMss, now);
        if (size > 0
            && SendableEnd - _v.SndMax >= size + (DuplicateThreshold * Mss)
            && Math.Min(CongestionRoom, _v.SndWnd - (long)_v.Flight) >= size
            && MaySendByPace(now))
        {
            (_pathProbe, _pathProbeSize) = (_v.SndMax, size);
            SendRun(_v.SndMax, size, size, sackRoom: 0, now);
        }
    }

    private void TakePathProbeAck(Microseconds now)
    {
        if (_pathProbeSize > 0 && _v.SndUna >= _pathProbe + _pathProbeSize)
        {
            _v.PathSearch.OnArrived(_pathProbeSize, _invariants.EffectiveMss, now);
            _pathProbeSize = 0;
            KeepRoomForASegment();
        }
    }

    /// <summary>RFC 4821 7.6.2: the loss of a probe, and of nothing else, is no sign of congestion; its data is only sent again.</summary>
    private bool IsLossOfPathProbe(uint lost, Microseconds now)
    {
        if (_pathProbeSize != lost || !_records.TryGetLost(out SeqNum start, out _) || start != _pathProbe)
        {
            return false;
        }

        _v.PathSearch.OnSwallowed(_pathProbeSize, now);
        _pathProbeSize = 0;
        return true;
    }

    /// <summary>A recovery begins: nothing can be told from a probe that is in flight.</summary>
    private void AbandonPathProbe(Microseconds now)
    {
        if (_pathProbeSize > 0)
        {
            _v.PathSearch.OnInconclusive(_pathProbeSize, now);
            _pathProbeSize = 0;
        }
    }
}
