using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide;

/// <summary>What is different on the way to a peer, as the host's stack would take it for a connection of its own. Null: as it was.</summary>
internal sealed record PathNews
{
    public static PathNews None { get; } = new();

    /// <summary>Our interface's MAC address.</summary>
    public MacAddress? SourceMac { get; init; }

    public MacAddress? NextHopMac { get; init; }

    public MtuChange? FirstHopMtu { get; init; }

    /// <summary>False while there is no route, or our address is not ours: nothing can be sent, and nothing would come back.</summary>
    public bool? IsUsable { get; init; }

    /// <summary>Segments have to leave by another interface.</summary>
    public bool IsElsewhere { get; init; }

    /// <summary>The next version of a connection's variables, without its number.</summary>
    public SegmentInvariants ApplyTo(SegmentInvariants old, ConnectionInvariants connection)
    {
        int mtu = FirstHopMtu?.ApplyTo(old.PathMtu) ?? old.PathMtu;
        return old with
        {
            SourceMac = SourceMac ?? old.SourceMac,
            NextHopMac = NextHopMac ?? old.NextHopMac,
            PathMtu = mtu,
            EffectiveMss = mtu == old.PathMtu ? old.EffectiveMss : connection.EffectiveMss(mtu),
            IsPathUsable = IsUsable ?? old.IsPathUsable,
        };
    }
}

/// <summary>The largest IP packet that our own interface and route take, before and after; bytes.</summary>
internal readonly record struct MtuChange(int Former, int Now)
{
    /// <summary>
    /// A path is no wider than its first hop. It gets wider with it only where that was all that held it: RFC 1191 3 and RFC 8201 4
    /// start from the first hop, and a router that takes less will say so. What a router has said holds, as ten minutes (RFC 1191 6.3,
    /// RFC 8201 5.3) are not over, or nobody knows whether they are; the next move asks the stack.
    /// </summary>
    public int ApplyTo(int pathMtu) => Now < pathMtu || pathMtu == Former ? Now : pathMtu;
}
