using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide;

/// <summary>One connection as the host knows it at one moment: who owns it, every variable of the three sets, and what was counted.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Owner">The stack's name (<c>kernel</c>, <c>managed</c>), the TOE's name, or <c>moving</c>.</param>
/// <param name="Epoch">How often its variables changed hands.</param>
/// <param name="Connection">Connection-invariant variables; null until it was offloaded for the first time.</param>
/// <param name="Segment">Segment-invariant variables; null until it was offloaded for the first time.</param>
/// <param name="Variants">Segment-variant variables, times as times remaining.</param>
/// <param name="Local">Our address and port.</param>
/// <param name="Remote">The peer's address and port.</param>
/// <param name="LastRefusal">Why the last offload asked for did not happen; null when it did.</param>
/// <param name="Statistics">What it has moved, what went wrong, what it uses.</param>
public sealed record ConnectionReport(
    ConnectionId Id,
    string Owner,
    Epoch Epoch,
    ConnectionInvariants? Connection,
    SegmentInvariants? Segment,
    SegmentVariants Variants,
    System.Net.IPEndPoint Local,
    System.Net.IPEndPoint Remote,
    string? LastRefusal,
    ConnectionStatistics Statistics);

/// <summary>What became of the moves that were asked for.</summary>
/// <param name="Moved">Connections that changed hands.</param>
/// <param name="Unmoved">Connections that were where they were wanted, or that ended meanwhile.</param>
/// <param name="Refused">Connections that could not be moved, with the reason.</param>
public sealed record MoveResult(int Moved, int Unmoved, IReadOnlyList<Refusal> Refused)
{
    /// <summary>For people: how many moved, and why the others did not.</summary>
    public override string ToString() =>
        $"{Moved} moved, {Unmoved} not, {Refused.Count} refused{string.Concat(Refused.Select(each => $"; {each.Connection}: {each.Reason}"))}";
}

/// <summary>Why a connection was not offloaded.</summary>
public readonly record struct Refusal(ConnectionId Connection, string Reason);
