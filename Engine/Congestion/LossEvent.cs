using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>What is taken for congestion.</summary>
public enum LossKind
{
    /// <summary>Segments were lost, and acknowledgements have shown it.</summary>
    Loss,

    /// <summary>A router has marked a segment (RFC 3168); nothing was lost.</summary>
    Mark,

    /// <summary>A retransmission time-out.</summary>
    Timeout,
}

/// <summary>A sign of congestion.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Now">The owner's clock.</param>
/// <param name="Mss">SMSS in bytes.</param>
/// <param name="Flight">FlightSize (RFC 5681 2): sent and not acknowledged, in bytes, without what limited transmit sent (RFC 5681 3.2 step 2).</param>
/// <param name="IsFirst">Of a time-out: whether it is the first for its segment.</param>
public readonly record struct LossEvent(LossKind Kind, Microseconds Now, int Mss, uint Flight, bool IsFirst = true);
