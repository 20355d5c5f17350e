using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine.Recovery;

/// <summary>Round-trip time and retransmission time-out: RFC 6298, with the timestamps of RFC 7323 4 where negotiated.</summary>
internal static class RttEstimator
{
    /// <summary>RFC 6298 2.1: before the first measurement.</summary>
    private static readonly Microseconds InitialRto = Microseconds.FromSeconds(1);

    /// <summary>
    /// RFC 9293 3.4.2: nothing lives longer in the network than the MSL, so an echo older than that measures something else.
    /// </summary>
    private static readonly Microseconds MaxSegmentLifetime = Microseconds.FromSeconds(120);

    /// <summary>The time-out to arm: RTO within its bounds, doubled by the back-off (RFC 6298 2.4, 2.5, 5.5).</summary>
    public static Microseconds CurrentRto(in SegmentVariants variants, SegmentInvariants invariants)
    {
        Microseconds rto = variants.Rto > Microseconds.Zero ? variants.Rto : InitialRto;
        rto = Microseconds.Min(Microseconds.Max(rto, invariants.MinRto), invariants.MaxRto);
        int backoff = Math.Min(variants.RtoBackoff, (byte)20);
        return Microseconds.Min(new Microseconds(rto.Value << backoff), invariants.MaxRto);
    }

    /// <summary>
    /// The round trip that an acknowledgement of new data measures (RFC 7323 4.1: only such a one does).
    /// </summary>
    /// <param name="segment">The segment with the acknowledgement.</param>
    /// <param name="variants">SND_UNA not yet moved.</param>
    /// <param name="connection">Whether timestamps are in use, and their tick.</param>
    /// <param name="timestamp">Our timestamp clock now, offset included.</param>
    /// <param name="now">The owner's clock.</param>
    /// <param name="rtt">At least 1 µs.</param>
    public static bool TryMeasure(
        in TcpSegment segment,
        in SegmentVariants variants,
        ConnectionInvariants connection,
        uint timestamp,
        Microseconds now,
        out Microseconds rtt)
    {
        rtt = default;
        if (!connection.TimestampsEnabled)
        {
            // Karn's algorithm (RFC 6298 3): the timed segment was forgotten if anything was sent again.
            if (variants.TimedSegmentSentAt.IsNever || segment.Ack < variants.TimedSegmentEnd)
            {
                return false;
            }

            rtt = Microseconds.Max(now - variants.TimedSegmentSentAt, new Microseconds(1));
            return true;
        }

        // A peer fresh from a restore echoes zero until it has seen a segment.
        int ticks = (int)(timestamp - segment.Options.TsEcr);
        if (segment.Options.TsEcr == 0 || ticks < 0)
        {
            return false;
        }

        // Less than a tick: half a tick is the best estimate, and it is never zero, which would mean that nothing was measured.
        Microseconds tick = connection.TimestampTick;
        rtt = ticks == 0 ? Microseconds.Max(tick / 2, new Microseconds(1)) : new Microseconds(ticks * tick.Value);
        return rtt <= MaxSegmentLifetime;
    }

    /// <summary>RFC 6298 2.2 and 2.3.</summary>
    /// <param name="variants">SRTT, RTTVAR and RTO are updated; the back-off ends.</param>
    /// <param name="rtt">The measurement R'.</param>
    /// <param name="samplesPerRtt">
    /// How many measurements a round trip is expected to give; RFC 7323 4.2 (appendix G) has alpha and beta divided by it, so that more
    /// measurements do not shorten the memory.
    /// </param>
    /// <param name="granularity">G: the tick of the clock that measured.</param>
    public static void Update(ref SegmentVariants variants, Microseconds rtt, int samplesPerRtt, Microseconds granularity)
    {
        if (variants.SmoothedRtt == Microseconds.Zero)
        {
            variants.SmoothedRtt = rtt;
            variants.Delta = rtt / 2;
        }
        else
        {
            Microseconds error = rtt - variants.SmoothedRtt;
            Microseconds deviation = new(Math.Abs(error.Value) - variants.Delta.Value);
            variants.Delta += deviation / (4 * samplesPerRtt);
            variants.SmoothedRtt = Microseconds.Max(variants.SmoothedRtt + (error / (8 * samplesPerRtt)), new Microseconds(1));
        }

        variants.MinRtt = variants.MinRtt == Microseconds.Zero ? rtt : Microseconds.Min(variants.MinRtt, rtt);
        variants.Rto = variants.SmoothedRtt + Microseconds.Max(granularity, variants.Delta * 4);
        variants.RtoBackoff = 0;
    }
}
