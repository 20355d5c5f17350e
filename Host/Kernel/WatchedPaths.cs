using System.Net;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// The book on the paths of owned flows: which flow goes to which peer, which peer over which next hop, and what interfaces are like.
/// Says what of that is news to whom; asks nobody. Any thread.
/// </summary>
internal sealed class WatchedPaths
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

    /// <summary>What has changed for a flow since its path was found.</summary>
    /// <param name="flow">The flow.</param>
    /// <param name="mayBeOld">Its route may have changed before it was watched: the kernel has to be asked.</param>
    public PathNews Since(in FlowKey flow, out bool mayBeOld)
    {
        lock (_lock)
        {
            if (!_flows.TryGetValue(flow, out (WatchedPeer Peer, KernelPath Path) watched))
            {
                mayBeOld = false;
                return PathNews.None;
            }

            (WatchedPeer peer, KernelPath path) = watched;
            mayBeOld = path.Changes != _changes;
            peer.IsSuspect |= mayBeOld;
            LinkInfo link = _links.GetValueOrDefault(path.LinkIndex, path.Link);
            int mtu = KernelPath.MtuOf(peer.RouteMtu, link);
            return new PathNews
            {
                SourceMac = link.Mac == path.SourceMac ? null : link.Mac,
                NextHopMac = peer.Hop.Mac == path.NextHopMac ? null : peer.Hop.Mac,
                FirstHopMtu = mtu == path.Mtu ? null : new MtuChange(path.Mtu, mtu),
                IsUsable = peer.IsUsable ? null : false,
                IsElsewhere = peer.IsElsewhere,
            };
        }
    }

    /// <summary>A neighbour's MAC address.</summary>
    /// <returns>Null when it is known.</returns>
    public HostMessages.PathChanged? Learn(NextHop hop, MacAddress mac)
    {
        lock (_lock)
        {
            if (hop.Mac == mac)
            {
                return null;
            }

            hop.Mac = mac;
            hop.IsProbed = false;
            return new HostMessages.PathChanged([.. hop.Peers.SelectMany(peer => peer.Flows)], new PathNews { NextHopMac = mac });
        }
    }

    /// <summary>An interface as it is now.</summary>
    /// <param name="link">The interface.</param>
    /// <param name="news">What is to be told of its MAC address and MTU.</param>
    /// <returns>Whether it is another than it was.</returns>
    public bool Learn(LinkInfo link, PathReport news)
    {
        lock (_lock)
        {
            LinkInfo? former = _links.GetValueOrDefault(link.Index);
            _links[link.Index] = link;
            if (former is null || former == link)
            {
                return former is null;
            }

            _changes++;
            foreach (WatchedPeer peer in _peers.Values)
            {
                if (peer.Key.LinkIndex == link.Index)
                {
                    // Routes go with an interface that goes down, and nobody says so.
                    peer.IsSuspect |= former.IsUp != link.IsUp;
                    int before = KernelPath.MtuOf(peer.RouteMtu, former);
                    int now = KernelPath.MtuOf(peer.RouteMtu, link);
                    news.Add(peer, new PathNews
                    {
                        SourceMac = former.Mac == link.Mac ? null : link.Mac,
                        FirstHopMtu = before == now ? null : new MtuChange(before, now),
                    });
                }
            }

            return true;
        }
    }

    /// <summary>An interface is gone.</summary>
    public void ForgetLink(int index)
    {
        lock (_lock)
        {
            _links.Remove(index);
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

    /// <summary>The kernel's answer for a peer.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="route">Null when there is none.</param>
    /// <param name="news">What is to be told.</param>
    /// <returns>The next hop that has to be found, if it is a new one or the way was closed.</returns>
    public NextHop? Settle(WatchedPeer peer, RouteInfo? route, PathReport news)
    {
        lock (_lock)
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
                news.Add(peer, new PathNews
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
            news.Add(peer, new PathNews
            {
                NextHopMac = former == peer.Hop ? null : peer.Hop.Mac,
                FirstHopMtu = before == now ? null : new MtuChange(before, now),
                IsUsable = wasUsable ? null : true,
            });
            return former == peer.Hop && wasUsable ? null : peer.Hop;
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
