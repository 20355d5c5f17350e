using TcpActors.Actors;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Receive;
using TcpActors.Transport.Steering;

namespace TcpActors.HostSide;

/// <summary>The gate of one TOE on a kernel host: the flow table says what the TOE keeps, the steering what reaches it.</summary>
/// <param name="engine">The TOE.</param>
/// <param name="steering">Marks and fences the flows of this host.</param>
/// <param name="incarnation">What the TOE's link marks its frames with.</param>
internal sealed class SteeredGate(OffloadEngine engine, ISteering steering, uint incarnation) : IFlowGate
{
    public void Claim(ReadOnlySpan<FlowKey> flows)
    {
        // First a place to keep what comes, then what comes.
        foreach (FlowKey flow in flows)
        {
            engine.Flows.Claim(in flow);
        }

        try
        {
            steering.Claim(flows, incarnation);
        }
        catch (SteeringException)
        {
            // Some may have been claimed.
            steering.Release(flows);
            foreach (FlowKey flow in flows)
            {
                _ = Forward(in flow, static _ => { });
            }

            throw;
        }
    }

    public void Release(ReadOnlySpan<FlowKey> flows) => steering.Release(flows);

    public Task Forward(in FlowKey flow, PacketSink sink)
    {
        if (!engine.Flows.TryGet(in flow, out FlowEntry? entry))
        {
            return Task.CompletedTask;
        }

        entry.ForwardTo(sink);

        // Frames that were marked before the release may still be in the link's ring: the entry stays until they are through. So does who
        // would end the connection, or that could be answered before they are: a FIN that comes late to a closed socket draws an RST.
        var through = new TaskCompletionSource();
        engine.PostBarrier(() =>
        {
            engine.Flows.Retire(entry);
            through.SetResult();
        });
        return through.Task;
    }
}
