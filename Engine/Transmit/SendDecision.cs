namespace TcpActors.Engine.Transmit;

/// <summary>
/// How much may be sent now: the sender's silly-window avoidance (RFC 9293 3.8.6.2.1) and Nagle's algorithm (RFC 9293 3.7.4) in Minshall's
/// form (RFC 9293 A.3), which is Linux's too: a short segment waits only for an earlier short segment, not for full-sized ones, so that
/// the last piece of a large write does not wait for the peer's delayed acknowledgement.
/// </summary>
internal readonly ref struct SendDecision
{
    /// <summary>D: bytes queued at and after SND_NXT.</summary>
    public required int Queued { get; init; }

    /// <summary>U: bytes that the peer's window and the congestion window still take; at least 1.</summary>
    public required int Usable { get; init; }

    /// <summary>Whether it is the peer's window that bounds <see cref="Usable"/>.</summary>
    public required bool IsBoundByPeer { get; init; }

    /// <summary>Payload of a full-sized segment.</summary>
    public required int SegmentSize { get; init; }

    /// <summary>The longest run of segments in bytes; a multiple of <see cref="SegmentSize"/>.</summary>
    public required int MaxBurst { get; init; }

    /// <summary>Max(SND.WND).</summary>
    public required uint MaxWindow { get; init; }

    /// <summary>Nagle's algorithm is on and a short segment has not been acknowledged.</summary>
    public required bool MustWaitWhenShort { get; init; }

    /// <summary>The override time-out ran out.</summary>
    public required bool IsOverridden { get; init; }

    /// <returns>Bytes to send in one run: a multiple of the segment size unless the last segment may be short; 0: wait.</returns>
    public int Length()
    {
        if (Queued <= Usable && Queued <= MaxBurst)
        {
            // Rule 2: all of it fits. Nobody can hold back "pushed" data here, everything queued counts as pushed.
            int rest = Queued % SegmentSize;
            return rest == 0 || IsOverridden || !MustWaitWhenShort ? Queued : Queued - rest;
        }

        // Rule 1.
        int full = Math.Min(Usable, MaxBurst) / SegmentSize * SegmentSize;
        if (full > 0)
        {
            return full;
        }

        if (!IsBoundByPeer)
        {
            // Acknowledgements will widen the congestion window; a short segment would only waste it.
            return 0;
        }

        // Rule 4. Rule 3, with Fs = 1/2.
        return IsOverridden || (Usable >= (MaxWindow + 1) / 2 && !MustWaitWhenShort) ? Usable : 0;
    }
}
