using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.HostSide.Statistics;

/// <summary>Changes of state, of TCP and of the protocol above it.</summary>
public sealed record StateStatistics
{
    /// <summary>TCP's state now, as far as the host has seen.</summary>
    public required TcpState Tcp { get; init; }

    /// <summary>How often that was seen to change. What comes and goes between two looks, as a FIN that is acknowledged at once, may count as one.</summary>
    public required int TcpChanges { get; init; }

    /// <summary>How it gets on at its TOE; null: the stack has it.</summary>
    public ConnectionPhase? Phase { get; init; }

    /// <summary>Whether the peer has closed its half.</summary>
    public required bool IsInputEnded { get; init; }

    /// <summary>Whether the application has closed ours.</summary>
    public required bool IsOutputEnded { get; init; }

    /// <summary>What the application last said of its own protocol (<see cref="Connection.ReportState"/>); null: nothing.</summary>
    public required string? Upper { get; init; }

    /// <summary>How often it said something else than before.</summary>
    public required int UpperChanges { get; init; }
}
