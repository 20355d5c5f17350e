using TcpActors.Engine.Wire;

namespace TcpActors.Engine.Receive;

/// <summary>
/// The data receiver's half of ECN (RFC 3168 6.1.3): from a packet marked CE on, every segment we send carries ECE, until the peer says by CWR that
/// it has reduced its window. What a move forgets is told again with the next mark.
/// </summary>
internal struct CongestionEcho
{
    private const byte CongestionExperienced = 3;

    /// <summary>What is added to the flags of everything we send.</summary>
    public readonly TcpFlags Flags => IsOwed ? TcpFlags.Ece : TcpFlags.None;

    private bool IsOwed { get; set; }

    /// <summary>
    /// New data was received. Not for segments outside the window, which anybody could send (RFC 3168 6.1.5), nor for those without data, which
    /// are not sent as ECN-capable (6.1.4).
    /// </summary>
    /// <returns>
    /// Whether the acknowledgement is due at once: a peer that hears of congestion later, or that has just reduced its window, may have
    /// no more than a segment under way.
    /// </returns>
    public bool OnData(in TcpSegment segment)
    {
        bool isReduced = segment.Has(TcpFlags.Cwr);
        bool wasOwed = IsOwed && !isReduced;

        // A packet with both is marked after the reduction that it tells of.
        IsOwed = wasOwed || segment.Ecn == CongestionExperienced;
        return isReduced || IsOwed != wasOwed;
    }
}
