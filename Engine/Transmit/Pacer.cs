using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Transmit;

/// <summary>
/// When the next run of segments may leave, and how long it may be. A rate of zero paces nothing: the window alone decides.
/// </summary>
/// <remarks>
/// The owners' timers tick every 256 µs, and an acknowledgement that arrives is a chance to send too. So the pace is kept on average and not for
/// each segment: what is late is made up for, within <see cref="Quantum"/>. On a path whose round trip is shorter than that the window is what
/// limits a burst, which then holds no more than the path.
/// </remarks>
internal static class Pacer
{
    /// <summary>Of time at the rate: the longest run (draft-ietf-ccwg-bbr 5.6.3; Linux's TSO autosizing), and what is made up for after a pause.</summary>
    private static Microseconds Quantum => Microseconds.FromMilliseconds(1);

    /// <summary>draft-ietf-ccwg-bbr 5.6.3: no quantum is longer, whatever the rate.</summary>
    private const uint LongestQuantum = 64 * 1024;

    /// <summary>Whether a run may leave now.</summary>
    public static bool Allows(in RateVariants rate, Microseconds now) => rate.PacedUntil.IsNever || rate.PacedUntil <= now;

    /// <summary>Nothing leaves before a moment, whatever the rate.</summary>
    public static void HoldBack(ref RateVariants rate, Microseconds until) =>
        rate.PacedUntil = rate.PacedUntil.IsNever ? until : Microseconds.Max(rate.PacedUntil, until);

    /// <summary>How many bytes may leave in one run: what goes in a quantum of time, and at least two segments, so that the peer acknowledges at once.</summary>
    public static uint LongestRun(in RateVariants rate, int mss) => rate.PacingRate == 0 ? uint.MaxValue : QuantumAt(rate.PacingRate, mss);

    /// <summary>draft-ietf-ccwg-bbr 5.6.3: C.send_quantum.</summary>
    public static uint QuantumAt(long rate, int mss) =>
        (uint)Math.Max(Math.Min(BytesIn(Quantum, rate), LongestQuantum), 2L * mss);

    /// <summary>A run left: when the next one may.</summary>
    public static void OnSent(ref RateVariants rate, uint bytes, Microseconds now)
    {
        if (rate.PacingRate == 0)
        {
            rate.PacedUntil = Microseconds.Never;
            return;
        }

        // draft-ietf-ccwg-bbr 5.6.2, except that it forgives no lateness.
        Microseconds earliest = now - Quantum;
        Microseconds from = rate.PacedUntil.IsNever ? earliest : Microseconds.Max(rate.PacedUntil, earliest);
        rate.PacedUntil = from + new Microseconds(((bytes * 1_000_000L) + (rate.PacingRate / 2)) / rate.PacingRate);
    }

    /// <summary>
    /// The rate after an acknowledgement. An algorithm that thinks in windows is not paced by itself, as in Linux: spread over the round trip it had less goodput in
    /// almost every cell of the simulated table with loss, by up to a sixth.
    /// </summary>
    /// <param name="variants">The algorithm has looked at the acknowledgement.</param>
    /// <param name="congestion">The algorithm.</param>
    /// <param name="limit">What the host allows, in bytes a second; 0: any.</param>
    public static void SetRate(ref SegmentVariants variants, ICongestionControl congestion, long limit)
    {
        ref long rate = ref variants.Rate.PacingRate;
        if (!congestion.SetsPacingRate || (limit > 0 && (rate == 0 || rate > limit)))
        {
            if (limit == 0 && rate > 0)
            {
                // What is owed to a bound that is no more.
                variants.Rate.PacedUntil = Microseconds.Never;
            }

            rate = limit;
        }
    }

    /// <summary>Bytes that leave in <paramref name="span"/>.</summary>
    private static long BytesIn(Microseconds span, long rate) => (long)((Int128)rate * span.Value / 1_000_000);
}
