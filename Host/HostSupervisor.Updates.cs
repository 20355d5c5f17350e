using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.HostSide;

/// <content>New versions of segment-invariant variables: the patent's figure 3.</content>
internal sealed partial class HostSupervisor
{
    private void OnNextHopChanged(HostMessages.NextHopChanged changed)
    {
        foreach (IGrouping<ToeUnit, Tenancy> group in changed.Flows
            .Select(flow => _byFlow.GetValueOrDefault(flow)).OfType<Tenancy>().Where(tenancy => tenancy.Toe is not null)
            .GroupBy(tenancy => tenancy.Toe!))
        {
            Update(group.Key, group, old => old with { NextHopMac = changed.Mac ?? old.NextHopMac, IsPathUsable = changed.Usable });
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
            int overhead = (tenancy.Flow.IsIPv4 ? 40 : 60) + (tenancy.Invariants!.TimestampsEnabled ? 12 : 0);
            Update(toe, [tenancy], old => old with
            {
                PathMtu = believed,
                EffectiveMss = Math.Min(old.EffectiveMss, believed - overhead),
            });
        }
    }

    private void Update(ToeUnit toe, IEnumerable<Tenancy> tenancies, Func<SegmentInvariants, SegmentInvariants> change)
    {
        var updates = new List<InvariantsUpdate>();
        foreach (Tenancy tenancy in tenancies)
        {
            SegmentInvariants old = tenancy.Segment!;
            SegmentInvariants next = change(old);
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
