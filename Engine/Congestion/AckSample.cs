using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>What one acknowledgement tells a congestion control. Amounts are in bytes.</summary>
public readonly record struct AckSample
{
    /// <summary>The owner's clock.</summary>
    public required Microseconds Now { get; init; }

    /// <summary>SMSS.</summary>
    public required int Mss { get; init; }

    /// <summary>What SND_UNA moved by.</summary>
    public required uint Acked { get; init; }

    /// <summary>Acknowledged or reported by SACK, for the first time.</summary>
    public required uint Delivered { get; init; }

    /// <summary>Taken for lost, by this acknowledgement.</summary>
    public uint Lost { get; init; }

    /// <summary>
    /// The round trip of the segment sent last among those delivered and never retransmitted; <see cref="Microseconds.Never"/>: none was.
    /// </summary>
    public Microseconds Rtt { get; init; }

    /// <summary>In flight before the acknowledgement: sent, not delivered, not taken for lost (the pipe of RFC 6675).</summary>
    public uint PriorFlight { get; init; }

    /// <summary>In flight now.</summary>
    public required uint Flight { get; init; }

    /// <summary>
    /// Whether the window was in full use when it was last looked at (RFC 7661 4): only then does an acknowledgement say that it may grow.
    /// </summary>
    public bool IsWindowLimited { get; init; }

    /// <summary>The phase of recovery that the acknowledgement belongs to: also the one that it ends.</summary>
    public RecoveryPhase Recovery { get; init; }

    /// <summary>Whether the peer echoes a mark (ECE, RFC 3168 6.1.2).</summary>
    public bool IsMarked { get; init; }

    /// <summary>
    /// Whether it may widen the window of an algorithm that leaves recovery to the engine: not in fast recovery, and not with an echo
    /// (RFC 3168 6.1.2). After a time-out it may with one: CWR goes with new data only, so that the peer does not hear of the reduction
    /// before everything that was lost is sent again.
    /// </summary>
    internal bool MayWiden => Recovery switch
    {
        RecoveryPhase.FastRecovery => false,
        RecoveryPhase.Loss => true,
        _ => !IsMarked,
    };

    // --- The delivery rate (draft-ietf-ccwg-bbr 4.1): of the segment sent last among those delivered ---

    /// <summary>Delivered during <see cref="Interval"/>.</summary>
    public uint RateDelivered { get; init; }

    /// <summary>The time in which it was sent or delivered, whichever took longer; zero: there is no rate.</summary>
    public Microseconds Interval { get; init; }

    /// <summary><see cref="RateVariants.Delivered"/> when the segment was sent: a round trip ends when this reaches what it was when it began.</summary>
    public long PriorDelivered { get; init; }

    /// <summary>In flight, with itself, when the segment was sent.</summary>
    public uint TxInFlight { get; init; }

    /// <summary>Taken for lost since the segment was sent; 0 where it is not known which one was delivered, as of duplicates without SACK.</summary>
    public uint LostSinceSent { get; init; }

    /// <summary>Whether the application gave too little to send when the segment was sent: the rate is then a lower bound.</summary>
    public bool IsAppLimited { get; init; }

    /// <summary>Bytes a second; zero when there is no rate.</summary>
    public long DeliveryRate => Interval > Microseconds.Zero ? RateDelivered * 1_000_000L / Interval.Value : 0;
}
