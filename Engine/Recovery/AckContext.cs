using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <summary>What has to be known to judge an acknowledgement.</summary>
internal readonly ref struct AckContext
{
    public required Microseconds Now { get; init; }

    public required Microseconds MinRtt { get; init; }

    /// <summary>Where the recovery that is under way ends.</summary>
    public required SeqNum RecoveryPoint { get; init; }

    /// <summary>TSecr of the acknowledgement; null without timestamps.</summary>
    public required uint? Echo { get; init; }

    /// <summary>Of our timestamp clock.</summary>
    public required Microseconds Tick { get; init; }

    /// <summary>Of our timestamp clock: what is added to the ticks.</summary>
    public required uint Offset { get; init; }

    /// <summary>
    /// RFC 8985 6.2 step 2: whether what was sent again may have been delivered by an earlier transmission: that is sooner than anything comes, or the
    /// acknowledgement echoes a time before this one. What SACK reports echoes the last segment in order (RFC 7323 4.3), which says nothing.
    /// </summary>
    public bool IsAmbiguous(Microseconds sentAt, bool isReported) =>
        Now - sentAt < MinRtt
        || (!isReported && Echo is { } echo && (int)(echo - ((uint)(sentAt.Value / Tick.Value) + Offset)) < 0);
}
