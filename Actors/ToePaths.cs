using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.Actors;

/// <summary>
/// The next hops and paths of a TOE's connections, each once, at the newest version that came: with a connection or by an update, in whatever
/// order. Used by the TOE's supervisor only.
/// </summary>
internal sealed class ToePaths
{
    private readonly Dictionary<NeighborId, NeighborCell> _neighbors = [];
    private readonly Dictionary<PathId, PathCell> _paths = [];

    /// <summary>A connection comes: the path it shares with others.</summary>
    /// <param name="segment">What the host says of it.</param>
    /// <param name="isNews">Whether the others do not know this yet.</param>
    public PathCell Join(SegmentInvariants segment, out bool isNews)
    {
        isNews = false;
        if (segment.Path.Id == default)
        {
            // Shared with nobody.
            return new PathCell(segment.Path, new NeighborCell(segment.Neighbor));
        }

        if (!_paths.TryGetValue(segment.Path.Id, out PathCell? path))
        {
            NeighborCell neighbor = NeighborAt(segment.Neighbor);
            neighbor.Paths++;
            path = new PathCell(segment.Path, neighbor);
            _paths.Add(segment.Path.Id, path);
        }
        else
        {
            isNews = Take(path, segment.Path, [segment.Neighbor]);
        }

        isNews |= Take(segment.Neighbor);
        path.Connections++;
        return path;
    }

    /// <summary>A connection has left.</summary>
    public void Leave(PathCell path)
    {
        if (path.Current.Id != default && --path.Connections == 0)
        {
            _paths.Remove(path.Current.Id);
            Leave(path.Neighbor);
        }
    }

    /// <returns>What is new of it, by version.</returns>
    public Toe.Event.Updated Take(Toe.Command.Update update) => new()
    {
        Neighbors = [.. update.Neighbors.Where(Take).Select(next => new NeighborVersion(next.Id, next.Version))],
        Paths =
        [
            .. update.Paths
                .Where(next => _paths.TryGetValue(next.Id, out PathCell? path) && Take(path, next, update.Neighbors))
                .Select(next => new PathVersion(next.Id, next.Version)),
        ],
    };

    /// <returns>What is new of it, by version.</returns>
    public Toe.Event.Updated Take(Toe.Command.Invalidate invalidate) => Take(new Toe.Command.Update
    {
        Neighbors =
        [
            .. invalidate.Neighbors.Where(each => _neighbors.ContainsKey(each.Neighbor))
                .Select(each => _neighbors[each.Neighbor].Current with { Version = each.Version, IsReachable = false }),
        ],
        Paths =
        [
            .. invalidate.Paths.Where(each => _paths.ContainsKey(each.Path))
                .Select(each => _paths[each.Path].Current with { Version = each.Version, IsUsable = false }),
        ],
    });

    private bool Take(Neighbor next)
    {
        if (!_neighbors.TryGetValue(next.Id, out NeighborCell? neighbor) || !next.IsLaterThan(neighbor.Current))
        {
            return false;
        }

        neighbor.Current = next;
        return true;
    }

    private bool Take(PathCell path, NetworkPath next, IReadOnlyList<Neighbor> told)
    {
        if (!next.IsLaterThan(path.Current))
        {
            return false;
        }

        NeighborCell former = path.Neighbor;
        NeighborCell neighbor = former.Current.Id == next.Neighbor ? former
            : _neighbors.TryGetValue(next.Neighbor, out NeighborCell? known) ? known
            : told.FirstOrDefault(each => each.Id == next.Neighbor) is { } first ? NeighborAt(first)
            : former;
        path.Set(next, neighbor);
        if (neighbor != former)
        {
            neighbor.Paths++;
            Leave(former);
        }

        return true;
    }

    private NeighborCell NeighborAt(Neighbor first)
    {
        if (!_neighbors.TryGetValue(first.Id, out NeighborCell? neighbor))
        {
            neighbor = new NeighborCell(first);
            _neighbors.Add(first.Id, neighbor);
        }

        return neighbor;
    }

    private void Leave(NeighborCell neighbor)
    {
        if (--neighbor.Paths == 0)
        {
            _neighbors.Remove(neighbor.Current.Id);
        }
    }
}
