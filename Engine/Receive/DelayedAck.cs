using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine.Receive;

/// <summary>
/// When received data is acknowledged (RFC 9293 3.8.6.3, RFC 5681 4.2): at least every second segment at once, whatever its size. Counting bytes
/// is allowed and starves a sender of small messages, whose congestion window counts segments (Linux), until its probe after 8 ms.
/// </summary>
internal struct DelayedAck
{
    /// <summary>
    /// Acknowledgements after a move that do not wait: the peer may be in slow start, or in a repair of what was lost around the move, and
    /// acknowledgements are its clock. Linux does the same at the start of a connection.
    /// </summary>
    private const int QuickAfterMove = 16;

    private int _quick;

    public void StartAfterMove() => _quick = QuickAfterMove;

    public void OnAckSent()
    {
        if (_quick > 0)
        {
            _quick--;
        }
    }

    /// <summary>In-order data was received.</summary>
    /// <returns>Whether the acknowledgement is due at once.</returns>
    public bool OnInOrder(in TcpSegment segment, ref SegmentVariants variants)
    {
        variants.UnackedSegments = (byte)Math.Min(byte.MaxValue, variants.UnackedSegments + Math.Max(1, segment.SegmentCount));
        return _quick > 0 || variants.UnackedSegments >= 2;
    }
}
