namespace TcpActors.Engine.State;

/// <summary>RFC 9293 3.3.2, numbered as in Linux's <c>tcpi_state</c>. The TOE holds connections in <see cref="Established"/> only.</summary>
public enum TcpState : byte
{
    None = 0,
    Established = 1,
    SynSent = 2,
    SynReceived = 3,
    FinWait1 = 4,
    FinWait2 = 5,
    TimeWait = 6,
    Closed = 7,
    CloseWait = 8,
    LastAck = 9,
    Listen = 10,
    Closing = 11,
}
