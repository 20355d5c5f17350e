using TcpActors.Engine.State;
using TcpActors.Specs.Host;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// A managed stack, with a TOE or without, that acts in a world: its receive loop and its timer wheel run when something is due.
/// </summary>
internal sealed class ManagedNode(ManagedSide side) : INode, IDisposable
{
    public ManagedSide Side => side;

    public string Name => side.Tap.Name;

    public Microseconds NextDeadline => side.Wheel.Earliest;

    public void Run()
    {
        while (side.Step() > 0)
        {
        }
    }

    public void Dispose()
    {
        side.Stack.Dispose();
        side.Loop.Dispose();
    }

    public override string ToString() => $"{Name}: {side.Stack.Count} connections, next due at {NextDeadline}";
}
