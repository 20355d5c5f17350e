using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <summary>What has to be known to judge an acknowledgement.</summary>
internal readonly ref struct AckContext
{
    public required Microseconds Now { get; init; }

    public required Microseconds MinRtt { get; init; }

    /// <summary>Where the recovery that is under way ends.</summary>
    public required SeqNum RecoveryPoint { get; init; }

    /// <summary>Of what another owner has sent, nothing that ends behind this was sent again or reported to him.</summary>
    public required SeqNum GuessedOnceFrom { get; init; }

    /// <summary>TSecr of the acknowledgement; null without timestamps.</summary>
    public required uint? Echo { get; init; }

    /// <summary>Of our timestamp clock.</summary>
    public required Microseconds Tick { get; init; }

    /// <summary>Of our timestamp clock: what is added to the ticks.</summary>
    public required uint Offset { get; init; }

    /// <summary>
    /// RFC 8985 6.2 step 2: whether what was sent again may have been delivered by an earlier transmission. The echo tells, unless round
    /// trips are shorter than its clock's tick; what SACK reports echoes the last segment in order (RFC 7323 4.3), which says nothing.
    /// Without it, whatever comes sooner than anything comes is in doubt.
    /// </summary>
    public bool IsAmbiguous(Microseconds sentAt, bool isReported)
    {
        if (!isReported && Echo is { } echo and not 0)
        {
            uint stamp = (uint)(sentAt.Value / Tick.Value) + Offset;
            bool isEarlier = (int)(echo - stamp) < 0;
            if (isEarlier || MinRtt >= Tick)
            {
                return isEarlier;
            }
        }

        return Now - sentAt < MinRtt;
    }
}
