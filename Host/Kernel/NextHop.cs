using System.Net;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Kernel;

/// <summary>One next hop on one interface, shared by every peer that is reached over it.</summary>
internal sealed class NextHop(int linkIndex, IPAddress address, MacAddress? mac)
{
    private bool _awaitsAnswer;
    private Timer? _timer;

    public int LinkIndex { get; } = linkIndex;

    public IPAddress Address { get; } = address;

    /// <summary>Null until the kernel has found it out: meanwhile segments go where they went before.</summary>
    public MacAddress? Mac { get; set; } = mac;

    public HashSet<WatchedPeer> Peers { get; } = [];

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
