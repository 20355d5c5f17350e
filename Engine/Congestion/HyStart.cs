using System.Runtime.InteropServices;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>
/// HyStart++ (RFC 9406): leaves the first slow start when round trips grow longer, and before anything is lost. Part of the state of the
/// algorithm that uses it.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HyStart
{
    // RFC 9406 4.3.
    private const uint ShortestThreshold = 4_000;
    private const uint LongestThreshold = 16_000;
    private const uint ThresholdDivisor = 8;
    private const byte SamplesNeeded = 8;
    private const int ConservativeGrowth = 4;
    private const byte ConservativeRounds = 5;

    /// <summary>No round trip was measured.</summary>
    private const uint None = 0;

    private SeqNum _windowEnd;
    private uint _lastRoundRtt;
    private uint _roundRtt;

    /// <summary>cssBaselineMinRtt; <see cref="None"/>: in standard slow start.</summary>
    private uint _baseline;

    private byte _samples;
    private byte _rounds;

    /// <summary>RFC 9406 4.3: only while SSTHRESH has the arbitrarily high value that it begins with.</summary>
    public static bool AppliesTo(in SegmentVariants variants) => variants.SlowStartThreshold == uint.MaxValue;

    /// <summary>Whether conservative slow start goes on.</summary>
    public readonly bool IsConservative => _baseline != None;

    public static HyStart Begin(in SegmentVariants variants) => new() { _windowEnd = variants.SndMax };

    /// <summary>Widens the window, and sets SSTHRESH to it when slow start is over.</summary>
    public void OnAcked(ref SegmentVariants variants, in AckSample ack)
    {
        if (ack.IsWindowLimited)
        {
            SlowStart.Grow(ref variants, ack, IsConservative ? ConservativeGrowth : 1);
        }

        if (!ack.Rtt.IsNever && ack.Rtt > Microseconds.Zero)
        {
            uint rtt = (uint)Math.Min(ack.Rtt.Value, uint.MaxValue);
            _roundRtt = _roundRtt == None ? rtt : Math.Min(_roundRtt, rtt);
            _samples = (byte)Math.Min(_samples + 1, byte.MaxValue);
        }

        if (_samples >= SamplesNeeded)
        {
            Judge();
        }

        if (variants.SndUna >= _windowEnd)
        {
            EndRound(ref variants);
        }
    }

    /// <summary>RFC 9406 4.2: what the shortest round trip of this round says against that of the last.</summary>
    private void Judge()
    {
        if (IsConservative)
        {
            if (_roundRtt < _baseline)
            {
                // It was jitter: back to standard slow start.
                _baseline = None;
            }
        }
        else if (_lastRoundRtt != None)
        {
            uint threshold = Math.Clamp(_lastRoundRtt / ThresholdDivisor, ShortestThreshold, LongestThreshold);
            if (_roundRtt >= (long)_lastRoundRtt + threshold)
            {
                _baseline = _roundRtt;
                _rounds = 0;
            }
        }
    }

    private void EndRound(ref SegmentVariants variants)
    {
        if (IsConservative)
        {
            // RFC 9406 4.2: a round of which only a part was conservative counts.
            _rounds++;
            if (_rounds >= ConservativeRounds)
            {
                variants.SlowStartThreshold = variants.CongestionWindow;
            }
        }

        _windowEnd = variants.SndMax;
        _lastRoundRtt = _roundRtt;
        _roundRtt = None;
        _samples = 0;
    }
}
