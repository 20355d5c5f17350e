using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <summary>RFC 8985 5.3: the segment sent last among those delivered. Relearned after a move.</summary>
internal struct Rack
{
    /// <summary>RACK.xmit_ts; Never: nothing was delivered yet.</summary>
    public Microseconds SentAt;

    /// <summary>RACK.end_seq.</summary>
    public SeqNum End;

    /// <summary>RACK.rtt.</summary>
    public Microseconds Rtt;

    /// <summary>RACK_sent_after: whether the first was sent after the second; of what left at once the higher is later.</summary>
    public static bool IsAfter(Microseconds firstSentAt, SeqNum firstEnd, Microseconds secondSentAt, SeqNum secondEnd) =>
        firstSentAt > secondSentAt || (firstSentAt == secondSentAt && firstEnd > secondEnd);

    /// <summary>Whether it was sent after the record given.</summary>
    public readonly bool IsAfter(Microseconds sentAt, SeqNum end) => IsAfter(SentAt, End, sentAt, end);

    /// <summary>RFC 8985 6.2 step 2.</summary>
    /// <returns>Whether anything has changed: only then can something be found lost that was not before.</returns>
    public bool Update(in AckResult result, Microseconds now)
    {
        if (result.RackSentAt.IsNever)
        {
            return false;
        }

        Rtt = now - result.RackSentAt;
        if (SentAt.IsNever || IsAfter(result.RackSentAt, result.RackEnd, SentAt, End))
        {
            (SentAt, End) = (result.RackSentAt, result.RackEnd);
        }

        return true;
    }
}
