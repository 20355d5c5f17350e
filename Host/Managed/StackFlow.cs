using TcpActors.Actors.Scheduling;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Managed;

/// <summary>
/// One entry of a managed stack's connection table: a handshake, a connection, or what TIME-WAIT remembers of one. It has one timer.
/// Segments and the timer come on the receiving thread, segments that a TOE hands back on a worker.
/// </summary>
internal abstract class StackFlow(ManagedStack stack, FlowKey flow) : TimerEntry
{
    public FlowKey Flow => flow;

    public abstract TcpState State { get; }

    protected ManagedStack Stack => stack;

    /// <param name="ipPacket">The packet, whole.</param>
    /// <param name="segment">What it carries.</param>
    /// <param name="now">When it came.</param>
    /// <returns>False when this entry has meanwhile left the table: the segment belongs to what took its place.</returns>
    public abstract bool TryReceive(ReadOnlySpan<byte> ipPacket, in TcpSegment segment, Microseconds now);

    /// <summary>The stack ends: leaves at once.</summary>
    public abstract void Abandon();
}
