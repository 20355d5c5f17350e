using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Managed;

/// <summary>
/// The owned flows of a managed host by their peer, which is its own next hop: there are no routers yet. Nobody is probed: MAC addresses are told.
/// </summary>
internal sealed class ManagedNextHops : INextHopWatch
{
    private readonly Lock _lock = new();
    private readonly HashSet<FlowKey> _flows = [];
    private Func<InternetAddress, MacAddress?>? _macOf;
    private Action<HostMessages.PathChanged>? _report;

    /// <param name="macOf">The MAC address that a peer has now; null when none was told.</param>
    /// <param name="report">Takes news. Called under the lock, so that the newest comes last; must not block.</param>
    public void ReportTo(Func<InternetAddress, MacAddress?> macOf, Action<HostMessages.PathChanged> report) =>
        (_macOf, _report) = (macOf, report);

    public void Watch(ReadOnlySpan<FlowKey> flows)
    {
        lock (_lock)
        {
            foreach (FlowKey flow in flows)
            {
                // What was told between the take-out and now reached nobody.
                _flows.Add(flow);
                Tell([flow], flow.RemoteAddress);
            }
        }
    }

    public void Forget(in FlowKey flow)
    {
        lock (_lock)
        {
            _flows.Remove(flow);
        }
    }

    public void ProbeAgain(in FlowKey flow)
    {
    }

    /// <summary>A peer may have another MAC address now.</summary>
    public void Changed(InternetAddress peer)
    {
        lock (_lock)
        {
            Tell([.. _flows.Where(flow => flow.RemoteAddress == peer)], peer);
        }
    }

    private void Tell(IReadOnlyCollection<FlowKey> flows, InternetAddress peer)
    {
        if (flows.Count > 0 && _macOf?.Invoke(peer) is { } mac)
        {
            _report?.Invoke(new HostMessages.PathChanged(flows, new PathNews { NextHopMac = mac }));
        }
    }
}
