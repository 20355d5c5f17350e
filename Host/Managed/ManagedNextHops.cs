using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Managed;

/// <summary>
/// The owned flows of a managed host by their peer, which is its own next hop: there are no routers yet. Nobody is probed: MAC addresses are told.
/// </summary>
internal sealed class ManagedNextHops : INextHopWatch
{
    private readonly Lock _lock = new();
    private readonly HashSet<FlowKey> _flows = [];

    public void Watch(in FlowKey flow)
    {
        lock (_lock)
        {
            _flows.Add(flow);
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

    public IReadOnlyCollection<FlowKey> FlowsTo(InternetAddress peer)
    {
        lock (_lock)
        {
            return [.. _flows.Where(flow => flow.RemoteAddress == peer)];
        }
    }
}
