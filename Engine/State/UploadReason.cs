namespace TcpActors.Engine.State;

/// <summary>Why a TOE would give a connection back.</summary>
public enum UploadReason : byte
{
    None = 0,

    /// <summary>The peer's FIN arrived in order: the connection leaves ESTABLISHED.</summary>
    PeerFin,

    /// <summary>An RST exactly at RCV_NXT (RFC 5961 3).</summary>
    PeerReset,

    /// <summary>Urgent data in the window (RFC 9293 3.8.5).</summary>
    UrgentData,

    /// <summary>R2 of RFC 9293 3.8.3: retransmissions or window probes went unanswered too often.</summary>
    RetransmissionLimit,

    /// <summary>The user time-out ran out (RFC 5482).</summary>
    UserTimeout,

    /// <summary>Keep-alive probes went unanswered too often (RFC 9293 3.8.4).</summary>
    KeepAliveLimit,

    /// <summary>Memory or another resource of the TOE ran out.</summary>
    ResourceFailure,

    /// <summary>The segment that is next comes in IP fragments again and again; those are the host's.</summary>
    Fragments,

    /// <summary>The link went down.</summary>
    LinkFailure,

    /// <summary>The peer is reached over another interface now, on which this TOE does not sit.</summary>
    RouteChanged,

    /// <summary>Nothing has come and nothing was written for a long time. Optional, like all that follow.</summary>
    LowActivity,

    /// <summary>Much of what is sent has to be sent again.</summary>
    HighLoss,

    /// <summary>Much of what comes is not in order.</summary>
    HighReordering,

    /// <summary>Segments carry little.</summary>
    ManySmallSegments,
}

/// <summary>Two kinds of <see cref="UploadReason"/>.</summary>
public static class UploadReasons
{
    /// <summary>Whether the TOE can carry on, so that the host may decline (the patent's claim 24).</summary>
    public static bool IsOptional(this UploadReason reason) => reason >= UploadReason.LowActivity;
}
