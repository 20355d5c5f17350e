using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Managed;

/// <summary>
/// The next hops and paths of a managed stack: a peer is its own next hop, as there are no routers yet, and its MAC address is told. Any thread.
/// </summary>
/// <param name="source">Our MAC address.</param>
/// <param name="encapsulation">Of every frame.</param>
/// <param name="mtu">What the link takes, in bytes.</param>
internal sealed class ManagedPaths(MacAddress source, MacEncapsulation encapsulation, int mtu) : IPathWatch
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<InternetAddress, Neighbor> _neighbors = new();
    private readonly Dictionary<(InternetAddress Local, InternetAddress Remote), NetworkPath> _paths = [];
    private Action<HostMessages.PathChanged>? _report;
    private long _lastId;

    /// <param name="report">Takes news. Called under the lock, so that the newest comes last; must not block.</param>
    public void ReportTo(Action<HostMessages.PathChanged> report) => _report = report;

    public bool TryGetNeighbor(InternetAddress address, [NotNullWhen(true)] out Neighbor? neighbor) =>
        _neighbors.TryGetValue(address, out neighbor) && neighbor.IsReachable;

    /// <summary>The way of a flow; nothing may be transmitted as long as the MAC address of its peer was not told.</summary>
    public (Neighbor Neighbor, NetworkPath Path) Of(in FlowKey flow)
    {
        lock (_lock)
        {
            Neighbor neighbor = _neighbors.GetOrAdd(flow.RemoteAddress, _ => NewNeighbor(default) with { IsReachable = false });
            if (!_paths.TryGetValue((flow.LocalAddress, flow.RemoteAddress), out NetworkPath? path))
            {
                path = new NetworkPath { Id = new PathId(++_lastId), Neighbor = neighbor.Id, Mtu = mtu };
                _paths.Add((flow.LocalAddress, flow.RemoteAddress), path);
            }

            return (neighbor, path);
        }
    }

    /// <summary>A peer has this MAC address from now on.</summary>
    public void SetNeighbor(InternetAddress peer, MacAddress mac)
    {
        lock (_lock)
        {
            Neighbor next = _neighbors.TryGetValue(peer, out Neighbor? known)
                ? known with { Version = known.Version + 1, Mac = mac, IsReachable = true }
                : NewNeighbor(mac);
            _neighbors[peer] = next;
            _report?.Invoke(new HostMessages.PathChanged([next], [], []));
        }
    }

    public void Watch(ReadOnlySpan<FlowKey> flows)
    {
        var told = new HashSet<PathId>();
        foreach (FlowKey flow in flows)
        {
            // What was told between the take-out and now reached nobody.
            (Neighbor neighbor, NetworkPath path) = Of(in flow);
            if (told.Add(path.Id))
            {
                _report?.Invoke(new HostMessages.PathChanged([neighbor], [path], []));
            }
        }
    }

    public void Forget(in FlowKey flow)
    {
    }

    public void ProbeAgain(in FlowKey flow)
    {
    }

    public void Confirm(NeighborId neighbor)
    {
    }

    public void LearnMtu(PathId path, int mtu)
    {
        lock (_lock)
        {
            if (_paths.FirstOrDefault(each => each.Value.Id == path) is { Value: { } known } found && mtu < known.Mtu)
            {
                NetworkPath next = known with { Version = known.Version + 1, Mtu = mtu };
                _paths[found.Key] = next;
                _report?.Invoke(new HostMessages.PathChanged([], [next], []));
            }
        }
    }

    private Neighbor NewNeighbor(MacAddress mac) =>
        new() { Id = new NeighborId(++_lastId), SourceMac = source, Mac = mac, Encapsulation = encapsulation };
}
