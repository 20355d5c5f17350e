using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.HostSide;

/// <content>New versions of segment-invariant variables: the patent's figure 3.</content>
internal sealed partial class HostSupervisor
{
    private void OnPathChanged(HostMessages.PathChanged changed)
    {
        List<Tenancy> offloaded = [.. changed.Flows
            .Select(flow => _byFlow.GetValueOrDefault(flow)).OfType<Tenancy>().Where(tenancy => tenancy.Toe is not null)];
        if (changed.News.IsElsewhere)
        {
            offloaded.ForEach(BringBack);
            return;
        }

        foreach (IGrouping<ToeUnit, Tenancy> group in offloaded.GroupBy(tenancy => tenancy.Toe!))
        {
            Update(group.Key, group, changed.News.ApplyTo);
        }

        if (changed.News.IsUsable is { } isUsable)
        {
            offloaded.ForEach(tenancy => tenancy.IsCutOff = !isUsable);
            offloaded.ForEach(Advance);
        }
    }

    /// <summary>A TOE sits on one interface: what leaves by another now is the kernel's, until it is offloaded there.</summary>
    private void BringBack(Tenancy tenancy)
    {
        tenancy.MustReturn = true;
        tenancy.IsCutOff = false;
        Log.UploadRequested(_logger, tenancy.Connection.Id, tenancy.Epoch, _stackName, UploadReason.RouteChanged);
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
        if (tenancy.Toe is { } toe && tenancy.Segment is { } segment && believed < segment.PathMtu)
        {
            Log.PathMtuLowered(_logger, tenancy.Connection.Id, tenancy.Epoch, believed);
            Update(toe, [tenancy], (old, connection) => old with
            {
                PathMtu = believed,
                EffectiveMss = Math.Min(old.EffectiveMss, connection.EffectiveMss(believed)),
            });
        }
    }

    private void Update(
        ToeUnit toe, IEnumerable<Tenancy> tenancies, Func<SegmentInvariants, ConnectionInvariants, SegmentInvariants> change)
    {
        var updates = new List<InvariantsUpdate>();
        foreach (Tenancy tenancy in tenancies)
        {
            SegmentInvariants old = tenancy.Segment!;
            SegmentInvariants next = change(old, tenancy.Invariants!);
            if (next != old)
            {
                tenancy.Segment = next with { Version = old.Version + 1 };
                updates.Add(new InvariantsUpdate(tenancy.Connection.Id, tenancy.Segment));
            }
        }

        if (updates.Count > 0)
        {
            toe.Engine.Supervisor.Tell(new Toe.Command.Update(updates), Self);
        }
    }
}
