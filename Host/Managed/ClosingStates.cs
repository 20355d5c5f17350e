using TcpActors.Engine.State;

namespace TcpActors.HostSide.Managed;

/// <summary>The state changes of closing: figure 5 of RFC 9293 3.3.2, from ESTABLISHED on.</summary>
internal static class ClosingStates
{
    /// <summary>The application sends no more (RFC 9293 3.10.4).</summary>
    public static TcpState AfterClose(TcpState state) => state switch
    {
        TcpState.Established => TcpState.FinWait1,
        TcpState.CloseWait => TcpState.LastAck,
        _ => state,
    };

    /// <summary>Our FIN is acknowledged (RFC 9293 3.10.7.4, fifth).</summary>
    public static TcpState AfterFinAcknowledged(TcpState state) => state switch
    {
        TcpState.FinWait1 => TcpState.FinWait2,
        TcpState.Closing => TcpState.TimeWait,
        TcpState.LastAck => TcpState.Closed,
        _ => state,
    };

    /// <summary>The peer's FIN is in order (RFC 9293 3.10.7.4, eighth). Whether it acknowledges ours was looked at before.</summary>
    public static TcpState AfterPeerFin(TcpState state) => state switch
    {
        TcpState.Established => TcpState.CloseWait,
        TcpState.FinWait1 => TcpState.Closing,
        TcpState.FinWait2 => TcpState.TimeWait,
        _ => state,
    };

    /// <summary>Whether the peer's FIN was received: nothing more comes.</summary>
    public static bool IsInputEnded(TcpState state) =>
        state is TcpState.CloseWait or TcpState.Closing or TcpState.LastAck or TcpState.TimeWait or TcpState.Closed;
}
