using TcpActors.Engine.State;

namespace TcpActors.HostSide.Kernel;

/// <summary>Collects news of next hops and paths, so that they are told in one message, however many there are.</summary>
internal sealed class PathReport
{
    private readonly Dictionary<NeighborId, Neighbor> _neighbors = [];
    private readonly Dictionary<PathId, NetworkPath> _paths = [];
    private readonly HashSet<PathId> _elsewhere = [];

    /// <summary>This interface is another than it was.</summary>
    public int? Interface { get; init; }

    /// <summary>Null: there are none.</summary>
    public HostMessages.PathChanged? Message => _neighbors.Count + _paths.Count + _elsewhere.Count == 0
        ? null
        : new HostMessages.PathChanged([.. _neighbors.Values], [.. _paths.Values], [.. _elsewhere]);

    public void Add(Neighbor neighbor) => _neighbors[neighbor.Id] = neighbor;

    /// <param name="path">A new version.</param>
    /// <param name="neighbor">Its next hop.</param>
    public void Add(NetworkPath path, Neighbor neighbor)
    {
        _paths[path.Id] = path;
        Add(neighbor);
    }

    /// <summary>The kernel reaches the peer over another interface.</summary>
    public void AddElsewhere(PathId path) => _elsewhere.Add(path);
}
