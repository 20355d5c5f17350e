using TcpActors.Actors;

namespace TcpActors.HostSide;

/// <summary>What a host knows beside its connections, and uses for all of them. Any thread.</summary>
/// <param name="Paths">Next hops and paths.</param>
/// <param name="Memory">What earlier connections have found out about their paths.</param>
internal sealed record HostBooks(IPathWatch Paths, PathMemory Memory)
{
    /// <summary>One object for segment-invariant variables that are equal.</summary>
    public SharedInvariants Invariants { get; } = new();
}
