using TcpActors.Engine.State;

namespace TcpActors.Engine.Receive;

/// <summary>
/// RFC 5961 7: at most 10 acknowledgements within 5 seconds in reply to segments that were not acceptable. It is per connection, so
/// that one connection's budget tells nothing about another's, and a function of the clock alone. Not part of the variables: what it
/// forgets in a move or a crash is worth ten segments.
/// </summary>
internal struct AckThrottle
{
    private const int Budget = 10;

    private static readonly Microseconds Period = Microseconds.FromSeconds(5);

    private Microseconds _periodStart;
    private int _used;

    /// <returns>False when the budget of this period is used up: no reply is sent.</returns>
    public bool TryTake(Microseconds now)
    {
        if (_used == 0 || now - _periodStart >= Period)
        {
            _periodStart = now;
            _used = 0;
        }

        if (_used >= Budget)
        {
            return false;
        }

        _used++;
        return true;
    }
}
