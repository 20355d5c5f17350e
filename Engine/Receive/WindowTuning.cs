using TcpActors.Engine.State;

namespace TcpActors.Engine.Receive;

/// <summary>
/// How much may wait to be read: dynamic right-sizing, as in Linux (Fisk and Feng, 2001). It starts small and grows with what the application
/// reads within a round trip, so that a connection whose application reads slowly takes little memory, and one that is read is never held
/// up by its window. It grows with the data that comes in: a window that opens by much at once has the peer send that much at once, which is
/// more than a receive queue may hold. It never shrinks. Relearned after a move, from what the peer was promised.
/// </summary>
internal struct WindowTuning
{
    /// <summary>What Linux begins with. More when segments are large: a peer may begin with ten (RFC 6928 2).</summary>
    private const int Initial = 64 * 1024;

    private const int InitialSegments = 10;

    /// <summary>
    /// Twice what was read, as the peer may double what it sends with each round trip (slow start), and twice that, as the acknowledgement that
    /// says so is for the round trip after.
    /// </summary>
    private const int Headroom = 4;

    // A reader that is woken and comes within this time reads as fast as it can.
    private static readonly Microseconds Wakeup = Microseconds.FromMilliseconds(2);

    private int _target;
    private Microseconds _roundTrip;
    private Microseconds _periodStart;
    private SeqNum _periodRead;
    private SeqNum _edge;
    private SeqNum _awaitedEdge;
    private Microseconds _awaitedSince;
    private bool _isAwaiting;

    /// <summary>Bytes that may wait to be read or be under way; before the limit that the host has set.</summary>
    public int Window { get; private set; }

    /// <summary>The TSecr that was measured last.</summary>
    public uint LastEcho { get; private set; }

    /// <summary>After a move: at least what the peer has been promised, and what waits.</summary>
    public void Start(in SegmentVariants variants, SeqNum read, int mss)
    {
        long promised = variants.RcvWnd + (long)(variants.RcvNxt - read);
        _target = Window = (int)Math.Min(Math.Max(promised, Math.Max(Initial, InitialSegments * mss)), int.MaxValue);
        _roundTrip = variants.SmoothedRtt > Microseconds.Zero ? variants.SmoothedRtt : Microseconds.Never;
        _periodStart = Microseconds.Never;
        _edge = variants.RcvNxt + variants.RcvWnd;
        _isAwaiting = false;
    }

    /// <summary>The right edge that a segment of ours offers. What fills the window to there cannot come before a round trip has passed.</summary>
    public void OnOffered(SeqNum edge, Microseconds now)
    {
        if (edge <= _edge)
        {
            return;
        }

        _edge = edge;
        if (!_isAwaiting)
        {
            (_isAwaiting, _awaitedEdge, _awaitedSince) = (true, edge, now);
        }
    }

    /// <summary>
    /// A segment answers one of ours that none has before, so a round trip has passed. Both this and the filling of the window take longer when the peer
    /// has nothing to send: a shorter time counts at once, a longer one by and by.
    /// </summary>
    /// <param name="echo">TSecr.</param>
    /// <param name="passed">The time since we sent it, to the next tick.</param>
    public void OnEcho(uint echo, Microseconds passed)
    {
        LastEcho = echo;
        _roundTrip = passed < _roundTrip ? passed : _roundTrip + ((passed - _roundTrip) / 8);
    }

    /// <summary>Data was received in order.</summary>
    /// <param name="received">How much.</param>
    /// <param name="rcvNxt">RCV_NXT behind it.</param>
    /// <param name="read">How far the application has read.</param>
    /// <param name="now">The owner's clock.</param>
    /// <returns>Whether the window has grown.</returns>
    public bool OnData(int received, SeqNum rcvNxt, SeqNum read, Microseconds now)
    {
        if (_isAwaiting && rcvNxt >= _awaitedEdge)
        {
            _isAwaiting = false;
            _roundTrip = Microseconds.Min(_roundTrip, now - _awaitedSince);
        }

        if (_periodStart.IsNever)
        {
            (_periodStart, _periodRead) = (now, read);
            return false;
        }

        Microseconds elapsed = now - _periodStart;
        Microseconds period = Microseconds.Max(_roundTrip, Wakeup);
        long bytes = read - _periodRead;
        if (elapsed >= period)
        {
            bytes = (long)(bytes * (double)period.Value / elapsed.Value);
            (_periodStart, _periodRead) = (now, read);
        }

        _target = (int)Math.Clamp(bytes * Headroom, _target, int.MaxValue);
        if (Window == _target)
        {
            return false;
        }

        // As much again: twice as much in a round trip, which is how a peer in slow start comes to use it.
        Window = (int)Math.Min(Window + (long)received, _target);
        return true;
    }
}
