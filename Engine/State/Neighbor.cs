using System.Globalization;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine.State;

/// <summary>A host's name for one next hop; given once. Zero: shared with nobody.</summary>
public readonly record struct NeighborId(long Value)
{
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>
/// The next hop of any number of connections, on one interface: segment-invariant variables that they share. Only the host writes it: it
/// replaces the record by one with the next <see cref="Version"/>, which is one message for a TOE however many connections it concerns.
/// </summary>
public sealed record Neighbor
{
    public NeighborId Id { get; init; }

    /// <summary>Grows by one with each replacement.</summary>
    public uint Version { get; init; }

    /// <summary>Our interface's MAC address.</summary>
    public MacAddress SourceMac { get; init; }

    /// <summary>The next hop's MAC address.</summary>
    public required MacAddress Mac { get; init; }

    public MacEncapsulation Encapsulation { get; init; }

    /// <summary>
    /// False after <c>Invalidate</c>: it does not answer the host (RFC 4861 7.3.3), and nothing may be transmitted until an update says otherwise.
    /// </summary>
    public bool IsReachable { get; init; } = true;

    /// <summary>Whether this replaces the other version of it; versions wrap, as sequence numbers do.</summary>
    public bool IsLaterThan(Neighbor other) => new SeqNum(Version) > new SeqNum(other.Version);
}
