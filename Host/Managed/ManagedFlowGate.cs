using TcpActors.Engine.Wire;
using TcpActors.Transport.Receive;

namespace TcpActors.HostSide.Managed;

/// <summary>
/// The gate of a link on which no kernel stands: a claimed flow is in the TOE's flow table, every other frame goes to the managed stack, so
/// one look-up by the dispatcher decides.
/// </summary>
/// <param name="flows">The flow table of the TOE on that link.</param>
internal sealed class ManagedFlowGate(FlowTable flows) : IFlowGate
{
    public void Claim(ReadOnlySpan<FlowKey> claimed)
    {
        foreach (FlowKey flow in claimed)
        {
            flows.Claim(in flow);
        }
    }

    /// <summary>Nothing yet: what comes is still kept behind what came before, until <see cref="Forward"/> hands over both.</summary>
    public void Release(ReadOnlySpan<FlowKey> released)
    {
    }

    public Task Forward(in FlowKey flow, PacketSink sink)
    {
        if (flows.TryGet(in flow, out FlowEntry? entry))
        {
            entry.ForwardTo(sink);
            flows.Retire(entry);
        }

        return Task.CompletedTask;
    }
}
