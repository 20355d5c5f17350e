using TcpActors.Engine.Receive;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <summary>What one acknowledgement says about what was sent. Amounts in bytes.</summary>
internal struct AckResult
{
    /// <summary>Acknowledged or reported by SACK, for the first time.</summary>
    public uint Delivered;

    /// <summary>Of these, reported by SACK.</summary>
    public uint NewlySacked;

    /// <summary>Of these, sent by another owner, to whom the peer may have reported them already.</summary>
    public uint Guessed;

    /// <summary>When the first and the last of what was delivered and sent once only were sent; Never: there was none.</summary>
    public Microseconds FirstSentAt;

    /// <inheritdoc cref="FirstSentAt"/>
    public Microseconds LastSentAt;

    /// <summary>The record sent last among those delivered; its Start is the end of it. Its SentAt is Never when nothing was delivered.</summary>
    public SentRecord Newest;

    /// <summary>RACK.xmit_ts and RACK.end_seq as this acknowledgement has them (RFC 8985 6.2 step 2); Never: unchanged.</summary>
    public Microseconds RackSentAt;

    /// <inheritdoc cref="RackSentAt"/>
    public SeqNum RackEnd;

    /// <summary>RFC 2883 4: received twice.</summary>
    public SackBlock Duplicate;

    public bool HasDuplicate;

    /// <summary>RFC 3708 3 (A.4): it was sent once only, so the network has doubled it.</summary>
    public bool IsDuplicateOfNetwork;

    /// <summary>
    /// RFC 3708 3 (A.1): it begins at SND.UNA and nothing was reported before: of its flight no acknowledgement has arrived.
    /// </summary>
    public bool IsFirstReport;

    /// <summary>It has the form of a duplicate acknowledgement (RFC 5681 2), and does not report one (RFC 2883).</summary>
    public bool IsDuplicateAck;

    /// <summary>Something was delivered that was sent again.</summary>
    public bool RetransmissionDelivered;

    /// <summary>Something below RecoveryPoint was delivered that was sent once only (RFC 5682 3.1 step 3).</summary>
    public bool OriginalDelivered;

    /// <summary>Something was delivered below what had been reported before, and it was sent once only (RFC 8985 6.2 step 3).</summary>
    public bool IsReordered;

    /// <summary>The peer does not acknowledge what it has reported as received (RFC 2018 8).</summary>
    public bool IsReneging;

    public static AckResult Nothing => new()
    {
        FirstSentAt = Microseconds.Never,
        LastSentAt = Microseconds.Never,
        RackSentAt = Microseconds.Never,
        Newest = new SentRecord { SentAt = Microseconds.Never },
    };
}
