using System.Net;
using TcpActors.Engine.State;

namespace TcpActors.HostSide.Kernel;

/// <summary>One next hop on one interface, shared by every peer that is reached over it. Changed under the lock of <see cref="WatchedPaths"/>.</summary>
internal sealed class NextHop(NeighborId id, int linkIndex, IPAddress address)
{
    private bool _awaitsAnswer;
    private Timer? _timer;

    public NeighborId Id { get; } = id;

    public int LinkIndex { get; } = linkIndex;

    public IPAddress Address { get; } = address;

    /// <summary>As TOEs know it. Null until the kernel has found out its MAC address: meanwhile segments go where they went before.</summary>
    public Neighbor? Neighbor { get; set; }

    /// <summary>The peers that are reached over it, and those that will be when it is known.</summary>
    public HashSet<WatchedPeer> Peers { get; } = [];

    /// <summary>The kernel had no answer from it, and has asked everybody.</summary>
    public bool HasFailed { get; set; }

    /// <summary>It was asked lately whether it is still there.</summary>
    public bool IsProbed { get; set; }

    /// <summary>A flow over it suspected it again meanwhile.</summary>
    public bool IsSuspectAgain { get; set; }

    /// <summary>It was asked at the address we know, and has not answered.</summary>
    public bool AwaitsAnswer
    {
        get => Volatile.Read(ref _awaitsAnswer);
        set => Volatile.Write(ref _awaitsAnswer, value);
    }

    public void After(TimeSpan time, Action<NextHop> act)
    {
        _timer?.Dispose();
        _timer = new Timer(_ => act(this), null, time, Timeout.InfiniteTimeSpan);
    }
}
