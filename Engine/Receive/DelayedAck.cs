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
    /// Acknowledgements that do not wait where the peer may be in slow start, of which they are the clock: after a move, after a duplicate, after
    /// idle. As many as Linux sends at the start of a connection.
    /// </summary>
    private const int Quick = 16;

    private int _quick;
    private Microseconds _lastDataAt;
    private bool _hasData;

    public void StartQuick() => _quick = Quick;

    public void OnAckSent()
    {
        if (_quick > 0)
        {
            _quick--;
        }
    }

    /// <summary>
    /// In-order data was received. After a retransmission time-out without any, the peer begins again with its initial window (RFC 5681 4.1);
    /// unless the last data was answered with data within the delay of an acknowledgement, as then the next answer will carry that.
    /// </summary>
    /// <param name="segment">What was received.</param>
    /// <param name="variants">The count of what is not acknowledged is updated.</param>
    /// <param name="invariants">The delay of an acknowledgement.</param>
    /// <param name="rto">Our own time-out, for the peer's.</param>
    /// <param name="now">The owner's clock.</param>
    /// <returns>Whether the acknowledgement is due at once.</returns>
    public bool OnInOrder(
        in TcpSegment segment, ref SegmentVariants variants, SegmentInvariants invariants, Microseconds rto, Microseconds now)
    {
        if (_hasData && now - _lastDataAt > rto)
        {
            bool wasAnswered = !variants.LastDataSentAt.IsNever && variants.LastDataSentAt >= _lastDataAt
                && variants.LastDataSentAt - _lastDataAt <= invariants.DelayedAckTimeout;
            _quick = wasAnswered ? _quick : Quick;
        }

        (_lastDataAt, _hasData) = (now, true);
        variants.UnackedSegments = (byte)Math.Min(byte.MaxValue, variants.UnackedSegments + segment.SegmentCount);
        return _quick > 0 || variants.UnackedSegments >= 2;
    }
}
