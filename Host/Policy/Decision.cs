namespace TcpActors.HostSide.Policy;

/// <summary>What a policy would like to be done with a connection.</summary>
public enum Wish
{
    /// <summary>It stays where it is.</summary>
    Stay = 0,

    /// <summary>A TOE gets it.</summary>
    Offload,

    /// <summary>The host's stack gets it back.</summary>
    Upload,
}

/// <summary>A policy's answer.</summary>
/// <param name="Wish">What is to be done. What is so already is no move.</param>
/// <param name="Worth">
/// Processor time that a TOE saves with this connection, in µs for each second. Where a TOE cannot have all that are wished there, those of higher priority
/// come first, and among equals those of higher worth.
/// </param>
/// <param name="Reason">For the log.</param>
public readonly record struct Decision(Wish Wish, double Worth, string Reason)
{
    /// <summary>After how many bytes since set-up to ask again at once, and not only with the next sample.</summary>
    public long AskAgainAt { get; init; } = long.MaxValue;
}
