using TcpActors.Engine.State;

namespace TcpActors.HostSide;

/// <summary>
/// The next hops and paths of offloaded connections, each at the newest version that was told, and who goes over which. Used by the host
/// supervisor only.
/// </summary>
internal sealed class PathBook
{
    private readonly Dictionary<NeighborId, Neighbor> _neighbors = [];
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
        }

        page.Tenancies.Add(tenancy);
        Take(segment.Path);
        _neighbors.TryAdd(segment.Neighbor.Id, segment.Neighbor);
        Take(segment.Neighbor);
    }

    /// <summary>A connection is back in the stack.</summary>
    public void Remove(Tenancy tenancy)
    {
        if (_paths.TryGetValue(tenancy.Segment!.Path.Id, out Page? page) && page.Tenancies.Remove(tenancy) && page.Tenancies.Count == 0)
        {
            _paths.Remove(page.Path.Id);
            if (!_paths.Values.Any(other => other.Path.Neighbor == page.Path.Neighbor))
            {
                _neighbors.Remove(page.Path.Neighbor);
            }
        }
    }

    /// <returns>Whether any connection goes over it and this is news of it.</returns>
    public bool Take(Neighbor next)
    {
        bool isNews = _neighbors.TryGetValue(next.Id, out Neighbor? known) && IsLater(next.Version, known.Version);
        if (isNews)
        {
            _neighbors[next.Id] = next;
        }

        return isNews;
    }

    /// <inheritdoc cref="Take(Neighbor)"/>
    /// <param name="next">The path as it is now.</param>
    /// <param name="told">Next hops that may be new.</param>
    public bool Take(NetworkPath next, IReadOnlyList<Neighbor>? told = null)
    {
        if (!_paths.TryGetValue(next.Id, out Page? page) || !IsLater(next.Version, page.Path.Version))
        {
            return false;
        }

        page.Path = next;
        if (told?.FirstOrDefault(each => each.Id == next.Neighbor) is { } neighbor)
        {
            _neighbors.TryAdd(neighbor.Id, neighbor);
        }

        return true;
    }

    public IReadOnlyCollection<Tenancy> Over(PathId path) => _paths.TryGetValue(path, out Page? page) ? page.Tenancies : [];

    public IEnumerable<Tenancy> Over(NeighborId neighbor) =>
        _paths.Values.Where(page => page.Path.Neighbor == neighbor).SelectMany(page => page.Tenancies);

    /// <summary>The segment-invariant variables of a connection as they were told to its TOE last.</summary>
    public SegmentInvariants? NewestOf(Tenancy tenancy) =>
        tenancy is { Segment: { } segment, Invariants: { } connection } && _paths.TryGetValue(segment.Path.Id, out Page? page)
        && page.Tenancies.Contains(tenancy)
            ? segment.Over(_neighbors.GetValueOrDefault(page.Path.Neighbor, segment.Neighbor), page.Path, connection)
            : tenancy.Segment;

    private static bool IsLater(uint version, uint than) => (int)(version - than) > 0;

    private sealed class Page(NetworkPath path)
    {
        public NetworkPath Path { get; set; } = path;

        public HashSet<Tenancy> Tenancies { get; } = [];
    }
}
