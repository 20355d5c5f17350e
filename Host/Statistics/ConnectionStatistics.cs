using TcpActors.Engine.State;

namespace TcpActors.HostSide.Statistics;

/// <summary>
/// What was counted and measured of one connection since it was set up, whoever owned it: a copy, which nothing changes any more. Each figure
/// is right by itself; as nobody is stopped for it, they are not all of one instant.
/// </summary>
public sealed record ConnectionStatistics
{
    /// <summary>When it was looked at, on the host's monotonic clock: the difference of two is the time between them.</summary>
    public required Microseconds At { get; init; }

    /// <summary>Since the host has the connection.</summary>
    public required Microseconds Age { get; init; }

    /// <summary>Since bytes were last seen to move in either direction, to within the sampling interval; while none has moved, the age.</summary>
    public required Microseconds Idle { get; init; }

    public required Traffic Received { get; init; }

    public required Traffic Sent { get; init; }

    public required ErrorStatistics Errors { get; init; }

    /// <summary>Whether bytes move faster or slower than before, both directions together.</summary>
    public required RateTrend Trend { get; init; }

    public required StateStatistics State { get; init; }

    public required ResourceStatistics Resources { get; init; }

    public required MoveStatistics Moves { get; init; }

    /// <summary>What its application calls it (<see cref="Connection.Tags"/>).</summary>
    public required IReadOnlyList<string> Tags { get; init; }

    /// <summary>How much it matters to its application (<see cref="Connection.Priority"/>).</summary>
    public required int Priority { get; init; }
}
