using System.Net;
using Microsoft.Extensions.Logging;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// Asks the kernel for paths, and follows over rtnetlink what becomes of the paths of owned flows: interfaces, addresses, routes, next
/// hops. What the kernel would apply to a connection of its own is told to the host.
/// </summary>
internal sealed class KernelPaths : IPathWatch, IDisposable
{
    private static readonly TimeSpan s_resolution = TimeSpan.FromSeconds(2);

    private readonly RtNetlink _netlink = new();
    private readonly WatchedPaths _paths;
    private readonly ManualResetEventSlim _neighborsChanged = new();
    private readonly PathMonitor _monitor;
    private readonly RouteReview _routes;
    private readonly NextHopProbe _probe;
    private readonly ILogger _logger;
    private Action<object>? _report;
    private KernelPath? _lastFound;

    public KernelPaths(ILogger logger, int? eventQueueBytes = null)
    {
        _logger = logger;
        _paths = new WatchedPaths(Tell);
        _routes = new RouteReview(_netlink, _paths, logger, FindMac);
        _monitor = new PathMonitor(See, SeeAll, logger, eventQueueBytes);
        _probe = new NextHopProbe(_netlink, _paths, logger, _monitor.Stopped);
        _monitor.Start();
    }

    /// <param name="report">Takes <see cref="HostMessages.PathChanged"/> and <see cref="HostMessages.InterfaceChanged"/>, in order.</param>
    public void ReportTo(Action<object> report) => _report = report;

    /// <summary>The path to a flow's peer: that of other flows to it that are watched, or the kernel is asked. Has the kernel resolve the next hop if it has not.</summary>
    /// <param name="flow">The flow.</param>
    /// <param name="scope">Interface of a link-local address; 0 otherwise.</param>
    /// <exception cref="IOException">When there is none; the message says why.</exception>
    public KernelPath Find(in FlowKey flow, long scope)
    {
        if (_paths.PathOf(in flow, (int)scope) is { } known)
        {
            // What is not heard of yet will be, and told to this flow as to the others.
            return known;
        }

        long changes = _paths.Changes;
        IPAddress peer = PeerKey.Scoped(flow.RemoteAddress, scope);
        RouteInfo route = _netlink.GetRoute(peer, flow.LocalAddress.ToIPAddress(), (int)scope)
            ?? throw new IOException($"there is no route to {peer}");
        LinkInfo link = _netlink.Link(route.LinkIndex) ?? throw new IOException($"interface {route.LinkIndex} is gone");
        if (link.IsLoopback)
        {
            throw new IOException("its peer is on this machine: there is no wire");
        }

        if (link.Mac is null)
        {
            throw new IOException($"{peer} is reached over {link.Name}, which is no Ethernet");
        }

        IPAddress nextHop = route.NextHop(peer);
        MacAddress mac = Resolve(link.Index, nextHop)
            ?? throw new IOException($"the next hop {nextHop} on {link.Name} does not answer");
        return Shared(new KernelPath(link, nextHop, mac, route.Mtu, (int)scope, changes));
    }

    /// <summary>Begins to watch a flow's path, from what was found on.</summary>
    public void Watch(in FlowKey flow, KernelPath path) => _paths.Add(in flow, path);

    public void Watch(ReadOnlySpan<FlowKey> flows)
    {
        // Watched from the take-out on, when the path was found: see above. What changed since then is reported now.
        var hops = new HashSet<NextHop>();
        foreach (FlowKey flow in flows)
        {
            if (_paths.HopOf(in flow) is { } hop && hops.Add(hop))
            {
                FindMac(hop);
            }
        }

        bool mayBeOld = false;
        foreach (FlowKey flow in flows)
        {
            mayBeOld |= _paths.TellSince(in flow);
        }

        if (mayBeOld)
        {
            _routes.Request();
        }
    }

    /// <summary>The next hop and the path of a flow that is watched, as they are now; what changes from now on is told when a TOE has the flow.</summary>
    public (Neighbor Neighbor, NetworkPath Path) Take(in FlowKey flow) => _paths.Take(in flow);

    public void Forget(in FlowKey flow) => _paths.Remove(in flow);

    public void ProbeAgain(in FlowKey flow)
    {
        if (_paths.BeginProbe(in flow) is { } hop)
        {
            _probe.Probe(hop);
        }
    }

    public void Confirm(NeighborId neighbor)
    {
        if (_paths.Hop(neighbor) is not { Neighbor: { } known } hop)
        {
            return;
        }

        try
        {
            _netlink.ConfirmNeighbor(hop.LinkIndex, hop.Address, known.Mac);
        }
        catch (NetlinkException e)
        {
            Log.ProbeFailed(_logger, e, hop.Address);
        }
    }

    public void LearnMtu(PathId path, int mtu) => _paths.LearnMtu(path, mtu);

    public void Dispose()
    {
        _monitor.Dispose();
        _routes.Dispose();
        _netlink.Dispose();
        _neighborsChanged.Dispose();
    }

    /// <summary>Thousands of connections have the same path: they have one object for it.</summary>
    private KernelPath Shared(KernelPath found)
    {
        KernelPath? last = Volatile.Read(ref _lastFound);
        if (last == found)
        {
            return last;
        }

        Volatile.Write(ref _lastFound, found);
        return found;
    }

    private MacAddress? Resolve(int link, IPAddress nextHop)
    {
        long deadline = Environment.TickCount64 + (long)s_resolution.TotalMilliseconds;
        bool asked = false;
        while (true)
        {
            _neighborsChanged.Reset();
            if (_netlink.Neighbor(link, nextHop) is { IsUsable: true, Mac: { } mac })
            {
                return mac;
            }

            if (!asked)
            {
                asked = true;
                _netlink.ResolveNeighbor(link, nextHop);
            }

            if (Environment.TickCount64 >= deadline)
            {
                return null;
            }

            // Several workers may wait, and one may reset what another was to see: look again now and then.
            _neighborsChanged.Wait(50, _monitor.Stopped);
        }
    }

    /// <summary>The kernel knows it, or finds it out and says so later.</summary>
    private void FindMac(NextHop hop)
    {
        if (_netlink.Neighbor(hop.LinkIndex, hop.Address) is { IsUsable: true, Mac: { } mac })
        {
            Learn(hop, mac);
        }
        else
        {
            _netlink.ResolveNeighbor(hop.LinkIndex, hop.Address);
        }
    }

    private void See(RtNetlinkEvent change)
    {
        switch (change)
        {
            case NeighborChanged { Removed: false } neighbor:
                See(neighbor.Neighbor);
                break;
            case LinkChanged { Removed: true } link:
                _paths.ForgetLink(link.Link.Index);
                Suspect(peer => peer.Key.LinkIndex == link.Link.Index);
                break;
            case LinkChanged link:
                See(link.Link);
                break;
            case RouteChanged route:
                Suspect(peer => peer.MayBeServedBy(route.Route));
                break;
            case AddressChanged address:
                InternetAddress own = InternetAddress.From(address.Address.Address);
                Suspect(peer => peer.Key.Local == own);
                break;
        }
    }

    /// <summary>Everything that may be news, in three questions, and one for each pair of addresses.</summary>
    private void SeeAll()
    {
        foreach (LinkInfo link in _netlink.Links())
        {
            See(link);
        }

        foreach (NeighborInfo neighbor in _netlink.Neighbors())
        {
            See(neighbor);
        }

        Suspect(_ => true);
    }

    private void See(LinkInfo link)
    {
        if (_paths.Learn(link))
        {
            _routes.Request();
        }
    }

    private void See(NeighborInfo neighbor)
    {
        _neighborsChanged.Set();
        if (_paths.Hop(neighbor.LinkIndex, neighbor.Address) is not { } hop)
        {
            return;
        }

        if (neighbor is { IsUsable: true, Mac: { } mac })
        {
            if (neighbor.State == NeighborState.Reachable)
            {
                hop.AwaitsAnswer = false;
            }

            Learn(hop, mac);
        }
        else if (neighbor.State == NeighborState.Failed)
        {
            // First probes to the address we knew stayed unanswered, then questions to everybody. That goes on as long as flows need it.
            if (_paths.Fail(hop))
            {
                Log.NextHopGone(_logger, hop.Address);
            }

            _netlink.ResolveNeighbor(hop.LinkIndex, hop.Address);
        }
    }

    private void Suspect(Func<WatchedPeer, bool> which)
    {
        if (_paths.Suspect(which))
        {
            _routes.Request();
        }
    }

    private void Learn(NextHop hop, MacAddress mac)
    {
        if (_paths.Learn(hop, mac))
        {
            Log.NextHopMoved(_logger, hop.Address, mac);
        }
    }

    private void Tell(PathReport news)
    {
        if (news.Interface is { } index)
        {
            // First the link: one that believes itself down sends nothing.
            _report?.Invoke(new HostMessages.InterfaceChanged(index));
        }

        if (news.Message is { } message)
        {
            Log.PathsChanged(_logger, message);
            _report?.Invoke(message);
        }
    }
}
