using System.Net;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// The book on the paths of owned flows: which flow goes to which peer, which peer over which next hop, and what interfaces are like.
/// Tells what of that is news to whom; asks nobody. Any thread.
/// </summary>
/// <param name="tell">Takes news. Called under the lock, so that what is older is told earlier; must not block.</param>
internal sealed class WatchedPaths(Action<PathReport> tell)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, LinkInfo> _links = [];
    private readonly Dictionary<(int Link, IPAddress Address), NextHop> _hops = [];
    private readonly Dictionary<PeerKey, WatchedPeer> _peers = [];
    private readonly Dictionary<FlowKey, (WatchedPeer Peer, KernelPath Path)> _flows = [];
    private long _changes;

    /// <summary>How many changes of routes, addresses and interfaces were heard of.</summary>
    public long Changes => Volatile.Read(ref _changes);

    /// <summary>A flow is watched from what was found on.</summary>
    public void Add(in FlowKey flow, KernelPath path)
    {
        lock (_lock)
        {
            var key = PeerKey.Of(in flow, path);
            if (!_peers.TryGetValue(key, out WatchedPeer? peer))
            {
                NextHop hop = HopAt(path.LinkIndex, path.NextHop, path.NextHopMac);
                peer = new WatchedPeer(key, path.RouteMtu, hop);
                hop.Peers.Add(peer);
                _peers.Add(key, peer);
            }

            peer.Flows.Add(flow);
            _flows[flow] = (peer, path);
        }
    }

    public void Remove(in FlowKey flow)
    {
        lock (_lock)
        {
            if (_flows.Remove(flow, out (WatchedPeer Peer, KernelPath Path) watched) && watched.Peer.Flows.Remove(flow)
                && watched.Peer.Flows.Count == 0)
            {
                _peers.Remove(watched.Peer.Key);
                Leave(watched.Peer);
            }
        }
    }

    public NextHop? HopOf(in FlowKey flow)
    {
        lock (_lock)
        {
            return _flows.TryGetValue(flow, out (WatchedPeer Peer, KernelPath Path) watched) ? watched.Peer.Hop : null;
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
                    && peer is { IsUsable: true, IsElsewhere: false, IsSuspect: false, Hop: { Mac: { } mac, IsProbed: false } hop }
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

    public bool IsLinkUp(int index)
    {
        lock (_lock)
        {
            return _links.GetValueOrDefault(index) is { IsUp: true };
        }
    }

    /// <summary>Tells what has changed for a flow since its path was found.</summary>
    /// <returns>Whether its route may have changed before it was watched: the kernel has to be asked.</returns>
    public bool TellSince(in FlowKey flow)
    {
        lock (_lock)
        {
            if (!_flows.TryGetValue(flow, out (WatchedPeer Peer, KernelPath Path) watched))
            {
                return false;
            }

            (WatchedPeer peer, KernelPath path) = watched;
            bool mayBeOld = path.Changes != _changes;
            peer.IsSuspect |= mayBeOld;
            LinkInfo link = _links.GetValueOrDefault(path.LinkIndex, path.Link);
            int mtu = KernelPath.MtuOf(peer.RouteMtu, link);
            var news = new PathReport();
            news.Add([flow], new PathNews
            {
                SourceMac = link.Mac == path.SourceMac ? null : link.Mac,
                NextHopMac = peer.Hop.Mac == path.NextHopMac ? null : peer.Hop.Mac,
                FirstHopMtu = mtu == path.Mtu ? null : new MtuChange(path.Mtu, mtu),
                IsUsable = peer.IsUsable ? null : false,
                IsElsewhere = peer.IsElsewhere,
            });
            tell(news);
            return mayBeOld;
        }
    }

    /// <summary>A neighbour's MAC address.</summary>
    /// <returns>Whether it is another than it was.</returns>
    public bool Learn(NextHop hop, MacAddress mac)
    {
        lock (_lock)
        {
            if (hop.Mac == mac)
            {
                return false;
            }

            hop.Mac = mac;
            hop.IsProbed = false;
            var news = new PathReport();
            news.Add(hop.Peers.SelectMany(peer => peer.Flows), new PathNews { NextHopMac = mac });
            tell(news);
            return true;
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
            foreach (WatchedPeer peer in _peers.Values)
            {
                if (peer.Key.LinkIndex == link.Index)
                {
                    // Routes go with an interface that goes down, and nobody says so.
                    peer.IsSuspect |= isSuspect;
                    int before = KernelPath.MtuOf(peer.RouteMtu, former);
                    int now = KernelPath.MtuOf(peer.RouteMtu, link);
                    news.Add(peer.Flows, new PathNews
                    {
                        SourceMac = former.Mac == link.Mac ? null : link.Mac,
                        FirstHopMtu = before == now ? null : new MtuChange(before, now),
                    });
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

    /// <summary>The routes to these peers may have changed.</summary>
    /// <returns>Whether there are any.</returns>
    public bool Suspect(Func<WatchedPeer, bool> which)
    {
        lock (_lock)
        {
            _changes++;
            bool any = false;
            foreach (WatchedPeer peer in _peers.Values)
            {
                peer.IsSuspect |= which(peer);
                any |= peer.IsSuspect;
            }

            return any;
        }
    }

    /// <summary>Those that have to be asked for; each is given once for each time it was suspected.</summary>
    public List<WatchedPeer> TakeSuspects()
    {
        lock (_lock)
        {
            List<WatchedPeer> suspects = [.. _peers.Values.Where(peer => peer.IsSuspect)];
            suspects.ForEach(peer => peer.IsSuspect = false);
            return suspects;
        }
    }

    /// <summary>The kernel's answers: for each peer its route, null when there is none.</summary>
    /// <returns>The next hops that have to be found, because they are new or the way was closed.</returns>
    public HashSet<NextHop> Settle(IEnumerable<(WatchedPeer Peer, RouteInfo? Route)> answers)
    {
        lock (_lock)
        {
            var news = new PathReport();
            var toFind = new HashSet<NextHop>();
            foreach ((WatchedPeer peer, RouteInfo? route) in answers)
            {
                if (Settle(peer, route, news) is { } hop)
                {
                    toFind.Add(hop);
                }
            }

            tell(news);
            return toFind;
        }
    }

    /// <returns>The next hop of a flow, if it is to be probed now.</returns>
    public NextHop? BeginProbe(in FlowKey flow)
    {
        lock (_lock)
        {
            if (!_flows.TryGetValue(flow, out (WatchedPeer Peer, KernelPath Path) watched))
            {
                return null;
            }

            NextHop hop = watched.Peer.Hop;

            // Whoever asks first asks for every flow over this hop; what happened since then is asked for later.
            hop.IsSuspectAgain = hop.IsProbed;
            hop.IsProbed = true;
            return hop.IsSuspectAgain ? null : hop;
        }
    }

    /// <returns>Whether a flow over this hop has suspected it again.</returns>
    public bool EndProbe(NextHop hop)
    {
        lock (_lock)
        {
            hop.IsProbed = hop.IsSuspectAgain && hop.Peers.Count > 0;
            hop.IsSuspectAgain = false;
            RemoveIfIdle(hop);
            return hop.IsProbed;
        }
    }

    private NextHop? Settle(WatchedPeer peer, RouteInfo? route, PathReport news)
    {
        if (peer.Flows.Count == 0)
        {
            // Forgotten while the kernel was asked.
            return null;
        }

        bool wasUsable = peer.IsUsable;
        bool wasElsewhere = peer.IsElsewhere;
        peer.IsElsewhere = route is not null && route.LinkIndex != peer.Key.LinkIndex;
        peer.IsUsable = route is not null;
        if (route is null || peer.IsElsewhere || !_links.TryGetValue(peer.Key.LinkIndex, out LinkInfo? link))
        {
            news.Add(peer.Flows, new PathNews
            {
                IsUsable = wasUsable == peer.IsUsable ? null : peer.IsUsable,
                IsElsewhere = peer.IsElsewhere && !wasElsewhere,
            });
            return null;
        }

        int before = KernelPath.MtuOf(peer.RouteMtu, link);
        peer.RouteMtu = route.Mtu;
        int now = KernelPath.MtuOf(peer.RouteMtu, link);
        NextHop former = peer.Hop;
        MoveTo(peer, route.NextHop(peer.Key.RemoteAddress));
        news.Add(peer.Flows, new PathNews
        {
            NextHopMac = former == peer.Hop ? null : peer.Hop.Mac,
            FirstHopMtu = before == now ? null : new MtuChange(before, now),
            IsUsable = wasUsable ? null : true,
        });
        return former == peer.Hop && wasUsable ? null : peer.Hop;
    }

    private NextHop HopAt(int link, IPAddress address, MacAddress? mac)
    {
        if (!_hops.TryGetValue((link, address), out NextHop? hop))
        {
            hop = new NextHop(link, address, mac);
            _hops.Add((link, address), hop);
        }

        return hop;
    }

    private void MoveTo(WatchedPeer peer, IPAddress nextHop)
    {
        NextHop hop = HopAt(peer.Key.LinkIndex, nextHop, mac: null);
        if (hop != peer.Hop)
        {
            Leave(peer);
            peer.Hop = hop;
            hop.Peers.Add(peer);
        }
    }

    private void Leave(WatchedPeer peer)
    {
        peer.Hop.Peers.Remove(peer);
        RemoveIfIdle(peer.Hop);
    }

    /// <summary>A hop that was asked lately stays though its flows have moved on, so that it is not asked with every move.</summary>
    private void RemoveIfIdle(NextHop hop)
    {
        if (hop is { Peers.Count: 0, IsProbed: false })
        {
            _hops.Remove((hop.LinkIndex, hop.Address));
        }
    }
}
