using System.Net;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.HostSide.Kernel;

/// <content>What has to be asked for again: routes that may have changed, next hops that do not answer.</content>
internal sealed partial class WatchedPaths
{
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
            if (!_flows.TryGetValue(flow, out WatchedFlow watched))
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

        bool wasUsable = peer.Path.IsUsable;
        bool wasElsewhere = peer.IsElsewhere;
        peer.IsElsewhere = route is not null && route.LinkIndex != peer.Key.LinkIndex;
        if (peer.IsElsewhere && !wasElsewhere)
        {
            news.AddElsewhere(peer.Path.Id);
        }

        if (route is null || peer.IsElsewhere || !_links.TryGetValue(peer.Key.LinkIndex, out LinkInfo? link))
        {
            Replace(peer, peer.Path with { IsUsable = route is not null }, news);
            return null;
        }

        int before = KernelPath.MtuOf(peer.RouteMtu, link);
        peer.RouteMtu = route.Mtu;
        var change = new MtuChange(before, KernelPath.MtuOf(peer.RouteMtu, link));
        NextHop hop = MoveTo(peer, route.NextHop(peer.Key.RemoteAddress), news);
        Replace(peer, peer.Path with { Mtu = change.ApplyTo(peer.Path.Mtu), IsUsable = true }, news);
        return peer.NextHop is null && wasUsable ? null : hop;
    }

    /// <summary>The kernel reaches a peer over this next hop.</summary>
    private NextHop MoveTo(WatchedPeer peer, IPAddress nextHop, PathReport news)
    {
        NextHop hop = HopAt(peer.Key.LinkIndex, nextHop);
        if (hop == (peer.NextHop ?? peer.Hop))
        {
            return hop;
        }

        if (peer.NextHop is not null)
        {
            Leave(peer, peer.NextHop);
            peer.NextHop = null;
        }

        if (hop != peer.Hop)
        {
            hop.Peers.Add(peer);
            peer.NextHop = hop;
            if (hop.Neighbor is not null)
            {
                Use(peer, hop, news);
            }
        }

        return hop;
    }
}
