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
    /// RFC 8985 6.2 step 2: whether the acknowledgement of what was sent again may be for an earlier transmission: it echoes a time before this one, or came
    /// sooner than anything comes.
    /// </summary>
    public bool IsEchoOlder(Microseconds sentAt) =>
        (Echo is { } echo && (int)(echo - ((uint)(sentAt.Value / Tick.Value) + Offset)) < 0)
        || Now - sentAt < MinRtt;
}
