using System.Globalization;

namespace TcpActors.Engine.State;

/// <summary>A host's name for one path; given once. Zero: shared with nobody.</summary>
public readonly record struct PathId(long Value)
{
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>
/// The way from one address of ours to one of a peer's: segment-invariant variables that all connections between the two share. Only the host
/// writes it, as it does a <see cref="Neighbor"/>.
/// </summary>
public sealed record NetworkPath
{
    public PathId Id { get; init; }

    /// <summary>Grows by one with each replacement.</summary>
    public uint Version { get; init; }

    /// <summary>Its next hop.</summary>
    public NeighborId Neighbor { get; init; }

    /// <summary>Path MTU: the largest IP packet, in bytes (RFC 1191, RFC 8201).</summary>
    public required int Mtu { get; init; }

    /// <summary>False after <c>Invalidate</c>: there is no route, or our address is not ours, and nothing may be transmitted until an update says otherwise.</summary>
    public bool IsUsable { get; init; } = true;

    /// <inheritdoc cref="Neighbor.IsLaterThan"/>
    public bool IsLaterThan(NetworkPath other) => new SeqNum(Version) > new SeqNum(other.Version);
}
