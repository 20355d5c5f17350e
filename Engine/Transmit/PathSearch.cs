using System.Runtime.InteropServices;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Transmit;

/// <summary>
/// RFC 4821: the size of segments on a path that swallows large ones and says nothing (a black hole), found by what arrives. All sizes are of payload, in bytes.
/// Part of <see cref="SegmentVariants"/>; the path MTU itself is the host's.
/// </summary>
/// <remarks>
/// An outage looks like a black hole until something small gets through. So the size that was given up is the first to be tried again, and as soon as everything
/// that was sent before is acknowledged: after an outage one segment undoes it all.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
public struct PathSearch
{
    /// <summary>Time-outs in a row of a large segment that are taken for a black hole: R1 of RFC 9293 3.8.3 (SHLD-10), as Linux has it.</summary>
    internal const int FullStop = 3;

    /// <summary>RFC 4821 7.2: search_low at first, for IPv4: an IP packet, in bytes.</summary>
    private const int BaseMtu = 1024;

    /// <summary>RFC 4821 7.2, RFC 8200 5: every IPv6 link carries that much.</summary>
    private const int BaseMtuOfIPv6 = 1280;

    /// <summary>
    /// RFC 4821 7.7 goes down to 68 for IPv4. No link narrower than this is left (RFC 9293 3.7.1 takes it where nothing is known), and in tiny segments whoever can
    /// break a path for a second could make a sender do the work of twenty.
    /// </summary>
    private const int LeastMtu = 576;

    /// <summary>RFC 4821 7.3 leaves it to the stack how exactly to search: a difference that pays for no probe.</summary>
    private const int Negligible = 32;

    /// <summary>RFC 8899 5.1.2, MAX_PROBES: a probe that is lost together with others says nothing, but not without end.</summary>
    private const int MaxProbes = 3;

    /// <summary>RFC 8899 5.1.1, PMTU_RAISE_TIMER: after a search the path may have become wider.</summary>
    private static readonly Microseconds RaiseAfter = Microseconds.FromSeconds(600);

    internal Microseconds RaiseAt;

    // search_low, which is the size in use too (0: no limit), search_high, and the size to be tried next (0: none).
    private ushort _low;
    private ushort _high;
    private ushort _next;
    private byte _inconclusive;

    /// <summary>Whether the path was found to take less than the host believes.</summary>
    public readonly bool IsLimited => _low != 0;

    /// <summary>The largest payload in use.</summary>
    /// <param name="mss">By the path MTU that the host knows.</param>
    public readonly int Limit(int mss) => _low == 0 ? mss : Math.Min(mss, _low);

    /// <summary>RFC 4821 7.7: a full stop.</summary>
    /// <param name="connection">Says what fits into a packet.</param>
    /// <param name="mss">By the path MTU that the host knows.</param>
    /// <param name="length">Of the segment that does not get through, at most.</param>
    /// <returns>Whether the segments are smaller now.</returns>
    internal bool OnFullStop(ConnectionInvariants connection, int mss, int length)
    {
        int low = connection.EffectiveMss(connection.Flow.IsIPv4 ? BaseMtu : BaseMtuOfIPv6);
        if (_low > 0 && _low <= low + Negligible && connection.Flow.IsIPv4)
        {
            low = connection.EffectiveMss(LeastMtu);
        }

        low = Math.Max(low, SegmentInvariants.SmallestMss);
        if (Math.Min(Limit(mss), length) <= low + Negligible)
        {
            return false;
        }

        _low = (ushort)low;
        Restart(mss);
        return true;
    }

    /// <summary>The size to be tried now; 0: none.</summary>
    /// <param name="mss">By the path MTU that the host knows.</param>
    /// <param name="now">The owner's clock.</param>
    internal int ToTry(int mss, Microseconds now)
    {
        if (_low == 0)
        {
            return 0;
        }

        if (RaiseAt <= now || _next > mss)
        {
            Restart(mss);
        }

        return _next;
    }

    /// <summary>RFC 4821 7.6.1: a probe has arrived.</summary>
    internal void OnArrived(int size, int mss, Microseconds now)
    {
        if (size >= mss)
        {
            End();
            return;
        }

        _low = (ushort)size;
        GoOn(now);
    }

    /// <summary>RFC 4821 7.6.2: a probe is lost, and nothing else.</summary>
    internal void OnSwallowed(int size, Microseconds now)
    {
        _high = (ushort)(size - 1);
        GoOn(now);
    }

    /// <summary>RFC 4821 7.6.4: lost together with others: to be tried again.</summary>
    internal void OnInconclusive(int size, Microseconds now)
    {
        if (++_inconclusive >= MaxProbes)
        {
            OnSwallowed(size, now);
        }
    }

    /// <summary>It is another path, or a wider one.</summary>
    internal void End() => this = default;

    /// <summary>For a move between clocks.</summary>
    internal void Shift(Microseconds by) => RaiseAt = RaiseAt.ShiftedBy(by);

    private void Restart(int mss)
    {
        RaiseAt = Microseconds.Never;
        _inconclusive = 0;
        _high = (ushort)mss;
        _next = _high;
    }

    private void GoOn(Microseconds now)
    {
        _inconclusive = 0;
        bool isOver = _high - _low < Negligible;
        _next = isOver ? (ushort)0 : (ushort)((_low + _high + 1) / 2);
        RaiseAt = isOver ? now + RaiseAfter : Microseconds.Never;
    }
}
