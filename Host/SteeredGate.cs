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
    /// <summary>A flooded ring holds nobody up: then a late frame is what it would be on any network, late.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(20);

    public void Claim(in FlowKey flow)
    {
        // First a place to keep what comes, then what comes.
        engine.Flows.Claim(in flow);
        try
        {
            steering.Claim(in flow, incarnation);
        }
        catch (SteeringException)
        {
            Forward(in flow, static _ => { });
            throw;
        }
    }

    public void Release(in FlowKey flow) => steering.Release(in flow);

    public void Forward(in FlowKey flow, PacketSink sink)
    {
        if (engine.Flows.TryGet(in flow, out FlowEntry? entry))
        {
            entry.ForwardTo(sink);

            // Frames that were marked before the release may still be in the link's ring: the entry stays until they are through. So does the
            // caller, or what it does next could be answered before they are: a FIN that comes late to a socket that is closed draws an RST.
            var through = new TaskCompletionSource();
            engine.Loop.PostBarrier(() =>
            {
                engine.Flows.Retire(entry);
                through.SetResult();
            });
            through.Task.Wait(s_patience);
        }
    }
}
