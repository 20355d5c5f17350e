using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Managed;

/// <summary>A connection that a listener was asked for: SYN-RECEIVED from the start.</summary>
internal sealed class PassiveOpening(ManagedStack stack, FlowKey flow, ManagedListener listener) : Opening(stack, flow)
{
    public ManagedListener Listener => listener;

    protected override int MaxRetransmissions => Stack.Options.MaxSynAckRetransmissions;

    /// <summary>RFC 9293 3.10.7.2, third: answers the SYN. Text that came with it is not acknowledged, so it comes again.</summary>
    public void Open(in TcpSegment syn, Microseconds now)
    {
        lock (Lock)
        {
            EnterSynReceived(in syn);
            Begin(now);
        }
    }

    protected override ManagedHalf? InSynSent(in TcpSegment segment, Microseconds now)
    {
        // Another thread's segment, between the entry in the table and Open.
        ManagedStackCounters.Count(ref Stack.Counters.Ignored);
        return null;
    }

    protected override void Established(ManagedHalf half) => listener.Deliver(half);

    /// <summary>RFC 9293 3.10.7.4, second and fourth: back to LISTEN, and nobody is told.</summary>
    protected override void Failed(SocketError error) => listener.Leave();
}
