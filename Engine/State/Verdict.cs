namespace TcpActors.Engine.State;

/// <summary>What became of a segment, or of timers that ran out.</summary>
public enum VerdictKind : byte
{
    /// <summary>It is done with.</summary>
    Consumed = 0,

    /// <summary>It failed a check; the counters say which. An acknowledgement may be owed for it.</summary>
    Dropped,

    /// <summary>
    /// It is the host's. The segment was not consumed: except for counters the variables are as they were before it.
    /// </summary>
    UploadRequired,
}

/// <summary>The engine's answer to a segment or to timers that ran out.</summary>
/// <param name="Kind">What became of it.</param>
/// <param name="Reason">Why an upload is required; else <see cref="UploadReason.None"/>.</param>
/// <param name="SynNotice">Whether a SYN was answered by a challenge ACK, of which the host gets a notice (RFC 5961 4).</param>
public readonly record struct Verdict(VerdictKind Kind, UploadReason Reason = UploadReason.None, bool SynNotice = false)
{
    public static Verdict Consumed => default;

    public static Verdict Dropped => new(VerdictKind.Dropped);

    public static Verdict Upload(UploadReason reason) => new(VerdictKind.UploadRequired, reason);
}
