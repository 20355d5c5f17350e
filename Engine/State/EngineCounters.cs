namespace TcpActors.Engine.State;

/// <summary>
/// What one engine has counted since it was made. Only the connection's owner writes it; segments are segments of the wire, so a
/// super-segment counts as many as it stands for.
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
    public long RetransmissionTimeouts;

    /// <summary>Fast retransmits (RFC 6582 3.2).</summary>
    public long FastRetransmits;

    public long WindowProbesSent;

    public long KeepAliveProbesSent;

    /// <summary>Duplicate acknowledgements received (RFC 5681 2).</summary>
    public long DuplicateAcks;

    /// <summary>Segments received ahead of RCV_NXT.</summary>
    public long OutOfOrder;

    public long ChallengeAcksSent;

    /// <summary>Replies left out because of the rate limit (RFC 5961 7).</summary>
    public long RepliesSuppressed;

    /// <summary>Dropped: outside the window (RFC 9293 3.10.7.4), old duplicates among them.</summary>
    public long DroppedSequence;

    /// <summary>Dropped: an old timestamp (RFC 7323 5.3).</summary>
    public long DroppedPaws;

    /// <summary>Dropped: without the timestamp that was negotiated (RFC 7323 3.2).</summary>
    public long DroppedWithoutTimestamp;

    /// <summary>Dropped: an RST that is not exactly at RCV_NXT (RFC 5961 3).</summary>
    public long DroppedReset;

    /// <summary>Dropped: a SYN (RFC 5961 4).</summary>
    public long DroppedSyn;

    /// <summary>Dropped: without ACK, or with an unacceptable one (RFC 5961 5).</summary>
    public long DroppedAck;

    /// <summary>Payload dropped: our window is closed.</summary>
    public long DroppedZeroWindow;

    /// <summary>Payload in order dropped: no buffer memory.</summary>
    public long DroppedNoMemory;

    /// <summary>Payload out of order dropped: it would have taken more memory than its like may.</summary>
    public long DroppedNoMemoryBeyond;

    /// <summary>Times that everything out of order was given up for data in order (RFC 2018 8).</summary>
    public long Reneged;

    /// <summary>Payload dropped: more holes than the reassembly index holds.</summary>
    public long DroppedReassemblyFull;
}
