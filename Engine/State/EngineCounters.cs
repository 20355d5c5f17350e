namespace TcpActors.Engine.State;

/// <summary>
/// What the owners of a connection have counted since it was set up. Only the present owner writes it, and anybody reads: each figure is right, but
/// they are not all of one instant. Segments are segments of the wire, so a super-segment counts as many as it stands for. What is rare has 32
/// bits: there is one of these for each connection.
/// </summary>
public struct EngineCounters
{
    public long SegmentsReceived;

    /// <summary>Payload bytes received in order: what RCV_NXT moved by.</summary>
    public long BytesReceived;

    public long SegmentsSent;

    /// <summary>Payload bytes sent for the first time.</summary>
    public long BytesSent;

    /// <summary>Segments that carried bytes sent before.</summary>
    public long SegmentsRetransmitted;

    public long BytesRetransmitted;

    /// <summary>Retransmission time-outs (RFC 6298 5.4).</summary>
    public int RetransmissionTimeouts;

    /// <summary>Fast recoveries begun (RFC 5681 3.2, RFC 8985).</summary>
    public int FastRetransmits;

    /// <summary>Tail loss probes (RFC 8985 7.3).</summary>
    public int TailProbesSent;

    /// <summary>Of these, such that mended a loss (RFC 8985 7.4).</summary>
    public int ProbesMended;

    /// <summary>Times that something sent again was found to be lost again.</summary>
    public int RetransmissionsLost;

    /// <summary>Acknowledgements that report a duplicate (RFC 2883): what was sent again had arrived.</summary>
    public int DuplicatesReported;

    /// <summary>Fast recoveries that turned out to be for nothing (RFC 4015).</summary>
    public int RecoveriesUndone;

    /// <summary>Time-outs that turned out to be for nothing (RFC 4015, RFC 5682).</summary>
    public int TimeoutsUndone;

    /// <summary>Times the window was reduced for a mark (RFC 3168 6.1.2).</summary>
    public int MarksAnswered;

    /// <summary>Times the peer had thrown away what it had reported by SACK (RFC 2018 8).</summary>
    public int RenegingSeen;

    /// <summary>Times that large segments were found not to get through (RFC 4821 7.7).</summary>
    public int BlackHolesFound;

    public int WindowProbesSent;

    public int KeepAliveProbesSent;

    /// <summary>Duplicate acknowledgements received (RFC 5681 2).</summary>
    public long DuplicateAcks;

    /// <summary>Segments received ahead of RCV_NXT.</summary>
    public long OutOfOrder;

    /// <summary>Acknowledgements that reported a duplicate (RFC 2883).</summary>
    public int DsacksSent;

    public int ChallengeAcksSent;

    /// <summary>Replies left out because of the rate limit (RFC 5961 7).</summary>
    public int RepliesSuppressed;

    /// <summary>Dropped: outside the window (RFC 9293 3.10.7.4), old duplicates among them.</summary>
    public int DroppedSequence;

    /// <summary>Dropped: an old timestamp (RFC 7323 5.3).</summary>
    public int DroppedPaws;

    /// <summary>Dropped: without the timestamp that was negotiated (RFC 7323 3.2).</summary>
    public int DroppedWithoutTimestamp;

    /// <summary>Dropped: an RST that is not exactly at RCV_NXT (RFC 5961 3).</summary>
    public int DroppedReset;

    /// <summary>Dropped: a SYN (RFC 5961 4).</summary>
    public int DroppedSyn;

    /// <summary>Dropped: without ACK, or with an unacceptable one (RFC 5961 5).</summary>
    public int DroppedAck;

    /// <summary>Payload dropped: our window is closed.</summary>
    public int DroppedZeroWindow;

    /// <summary>Payload in order dropped: no buffer memory.</summary>
    public int DroppedNoMemory;

    /// <summary>Payload out of order dropped: it would have taken more memory than its like may.</summary>
    public int DroppedNoMemoryBeyond;

    /// <summary>Times that everything out of order was given up for data in order (RFC 2018 8).</summary>
    public int Reneged;

    /// <summary>Ranges beyond a hole dropped, or given up for a nearer one: more holes than the reassembly index holds.</summary>
    public int DroppedReassemblyFull;
}
