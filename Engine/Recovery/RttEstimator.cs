using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine.Recovery;

/// <summary>
/// Round-trip time and retransmission time-out: RFC 6298. Measured from when a segment was sent; by the timestamps of RFC 7323 4 only where that was
/// more than once, since their clock may be a thousand times coarser than the path.
/// </summary>
internal struct RttEstimator
{
    /// <summary>RFC 6298 2.1: before the first measurement.</summary>
    private static readonly Microseconds InitialRto = Microseconds.FromSeconds(1);

    /// <summary>
    /// RFC 9293 3.4.2: nothing lives longer in the network than the MSL, so an echo older than that measures something else.
    /// </summary>
    private static readonly Microseconds MaxSegmentLifetime = Microseconds.FromSeconds(120);

    /// <summary>How long the shortest round trip is believed (RFC 8985 6.2 step 1 wants a window; Linux has five minutes).</summary>
    private static readonly Microseconds MinRttWindow = Microseconds.FromSeconds(300);

    // The measurements of the round trip under way. RFC 6298 wants one in each round trip: with one for every acknowledgement, the memory of a window of a
    // thousand segments would be a hundredth of a round trip (RFC 7323 4.2).
    private SeqNum _roundEnd;
    private long _sum;
    private long _deviations;
    private int _count;

    /// <summary>Begins anew: what was measured of the round trip under way is forgotten.</summary>
    /// <param name="sndMax">SND_MAX.</param>
    public void Restart(SeqNum sndMax)
    {
        this = default;
        _roundEnd = sndMax;
    }

    /// <summary>The time-out to arm: RTO within its bounds, doubled by the back-off (RFC 6298 2.4, 2.5, 5.5).</summary>
    public static Microseconds CurrentRto(in SegmentVariants variants, SegmentInvariants invariants)
    {
        Microseconds rto = variants.Rto > Microseconds.Zero ? variants.Rto : InitialRto;
        rto = Microseconds.Min(Microseconds.Max(rto, invariants.MinRto), invariants.MaxRto);
        int backoff = Math.Min(variants.RtoBackoff, (byte)20);
        return Microseconds.Min(new Microseconds(rto.Value << backoff), invariants.MaxRto);
    }

    /// <summary>The round trip that the timestamps of an acknowledgement of new data measure (RFC 7323 4.1: only such a one does).</summary>
    /// <param name="options">Of the acknowledgement.</param>
    /// <param name="timestamp">Our timestamp clock now, offset included.</param>
    /// <param name="tick">Of our timestamp clock.</param>
    /// <param name="smoothedRtt">SRTT; zero: unknown.</param>
    /// <param name="rtt">At least 1 µs.</param>
    public static bool TryMeasure(
        in TcpOptions options, uint timestamp, Microseconds tick, Microseconds smoothedRtt, out Microseconds rtt)
    {
        // A peer fresh from a restore echoes zero until it has seen a segment.
        int ticks = (int)(timestamp - options.TsEcr);
        rtt = default;
        if (!options.HasTimestamps || options.TsEcr == 0 || ticks < 0)
        {
            return false;
        }

        // Less than a tick: what is known already, if it is less than a tick too.
        Microseconds within = smoothedRtt > Microseconds.Zero && smoothedRtt < tick ? smoothedRtt : tick / 2;
        rtt = ticks == 0 ? Microseconds.Max(within, new Microseconds(1)) : new Microseconds(ticks * tick.Value);
        return rtt <= MaxSegmentLifetime;
    }

    /// <summary>RFC 6298 2.2 and 2.3, with the mean of a round trip's measurements for R'.</summary>
    /// <param name="variants">SRTT, RTTVAR and RTO are updated; the back-off ends. SND_UNA has moved.</param>
    /// <param name="rtt">The measurement.</param>
    /// <param name="minRto">The lower bound of what RTO is more than SRTT by.</param>
    /// <param name="now">The owner's clock.</param>
    public void Update(ref SegmentVariants variants, Microseconds rtt, Microseconds minRto, Microseconds now)
    {
        if (variants.SmoothedRtt == Microseconds.Zero)
        {
            variants.SmoothedRtt = rtt;
            variants.Delta = rtt / 2;
            _roundEnd = variants.SndMax;
        }
        else
        {
            _sum += rtt.Value;
            _deviations += Math.Abs(rtt.Value - variants.SmoothedRtt.Value);
            _count++;
            if (variants.SndUna >= _roundEnd)
            {
                variants.Delta += new Microseconds(Part((_deviations / _count) - variants.Delta.Value, 4));
                variants.SmoothedRtt += new Microseconds(Part((_sum / _count) - variants.SmoothedRtt.Value, 8));
                (_sum, _deviations, _count) = (0, 0, 0);
                _roundEnd = variants.SndMax;
            }
        }

        if (variants.Rate.MinRttAt.IsNever)
        {
            variants.Rate.MinRttAt = now;
        }

        if (rtt <= variants.MinRtt || variants.MinRtt == Microseconds.Zero || now - variants.Rate.MinRttAt > MinRttWindow)
        {
            variants.MinRtt = rtt;
            variants.Rate.MinRttAt = now;
        }

        // RFC 6298 2.3 in Linux's form: the least time-out is what RTO has beside the round trip, so that a peer's delayed acknowledgement does
        // not run into it on a long path.
        variants.Rto = variants.SmoothedRtt + Microseconds.Max(minRto, variants.Delta * 4);
        variants.RtoBackoff = 0;
    }

    /// <summary>A part of a difference, away from zero: what is not a whole microsecond must not hold the estimate where it is.</summary>
    private static long Part(long difference, int divisor) =>
        (difference + (Math.Sign(difference) * (divisor - 1))) / divisor;
}
