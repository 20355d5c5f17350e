using TcpActors.Engine.State;

namespace TcpActors.HostSide;

/// <summary>
/// The next hops and paths of offloaded connections, each at the newest version that was told, and who goes over which. Used by the host
/// supervisor only.
/// </summary>
internal sealed class PathBook
{
    private readonly Dictionary<NeighborId, Hop> _hops = [];
    private readonly Dictionary<PathId, Page> _paths = [];

    /// <summary>A connection has left the stack with its segment-invariant variables.</summary>
    public void Add(Tenancy tenancy)
    {
        SegmentInvariants segment = tenancy.Segment!;
        if (segment.Path.Id == default)
        {
            return;
        }

        if (!_paths.TryGetValue(segment.Path.Id, out Page? page))
        {
            page = new Page(segment.Path);
            _paths.Add(segment.Path.Id, page);
            Join(segment.Path.Neighbor);
        }

        page.Tenancies.Add(tenancy);
        Take(segment.Path, [segment.Neighbor]);
        Take(segment.Neighbor);
    }

    /// <summary>A connection is back in the stack.</summary>
    public void Remove(Tenancy tenancy)
    {
        if (_paths.TryGetValue(tenancy.Segment!.Path.Id, out Page? page) && page.Tenancies.Remove(tenancy) && page.Tenancies.Count == 0)
        {
            _paths.Remove(page.Path.Id);
            Leave(page.Path.Neighbor);
        }
    }

    /// <returns>Whether any connection goes over it and this is news of it.</returns>
    public bool Take(Neighbor next)
    {
        if (!_hops.TryGetValue(next.Id, out Hop? hop) || (hop.Newest is { } known && !next.IsLaterThan(known)))
        {
            return false;
        }

        hop.Newest = next;
        return true;
    }

    /// <inheritdoc cref="Take(Neighbor)"/>
    /// <param name="next">The path as it is now.</param>
    /// <param name="told">Next hops that may be new.</param>
    public bool Take(NetworkPath next, IReadOnlyList<Neighbor> told)
    {
        if (!_paths.TryGetValue(next.Id, out Page? page) || !next.IsLaterThan(page.Path))
        {
            return false;
        }

        if (next.Neighbor != page.Path.Neighbor)
        {
            Join(next.Neighbor);
            Leave(page.Path.Neighbor);
            if (told.FirstOrDefault(each => each.Id == next.Neighbor) is { } neighbor)
            {
                Take(neighbor);
            }
        }

        page.Path = next;
        return true;
    }

    public IReadOnlyCollection<Tenancy> Over(PathId path) => _paths.TryGetValue(path, out Page? page) ? page.Tenancies : [];

    public IEnumerable<Tenancy> Over(NeighborId neighbor) =>
        _paths.Values.Where(page => page.Path.Neighbor == neighbor).SelectMany(page => page.Tenancies);

    /// <summary>The segment-invariant variables of a connection as they were told to its TOE last.</summary>
    public SegmentInvariants? NewestOf(Tenancy tenancy) =>
        tenancy is { Segment: { } segment, Invariants: { } connection } && _paths.TryGetValue(segment.Path.Id, out Page? page)
        && page.Tenancies.Contains(tenancy)
            ? segment.Over(_hops[page.Path.Neighbor].Newest ?? segment.Neighbor, page.Path, connection)
            : tenancy.Segment;

    private void Join(NeighborId id)
    {
        if (!_hops.TryGetValue(id, out Hop? hop))
        {
            hop = new Hop();
            _hops.Add(id, hop);
        }

        hop.Paths++;
    }

    private void Leave(NeighborId id)
    {
        if (--_hops[id].Paths == 0)
        {
            _hops.Remove(id);
        }
    }

    private sealed class Page(NetworkPath path)
    {
        public NetworkPath Path { get; set; } = path;

        public HashSet<Tenancy> Tenancies { get; } = [];
    }

    /// <summary>A next hop that paths lead over; its newest version is null until it is told.</summary>
    private sealed class Hop
    {
        public Neighbor? Newest { get; set; }

        public int Paths { get; set; }
    }
}
