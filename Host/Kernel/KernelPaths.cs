using System.Net;
using Microsoft.Extensions.Logging;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.HostSide.Kernel;

/// <summary>Where a peer is reached, as the kernel's route and neighbour tables say.</summary>
/// <param name="LinkIndex">The interface.</param>
/// <param name="NextHop">The gateway, or the peer itself.</param>
/// <param name="SourceMac">The interface's own address.</param>
/// <param name="NextHopMac">The next hop's address.</param>
/// <param name="Mtu">The largest IP packet, in bytes.</param>
internal sealed record KernelPath(int LinkIndex, IPAddress NextHop, MacAddress SourceMac, MacAddress NextHopMac, int Mtu);

/// <summary>
/// Asks the kernel for paths, and watches the next hops of owned flows over rtnetlink: one <see cref="Hop"/> for all flows that share it.
/// </summary>
internal sealed class KernelPaths : INextHopWatch, IDisposable
{
    private static readonly TimeSpan s_resolution = TimeSpan.FromSeconds(2);

    /// <summary>How long a neighbour may take to say that it is still there: many round trips on any link with Ethernet addresses.</summary>
    private static readonly TimeSpan s_answer = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_betweenProbes = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private readonly RtNetlink _netlink = new();
    private readonly RtNetlinkMonitor _monitor = new();
    private readonly Dictionary<(int Link, IPAddress Address), Hop> _hops = [];
    private readonly Dictionary<FlowKey, Hop> _hopOf = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly ManualResetEventSlim _neighborsChanged = new();
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private Action<HostMessages.NextHopChanged>? _report;

    public KernelPaths(ILogger logger)
    {
        _logger = logger;
        _thread = new Thread(Monitor) { IsBackground = true, Name = "tcpactors neighbour monitor" };
        _thread.Start();
    }

    public void ReportTo(Action<HostMessages.NextHopChanged> report) => _report = report;

    /// <summary>The path to a flow's peer; has the kernel resolve the next hop if it has not.</summary>
    /// <param name="flow">The flow.</param>
    /// <param name="scope">Interface of a link-local address; 0 otherwise.</param>
    /// <exception cref="IOException">When there is none; the message says why.</exception>
    public KernelPath Find(in FlowKey flow, long scope)
    {
        IPAddress peer = flow.RemoteAddress.ToIPAddress();
        if (flow.RemoteAddress.IsLinkLocal)
        {
            peer.ScopeId = scope;
        }

        RouteInfo route = _netlink.GetRoute(peer, flow.LocalAddress.ToIPAddress(), (int)scope)
            ?? throw new IOException($"there is no route to {peer}");
        LinkInfo link = _netlink.Link(route.LinkIndex) ?? throw new IOException($"interface {route.LinkIndex} is gone");
        if (link.IsLoopback)
        {
            throw new IOException("its peer is on this machine: there is no wire");
        }

        if (link.Mac is not { } own)
        {
            throw new IOException($"{peer} is reached over {link.Name}, which is no Ethernet");
        }

        IPAddress nextHop = route.NextHop(peer);
        MacAddress mac = Resolve(link.Index, nextHop)
            ?? throw new IOException($"the next hop {nextHop} on {link.Name} does not answer");
        return new KernelPath(link.Index, nextHop, own, mac, route.Mtu ?? link.Mtu);
    }

    /// <summary>Begins to watch a flow's next hop, from what was found on.</summary>
    public void Watch(in FlowKey flow, KernelPath path)
    {
        lock (_lock)
        {
            (int, IPAddress) key = (path.LinkIndex, path.NextHop);
            if (!_hops.TryGetValue(key, out Hop? hop))
            {
                hop = new Hop(path.LinkIndex, path.NextHop, path.NextHopMac);
                _hops.Add(key, hop);
            }

            hop.Flows.Add(flow);
            _hopOf[flow] = hop;
        }
    }

    public void Watch(in FlowKey flow)
    {
        // Watched from the take-out on, when the path was found: see above. What changed since then is reported now.
        Hop? hop;
        lock (_lock)
        {
            hop = _hopOf.GetValueOrDefault(flow);
        }

        if (hop is not null && _netlink.Neighbor(hop.LinkIndex, hop.Address) is { IsUsable: true, Mac: { } mac })
        {
            Learn(hop, mac);
        }
    }

    public void Forget(in FlowKey flow)
    {
        lock (_lock)
        {
            if (_hopOf.Remove(flow, out Hop? hop))
            {
                hop.Flows.Remove(flow);
                RemoveIfIdle(hop);
            }
        }
    }

    public void ProbeAgain(in FlowKey flow)
    {
        Hop? hop;
        lock (_lock)
        {
            hop = _hopOf.GetValueOrDefault(flow);
        }

        if (hop is null)
        {
            return;
        }

        lock (_lock)
        {
            if (hop.IsProbed)
            {
                // Whoever asks first asks for every flow over this hop; what happened since then is asked for later.
                hop.IsSuspectAgain = true;
                return;
            }

            hop.IsProbed = true;
        }

        Probe(hop);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _monitor.Dispose();
        _netlink.Dispose();
        _stop.Dispose();
        _neighborsChanged.Dispose();
    }

    private void Probe(Hop hop)
    {
        hop.IsSuspectAgain = false;
        hop.AwaitsAnswer = true;

        // First the address we know is asked. The kernel would ask everybody only after three probes a second apart.
        bool isAsked = Try(hop, () => _netlink.ProbeNeighbor(hop.LinkIndex, hop.Address));
        hop.After(isAsked ? s_answer : TimeSpan.Zero, AskEverybody);
    }

    /// <summary>Who was asked at the address we know may not have answered: by broadcast or multicast, whoever has the IP address does.</summary>
    private void AskEverybody(Hop hop)
    {
        if (hop.AwaitsAnswer)
        {
            hop.AwaitsAnswer = false;
            Try(hop, () =>
            {
                // While it is incomplete the kernel asks everybody already, once a second (RFC 1122 2.3.2.1, RFC 4861 10).
                const NeighborState settled = NeighborState.Permanent | NeighborState.NoArp | NeighborState.Incomplete;
                bool mayChange = ((_netlink.Neighbor(hop.LinkIndex, hop.Address)?.State ?? NeighborState.None) & settled) == NeighborState.None;
                if (mayChange)
                {
                    _netlink.DeleteNeighbor(hop.LinkIndex, hop.Address);
                    _netlink.ResolveNeighbor(hop.LinkIndex, hop.Address);
                }

                return mayChange;
            });
        }

        hop.After(s_betweenProbes, Rest);
    }

    private void Rest(Hop hop)
    {
        lock (_lock)
        {
            hop.IsProbed = hop.IsSuspectAgain && hop.Flows.Count > 0;
            RemoveIfIdle(hop);
        }

        if (hop.IsProbed)
        {
            Probe(hop);
        }
    }

    private bool Try(Hop hop, Func<bool> question)
    {
        try
        {
            return !_stop.IsCancellationRequested && question();
        }
        catch (Exception e) when (e is NetlinkException or ObjectDisposedException)
        {
            Log.ProbeFailed(_logger, e, hop.Address);
            return false;
        }
    }

    /// <summary>A hop that was asked lately stays though its flows have moved on, so that it is not asked with every move. Under the lock.</summary>
    private void RemoveIfIdle(Hop hop)
    {
        if (hop is { Flows.Count: 0, IsProbed: false })
        {
            _hops.Remove((hop.LinkIndex, hop.Address));
        }
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
            _neighborsChanged.Wait(50, _stop.Token);
        }
    }

    private void Monitor()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                Hear();
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed of.
        }
    }

    private void Hear()
    {
        try
        {
            switch (_monitor.Receive(Timeout.InfiniteTimeSpan, _stop.Token))
            {
                case NeighborChanged { Removed: false } changed:
                    See(changed.Neighbor);
                    break;
                case Overrun:
                    SeeAll();
                    break;
            }
        }
        catch (NetlinkException e)
        {
            // A crowded neighbour table or an interface that just went: the next event has another chance.
            Log.MonitorFailed(_logger, e);
        }
    }

    private void See(NeighborInfo neighbor)
    {
        _neighborsChanged.Set();
        Hop? hop;
        lock (_lock)
        {
            hop = _hops.GetValueOrDefault((neighbor.LinkIndex, neighbor.Address));
        }

        if (hop is null)
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
            // Probes to the address we knew stayed unanswered: ask everybody once.
            _netlink.ResolveNeighbor(hop.LinkIndex, hop.Address);
        }
    }

    private void SeeAll()
    {
        foreach (NeighborInfo neighbor in _netlink.Neighbors())
        {
            See(neighbor);
        }
    }

    private void Learn(Hop hop, MacAddress mac)
    {
        FlowKey[] flows;
        lock (_lock)
        {
            if (hop.Mac == mac)
            {
                return;
            }

            hop.Mac = mac;
            hop.IsProbed = false;
            flows = [.. hop.Flows];
        }

        Log.NextHopMoved(_logger, hop.Address, mac);
        _report?.Invoke(new HostMessages.NextHopChanged(flows, mac, Usable: true));
    }

    /// <summary>One next hop on one interface, shared by every flow that goes over it.</summary>
    private sealed class Hop(int linkIndex, IPAddress address, MacAddress mac)
    {
        private bool _awaitsAnswer;
        private Timer? _timer;

        public int LinkIndex { get; } = linkIndex;

        public IPAddress Address { get; } = address;

        public MacAddress Mac { get; set; } = mac;

        public HashSet<FlowKey> Flows { get; } = [];

        /// <summary>It was asked lately whether it is still there.</summary>
        public bool IsProbed { get; set; }

        /// <summary>A flow over it suspected it again meanwhile.</summary>
        public bool IsSuspectAgain { get; set; }

        /// <summary>It was asked at the address we know, and has not answered.</summary>
        public bool AwaitsAnswer
        {
            get => Volatile.Read(ref _awaitsAnswer);
            set => Volatile.Write(ref _awaitsAnswer, value);
        }

        public void After(TimeSpan time, Action<Hop> act)
        {
            _timer?.Dispose();
            _timer = new Timer(_ => act(this), null, time, Timeout.InfiniteTimeSpan);
        }
    }
}
