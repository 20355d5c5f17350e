using TcpActors.Engine.Wire;

namespace TcpActors.HostSide;

/// <summary>Watches the next hops of owned flows, and lets the kernel look after them as it would for flows of its own. Any thread.</summary>
internal interface INextHopWatch
{
    /// <summary>Changes of these flows' next hops are to be reported from now on.</summary>
    void Watch(ReadOnlySpan<FlowKey> flows);

    void Forget(in FlowKey flow);

    /// <summary>Segments to this flow's peer go unanswered: the neighbour is to be probed again.</summary>
    void ProbeAgain(in FlowKey flow);
}
