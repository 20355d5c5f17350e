using TcpActors.Engine.State;

namespace TcpActors.Engine.Receive;

/// <summary>
/// Which window we offer: the receiver's silly-window avoidance (RFC 9293 3.8.6.2.2) under window scaling (RFC 7323 2). The right edge
/// RCV_NXT + RCV_WND is the furthest ever offered and never moves left (RFC 9293 3.8.6, SHLD-14).
/// </summary>
/// <param name="room">
/// Bytes of buffer beyond RCV_NXT that are neither used nor needed; negative when the buffer overflowed its limit.
/// </param>
/// <param name="limit">RCV.BUFF.</param>
/// <param name="mss">Eff.snd.MSS.</param>
/// <param name="shift">Rcv.Wind.Shift.</param>
internal readonly struct WindowAdvertisement(long room, int limit, int mss, int shift)
{
    /// <summary>The window that the buffer allows, as far as the field can say it.</summary>
    private uint Allowed => (uint)(Math.Min(Math.Max(room, 0) >> shift, ushort.MaxValue) << shift);

    /// <summary>RFC 9293 3.8.6.2.2: min(Fr * RCV.BUFF, Eff.snd.MSS), Fr = 1/2.</summary>
    private int SmallestStep => Math.Max(1, Math.Min(limit / 2, mss));

    /// <summary>
    /// Whether the window deserves a segment of its own: it can move by a proper step, and to at least twice of what the peer has left, so
    /// that a reader that follows closely does not cause an acknowledgement per read.
    /// </summary>
    public bool IsUpdateDue(in SegmentVariants variants) =>
        (long)Allowed - variants.RcvWnd >= SmallestStep && Allowed >= 2L * variants.RcvWnd;

    /// <summary>Moves the right edge if it may move, and gives the field to send.</summary>
    public ushort Offer(ref SegmentVariants variants)
    {
        if ((long)Allowed - variants.RcvWnd >= SmallestStep)
        {
            variants.RcvWnd = Allowed;
        }

        // The field counts in units of 2^shift. Rounding up keeps the edge where it was promised, or just right of it, while there is
        // room. Without room it is rounded down: the peer sees the edge move left by less than one unit, which RFC 7323 2.4 foresees, and
        // we go on honouring the furthest edge.
        uint unit = 1u << shift;
        uint up = (variants.RcvWnd + unit - 1) & ~(unit - 1);
        if (up != variants.RcvWnd && up <= room && up >> shift <= ushort.MaxValue)
        {
            variants.RcvWnd = up;
        }

        return (ushort)Math.Min(variants.RcvWnd >> shift, ushort.MaxValue);
    }
}
