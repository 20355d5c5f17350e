using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine.Receive;

/// <summary>
/// When received data is acknowledged (RFC 9293 3.8.6.3, RFC 5681 4.2). Holds what is relearned after a move: how large the peer's
/// full-sized segments are, and that the first acknowledgements should not wait.
/// </summary>
internal struct DelayedAck
{
    /// <summary>
    /// Acknowledgements after a move that do not wait: the peer may be in slow start, or in a repair of what was lost around the move, and
    /// acknowledgements are its clock. Linux does the same at the start of a connection.
    /// </summary>
    private const int QuickAfterMove = 16;

    /// <summary>What a full-sized segment has at least, until a larger one is seen (RFC 9293 3.7.1: the default send MSS).</summary>
    private const int DefaultMss = 536;

    private int _fullSize;
    private int _quick;

    public void StartAfterMove() => _quick = QuickAfterMove;

    public void OnAckSent()
    {
        if (_quick > 0)
        {
            _quick--;
        }
    }

    /// <summary>In-order data was received and RCV_NXT is already behind it.</summary>
    /// <returns>Whether the acknowledgement is due at once.</returns>
    public bool OnInOrder(in TcpSegment segment, ref SegmentVariants variants)
    {
        int count = Math.Max(1, segment.SegmentCount);
        int size = (segment.Payload.Length + count - 1) / count;
        _fullSize = Math.Max(Math.Max(_fullSize, DefaultMss), size);
        if (size >= _fullSize)
        {
            variants.UnackedSegments = (byte)Math.Min(byte.MaxValue, variants.UnackedSegments + count);
        }

        // RFC 9293 3.8.6.3: in a stream of full-sized segments at least every second one is acknowledged. Smaller ones count by their
        // bytes.
        return _quick > 0 || variants.UnackedSegments >= 2 || variants.RcvNxt - variants.LastAckSent >= 2 * _fullSize;
    }
}
