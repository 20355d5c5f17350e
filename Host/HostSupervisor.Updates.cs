using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Messaging;

namespace TcpActors.HostSide;

/// <content>New versions of segment-invariant variables: the patent's figure 3.</content>
internal sealed partial class HostSupervisor
{
    private void OnPathChanged(HostMessages.PathChanged changed)
    {
        foreach (PathId path in changed.Elsewhere)
        {
            foreach (Tenancy tenancy in _book.Over(path).ToArray())
            {
                BringBack(tenancy);
            }
        }

        NetworkPath[] paths = [.. changed.Paths.Where(next => _book.Take(next, changed.Neighbors))];
        Neighbor[] neighbors = [.. changed.Neighbors.Where(_book.Take)];
        Tell(neighbors, paths, changed.Neighbors);
        foreach (NetworkPath path in paths)
        {
            foreach (Tenancy tenancy in _book.Over(path.Id).ToArray())
            {
                tenancy.IsCutOff = !path.IsUsable;
                Advance(tenancy);
            }
        }
    }

    /// <summary>One message for each TOE, however many connections it has; two where some is closed and some is open.</summary>
    /// <param name="neighbors">New versions.</param>
    /// <param name="paths">New versions.</param>
    /// <param name="told">Next hops of these paths, which a TOE may not know yet.</param>
    private void Tell(Neighbor[] neighbors, NetworkPath[] paths, IReadOnlyList<Neighbor> told)
    {
        HashSet<NeighborId> ofPaths = [.. paths.Select(path => path.Neighbor)];
        var update = new Toe.Command.Update
        {
            Neighbors = [.. neighbors.Where(each => each.IsReachable).Union(told.Where(each => ofPaths.Contains(each.Id)))],
            Paths = [.. paths.Where(each => each.IsUsable)],
        };
        var invalidate = new Toe.Command.Invalidate
        {
            Neighbors = [.. neighbors.Where(each => !each.IsReachable).Select(each => new NeighborVersion(each.Id, each.Version))],
            Paths = [.. paths.Where(each => !each.IsUsable).Select(each => new PathVersion(each.Id, each.Version))],
        };
        IEnumerable<Tenancy> concerned = neighbors.SelectMany(each => _book.Over(each.Id)).Concat(paths.SelectMany(each => _book.Over(each.Id)));
        foreach (ToeUnit toe in concerned.Select(tenancy => tenancy.Toe).OfType<ToeUnit>().ToHashSet())
        {
            if (invalidate.Neighbors.Count + invalidate.Paths.Count > 0)
            {
                toe.Engine.Supervisor.Tell(invalidate, Self);
            }

            if (update.Neighbors.Count + update.Paths.Count > 0)
            {
                toe.Engine.Supervisor.Tell(update, Self);
            }
        }
    }

    /// <summary>The patent's figure 3, step 308.</summary>
    private void OnUpdated(Toe.Event.Updated updated)
    {
        foreach (UpdatedVersion each in updated.Connections)
        {
            if (_tenancies.TryGetValue(each.Connection, out Tenancy? tenancy))
            {
                OnUpdated(tenancy, InvariantsPart.Connection, each.Version);
                Confirm(tenancy, each.Version);
                Log.InvariantsUpdated(_logger, each.Connection, tenancy.Epoch, tenancy.OwnerName(_stackName), each.Version);
            }
        }

        foreach (NeighborVersion each in updated.Neighbors)
        {
            Tenancy[] sharing = [.. _book.Over(each.Neighbor)];
            Array.ForEach(sharing, tenancy => OnUpdated(tenancy, InvariantsPart.Neighbor, each.Version));
            Log.NeighborUpdated(_logger, OwnersOf(sharing), each.Neighbor, each.Version, sharing.Length);
        }

        foreach (PathVersion each in updated.Paths)
        {
            Tenancy[] sharing = [.. _book.Over(each.Path)];
            Array.ForEach(sharing, tenancy => OnUpdated(tenancy, InvariantsPart.Path, each.Version));
            Log.PathUpdated(_logger, OwnersOf(sharing), each.Path, each.Version, sharing.Length);
        }
    }

    private void OnUpdated(Tenancy tenancy, InvariantsPart part, uint version)
    {
        tenancy.Connection.CountInvariantUpdate();
        if (!_subscriptions.IsEmpty)
        {
            _subscriptions.Tell(new Offloading.Event.Updated(tenancy.Connection.Id, tenancy.Epoch, tenancy.Toe?.Name, part, version));
        }
    }

    private string OwnersOf(IEnumerable<Tenancy> tenancies) =>
        string.Join(", ", tenancies.Select(tenancy => tenancy.OwnerName(_stackName)).ToHashSet(StringComparer.Ordinal));

    /// <summary>A TOE sits on one interface: what leaves by another now is the kernel's, until it is offloaded there.</summary>
    private void BringBack(Tenancy tenancy)
    {
        tenancy.MustReturn = true;
        tenancy.IsCutOff = false;
        Log.UploadRequested(_logger, tenancy.Connection.Id, tenancy.Epoch, _stackName, UploadReason.RouteChanged);
        _subscriptions.Tell(new Offloading.Event.UploadRequested(
            tenancy.Connection.Id, tenancy.Epoch, tenancy.Toe?.Name, UploadReason.RouteChanged));
        Advance(tenancy);
    }

    /// <summary>Before the updates that follow: a link that believes itself down sends nothing.</summary>
    private void OnInterfaceChanged(int index)
    {
        foreach (ToeUnit toe in _toes)
        {
            if (toe.InterfaceIndex == index)
            {
                toe.Engine.Link.Refresh();
            }
        }
    }

    private void OnPathTooBig(Tenancy tenancy, int mtu)
    {
        if (!tenancy.Flow.IsIPv4 && mtu < 1280)
        {
            // RFC 8201 4: every link carries that much, so the report is discarded.
            return;
        }

        // RFC 1191 3 allows 68, the kernel's floor of 552 keeps a forger from more harm.
        int believed = Math.Max(mtu, 552);
        if (_book.NewestOf(tenancy) is { } segment && believed < segment.PathMtu)
        {
            Log.PathMtuLowered(_logger, tenancy.Connection.Id, tenancy.Epoch, believed);
            _books.Paths.LearnMtu(segment.Path.Id, believed);
        }
    }
}
