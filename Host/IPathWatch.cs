using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide;

/// <summary>
/// The host's book of next hops and paths: writes them (the patent's segment-invariant variables are the host's), follows what becomes of those of
/// owned flows, and tells the supervisor by <see cref="HostMessages.PathChanged"/>. Any thread.
/// </summary>
internal interface IPathWatch
{
    /// <summary>
    /// TOEs have these flows by now: what has changed since their variables were taken out is told, and from now on every change.
    /// </summary>
    void Watch(ReadOnlySpan<FlowKey> flows);

    void Forget(in FlowKey flow);

    /// <summary>Segments to this flow's peer go unanswered: the neighbour is to be probed again.</summary>
    void ProbeAgain(in FlowKey flow);

    /// <summary>A TOE has seen that the next hop is there: the stack need not ask it (RFC 4861 7.3.1).</summary>
    void Confirm(NeighborId neighbor);

    /// <summary>The path takes no larger IP packets than that; bytes.</summary>
    void LearnMtu(PathId path, int mtu);
}
