using System.Collections.Concurrent;
using Akka.Actor;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;

namespace TcpActors.Specs.Host;

/// <summary>A book of paths that a spec writes: every connection has a path of its own, over one next hop.</summary>
internal sealed class ScriptedPaths : IPathWatch
{
    private readonly ConcurrentDictionary<PathId, NetworkPath> _paths = new();
    private long _lastId;

    /// <summary>Hears what is new.</summary>
    public IActorRef Supervisor { get; set; } = ActorRefs.Nobody;

    public Neighbor Neighbor { get; private set; } = new() { Id = new NeighborId(1), Mac = default };

    /// <summary>How often a TOE has seen that the next hop is there.</summary>
    public int Confirmations { get; private set; }

    public NetworkPath Add(int mtu)
    {
        var path = new NetworkPath { Id = new PathId(Interlocked.Increment(ref _lastId)), Neighbor = Neighbor.Id, Mtu = mtu };
        _paths[path.Id] = path;
        return path;
    }

    /// <summary>The next hop is another now.</summary>
    public void Change(Func<Neighbor, Neighbor> change)
    {
        Neighbor = change(Neighbor) with { Version = Neighbor.Version + 1 };
        Supervisor.Tell(new HostMessages.PathChanged([Neighbor], [], []));
    }

    /// <summary>A path is another now.</summary>
    public void Change(PathId id, Func<NetworkPath, NetworkPath> change)
    {
        NetworkPath next = _paths[id] = change(_paths[id]) with { Version = _paths[id].Version + 1 };
        Supervisor.Tell(new HostMessages.PathChanged([], [next], []));
    }

    public void Watch(ReadOnlySpan<FlowKey> flows)
    {
    }

    public void Forget(in FlowKey flow)
    {
    }

    public void ProbeAgain(in FlowKey flow)
    {
    }

    public void Confirm(NeighborId neighbor) => Confirmations++;

    public void LearnMtu(PathId path, int mtu)
    {
        if (mtu < _paths[path].Mtu)
        {
            Change(path, known => known with { Mtu = mtu });
        }
    }
}
