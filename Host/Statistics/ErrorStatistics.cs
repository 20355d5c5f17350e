namespace TcpActors.HostSide.Statistics;

/// <summary>What went wrong on a connection's way, since set-up.</summary>
/// <param name="Retransmitted">Segments sent again.</param>
/// <param name="Timeouts">Retransmission time-outs (RFC 6298 5.4).</param>
/// <param name="Dropped">
/// Segments received and not used, whatever the reason: window, timestamp, flags, acknowledgement, no memory. While a kernel owns the
/// connection nobody counts them.
/// </param>
/// <param name="Duplicates">Segments that had arrived before, as far as either end says so: of ours by D-SACK (RFC 2883), of the peer's by our own.</param>
/// <param name="OutOfOrder">Segments received ahead of RCV_NXT.</param>
/// <param name="RetransmittedPerSecond">Of <paramref name="Retransmitted"/> over the last sampling interval.</param>
/// <param name="OutOfOrderPerSecond">Of <paramref name="OutOfOrder"/> over the last sampling interval.</param>
public readonly record struct ErrorStatistics(
    long Retransmitted,
    long Timeouts,
    long Dropped,
    long Duplicates,
    long OutOfOrder,
    double RetransmittedPerSecond,
    double OutOfOrderPerSecond)
{
    /// <summary>Segments sent again, not used or ahead of their turn; duplicates and what time-outs cost are among them.</summary>
    public long Total => Retransmitted + Dropped + OutOfOrder;
}
