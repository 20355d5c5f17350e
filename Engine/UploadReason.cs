namespace TcpActors.Engine;

/// <summary>Why a connection goes back to the host.</summary>
public enum UploadReason : byte
{
    /// <summary>The host asked.</summary>
    None = 0,

    /// <summary>A FIN in order: the state leaves ESTABLISHED.</summary>
    PeerFin,

    /// <summary>An RST exactly at RCV_NXT (RFC 5961 3.2).</summary>
    PeerReset,

    /// <summary>Urgent data in the window.</summary>
    UrgentData,

    /// <summary>The retransmission limit is reached (RFC 9293 3.8.3, R2).</summary>
    RetransmissionLimit,

    /// <summary>The user time-out ran out (RFC 5482).</summary>
    UserTimeout,

    /// <summary>Keep-alive probes stay unanswered (RFC 9293 3.8.4).</summary>
    KeepAliveLimit,

    /// <summary>The TOE lacks memory or keeps failing on this connection.</summary>
    ResourceFailure,

    /// <summary>The peer keeps sending IP fragments, which only the host reassembles.</summary>
    Fragments,

    /// <summary>The TOE's link is gone.</summary>
    LinkFailure,
}
