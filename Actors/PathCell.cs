using TcpActors.Engine.State;

namespace TcpActors.Actors;

/// <summary>
/// A next hop as the TOE knows it: one place for all connections that go over it, which read it with every batch. Written by the TOE's supervisor
/// only, as the host says.
/// </summary>
internal sealed class NeighborCell(Neighbor first)
{
    /// <summary>A neighbour that answers is confirmed to the host no more often than that; the shortest reachable time of RFC 4861 10 is 15 s.</summary>
    private static readonly Microseconds s_betweenConfirmations = Microseconds.FromSeconds(1);

    private Neighbor _current = first;
    private long _confirmAt;

    /// <summary>Any thread.</summary>
    public Neighbor Current
    {
        get => Volatile.Read(ref _current);
        set => Volatile.Write(ref _current, value);
    }

    /// <summary>How many paths lead over it. For the supervisor.</summary>
    public int Paths { get; set; }

    /// <summary>New data was acknowledged: whether the host is to be told. Any thread; to one of them it is.</summary>
    public bool ShouldConfirm(Microseconds now)
    {
        long at = Volatile.Read(ref _confirmAt);
        return now.Value >= at && Interlocked.CompareExchange(ref _confirmAt, (now + s_betweenConfirmations).Value, at) == at;
    }
}

/// <summary>A path as the TOE knows it, shared as a <see cref="NeighborCell"/> is.</summary>
internal sealed class PathCell(NetworkPath first, NeighborCell neighbor)
{
    private NetworkPath _current = first;
    private NeighborCell _neighbor = neighbor;

    /// <summary>Any thread.</summary>
    public NetworkPath Current => Volatile.Read(ref _current);

    /// <summary>Its next hop. Any thread.</summary>
    public NeighborCell Neighbor => Volatile.Read(ref _neighbor);

    /// <summary>How many connections go over it. For the supervisor.</summary>
    public int Connections { get; set; }

    /// <summary>For the supervisor. A reader between the two writes sees the old path over the new next hop, and the new one with its next batch.</summary>
    public void Set(NetworkPath next, NeighborCell neighbor)
    {
        Volatile.Write(ref _neighbor, neighbor);
        Volatile.Write(ref _current, next);
    }
}
