namespace TcpActors.Actors.Contract;

/// <summary>
/// How a connection that a TOE has gets on. TCP's state is ESTABLISHED all the while; these are what a host would want to know beside it. A timer must have run out before
/// one of the others is entered, so no peer can bring about more than a few changes in a second.
/// </summary>
public enum ConnectionPhase : byte
{
    /// <summary>Nothing is amiss.</summary>
    Running = 0,

    /// <summary>The peer's window is closed, and it has been probed (RFC 9293 3.8.6.1).</summary>
    WindowClosed,

    /// <summary>The peer does not acknowledge: the retransmission timer has run out (RFC 6298 5.4).</summary>
    Unanswered,

    /// <summary>There is no way to the peer: nothing is sent.</summary>
    Halted,
}
