using System.Net;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// The book on the paths of owned flows: which flow goes to which peer, which peer over which next hop, and what interfaces are like.
/// Tells what of that is news, each change once for all that share it; asks nobody. Any thread.
/// </summary>
/// <param name="tell">Takes news. Called under the lock, so that what is older is told earlier; must not block.</param>
internal sealed partial class WatchedPaths(Action<PathReport> tell)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, LinkInfo> _links = [];
    private readonly Dictionary<(int Link, IPAddress Address), NextHop> _hops = [];
    private readonly Dictionary<PeerKey, WatchedPeer> _peers = [];
    private readonly Dictionary<FlowKey, WatchedFlow> _flows = [];
    private long _changes;
    private long _lastId;

    /// <summary>How many changes of routes, addresses and interfaces were heard of.</summary>
    public long Changes => Volatile.Read(ref _changes);

    /// <summary>A flow is watched from what was found on.</summary>
    public void Add(in FlowKey flow, KernelPath path)
    {
        lock (_lock)
        {
            var news = new PathReport();
            var key = PeerKey.Of(in flow, path);
            NextHop found = HopAt(path.LinkIndex, path.NextHop);
            if (found.Neighbor is null)
            {
                SetMac(found, path.NextHopMac, path.Link, news);
            }

            if (!_peers.TryGetValue(key, out WatchedPeer? peer))
            {
                var networkPath = new NetworkPath { Id = new PathId(++_lastId), Neighbor = found.Id, Mtu = path.Mtu };
                peer = new WatchedPeer(key, path.RouteMtu, found, networkPath);
                found.Peers.Add(peer);
                _peers.Add(key, peer);
            }

            peer.Flows.Add(flow);
            _flows[flow] = new WatchedFlow(peer, path.Changes);
            tell(news);
        }
    }

    public void Remove(in FlowKey flow)
    {
        lock (_lock)
        {
            if (_flows.Remove(flow, out WatchedFlow watched) && watched.Peer.Flows.Remove(flow) && watched.Peer.Flows.Count == 0)
            {
                _peers.Remove(watched.Peer.Key);
                Leave(watched.Peer, watched.Peer.NextHop);
                Leave(watched.Peer, watched.Peer.Hop);
            }
        }
    }

    /// <summary>The next hop and the path of a watched flow as they are now.</summary>
    public (Neighbor Neighbor, NetworkPath Path) Take(in FlowKey flow)
    {
        lock (_lock)
        {
            WatchedPeer peer = _flows[flow].Peer;
            _flows[flow] = _flows[flow] with { Taken = (peer.Hop.Neighbor!, peer.Path) };
            return (peer.Hop.Neighbor!, peer.Path);
        }
    }

    /// <summary>The next hop that the kernel would use for a watched flow.</summary>
    public NextHop? HopOf(in FlowKey flow)
    {
        lock (_lock)
        {
            return _flows.TryGetValue(flow, out WatchedFlow watched) ? watched.Peer.NextHop ?? watched.Peer.Hop : null;
        }
    }

    /// <summary>The path that watched flows take to this flow's peer, unless there is any doubt about it; null when there are none.</summary>
    public KernelPath? PathOf(in FlowKey flow, int scope)
    {
        lock (_lock)
        {
            foreach (LinkInfo link in _links.Values)
            {
                if (_peers.TryGetValue(new PeerKey(flow.LocalAddress, flow.RemoteAddress, scope, link.Index), out WatchedPeer? peer)
                    && peer is { Path.IsUsable: true, IsElsewhere: false, IsSuspect: false, NextHop: null }
                    && peer.Hop is { Neighbor: { IsReachable: true, Mac: var mac }, IsProbed: false } hop
                    && link is { IsUp: true, Mac: not null })
                {
                    return new KernelPath(link, hop.Address, mac, peer.RouteMtu, scope, _changes);
                }
            }

            return null;
        }
    }

    public NextHop? Hop(int link, IPAddress address)
    {
        lock (_lock)
        {
            return _hops.GetValueOrDefault((link, address));
        }
    }

    public NextHop? Hop(NeighborId id)
    {
        lock (_lock)
        {
            return _hops.Values.FirstOrDefault(hop => hop.Id == id);
        }
    }

    public bool IsLinkUp(int index)
    {
        lock (_lock)
        {
            return _links.GetValueOrDefault(index) is { IsUp: true };
        }
    }

    /// <summary>Tells what has changed for a flow since its variables were taken out.</summary>
    /// <returns>Whether its route may have changed before it was watched: the kernel has to be asked.</returns>
    public bool TellSince(in FlowKey flow)
    {
        lock (_lock)
        {
            if (!_flows.TryGetValue(flow, out WatchedFlow watched))
            {
                return false;
            }

            WatchedPeer peer = watched.Peer;
            bool mayBeOld = watched.Changes != _changes;
            peer.IsSuspect |= mayBeOld;
            var news = new PathReport();
            if (watched.Taken is { } taken && taken != (peer.Hop.Neighbor!, peer.Path))
            {
                news.Add(peer.Path, peer.Hop.Neighbor!);
            }

            if (peer.IsElsewhere)
            {
                news.AddElsewhere(peer.Path.Id);
            }

            tell(news);
            return mayBeOld;
        }
    }

    /// <summary>A neighbour's MAC address, at which it answers or did until lately.</summary>
    /// <returns>Whether it is another than it was.</returns>
    public bool Learn(NextHop hop, MacAddress mac)
    {
        lock (_lock)
        {
            hop.HasFailed = false;
            if (hop.Neighbor is { IsReachable: true } known && known.Mac == mac)
            {
                return false;
            }

            bool isOther = hop.Neighbor?.Mac != mac;
            hop.IsProbed = false;
            var news = new PathReport();
            SetMac(hop, mac, _links.GetValueOrDefault(hop.LinkIndex), news);
            tell(news);
            return isOther;
        }
    }

    /// <summary>The kernel had no answer from a next hop: the first time from the address that was known, later from anybody.</summary>
    /// <returns>Whether it is given up now.</returns>
    public bool Fail(NextHop hop)
    {
        lock (_lock)
        {
            bool isGivenUp = hop is { HasFailed: true, Neighbor.IsReachable: true };
            hop.HasFailed = true;
            if (isGivenUp)
            {
                // RFC 4861 7.3.3: address resolution has failed.
                hop.Neighbor = hop.Neighbor! with { Version = hop.Neighbor!.Version + 1, IsReachable = false };
                var news = new PathReport();
                news.Add(hop.Neighbor);
                tell(news);
            }

            return isGivenUp;
        }
    }

    /// <summary>A router takes no larger packets than that from a path.</summary>
    public void LearnMtu(PathId id, int mtu)
    {
        lock (_lock)
        {
            if (_peers.Values.FirstOrDefault(each => each.Path.Id == id) is { } peer && mtu < peer.Path.Mtu)
            {
                var news = new PathReport();
                Replace(peer, peer.Path with { Mtu = mtu }, news);
                tell(news);
            }
        }
    }

    /// <summary>An interface as it is now.</summary>
    /// <returns>Whether routes over it may have changed: the kernel has to be asked.</returns>
    public bool Learn(LinkInfo link)
    {
        lock (_lock)
        {
            LinkInfo? former = _links.GetValueOrDefault(link.Index);
            _links[link.Index] = link;
            if (former is null || former == link)
            {
                return false;
            }

            _changes++;
            bool isSuspect = former.IsUp != link.IsUp;
            var news = new PathReport { Interface = link.Index };
            foreach (NextHop hop in _hops.Values)
            {
                if (hop.LinkIndex == link.Index && hop.Neighbor is { } known && link.Mac is { } mac && known.SourceMac != mac)
                {
                    hop.Neighbor = known with { Version = known.Version + 1, SourceMac = mac };
                    news.Add(hop.Neighbor);
                }
            }

            foreach (WatchedPeer peer in _peers.Values)
            {
                if (peer.Key.LinkIndex == link.Index)
                {
                    // Routes go with an interface that goes down, and nobody says so.
                    peer.IsSuspect |= isSuspect;
                    var change = new MtuChange(KernelPath.MtuOf(peer.RouteMtu, former), KernelPath.MtuOf(peer.RouteMtu, link));
                    Replace(peer, peer.Path with { Mtu = change.ApplyTo(peer.Path.Mtu) }, news);
                }
            }

            tell(news);
            return isSuspect;
        }
    }

    /// <summary>An interface is gone.</summary>
    public void ForgetLink(int index)
    {
        lock (_lock)
        {
            _links.Remove(index);
            tell(new PathReport { Interface = index });
        }
    }

    private void SetMac(NextHop hop, MacAddress mac, LinkInfo? link, PathReport news)
    {
        hop.Neighbor = hop.Neighbor is { } known
            ? known with { Version = known.Version + 1, Mac = mac, IsReachable = true }
            : new Neighbor { Id = hop.Id, SourceMac = link?.Mac ?? default, Mac = mac };
        news.Add(hop.Neighbor);
        foreach (WatchedPeer peer in hop.Peers)
        {
            if (peer.NextHop == hop)
            {
                Use(peer, hop, news);
            }
        }
    }

    /// <summary>The MAC address of the next hop that the kernel uses is known: segments go there.</summary>
    private void Use(WatchedPeer peer, NextHop hop, PathReport news)
    {
        Leave(peer, peer.Hop);
        (peer.Hop, peer.NextHop) = (hop, null);
        Replace(peer, peer.Path with { Neighbor = hop.Id }, news);
    }

    /// <summary>Another version of a path, unless it is what it was.</summary>
    private static void Replace(WatchedPeer peer, NetworkPath next, PathReport news)
    {
        if (next != peer.Path)
        {
            peer.Path = next with { Version = peer.Path.Version + 1 };
            news.Add(peer.Path, peer.Hop.Neighbor!);
        }
    }

    private NextHop HopAt(int link, IPAddress address)
    {
        if (!_hops.TryGetValue((link, address), out NextHop? hop))
        {
            hop = new NextHop(new NeighborId(++_lastId), link, address);
            _hops.Add((link, address), hop);
        }

        return hop;
    }

    private void Leave(WatchedPeer peer, NextHop? hop)
    {
        if (hop is not null)
        {
            hop.Peers.Remove(peer);
            RemoveIfIdle(hop);
        }
    }

    /// <summary>A hop that was asked lately stays though its flows have moved on, so that it is not asked with every move.</summary>
    private void RemoveIfIdle(NextHop hop)
    {
        if (hop is { Peers.Count: 0, IsProbed: false })
        {
            _hops.Remove((hop.LinkIndex, hop.Address));
        }
    }

    /// <param name="Peer">Whom it goes to.</param>
    /// <param name="Changes">How many changes of the network had been heard of before its path was found.</param>
    /// <param name="Taken">What its owner was told when it was taken out of the kernel; null: it has not been.</param>
    private readonly record struct WatchedFlow(WatchedPeer Peer, long Changes, (Neighbor Neighbor, NetworkPath Path)? Taken = null);
}
