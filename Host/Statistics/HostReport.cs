namespace TcpActors.HostSide.Statistics;

/// <summary>Everything a host knows at one moment: its resources, and each connection with its owner, its variables and its statistics.</summary>
/// <param name="At">When it was asked.</param>
/// <param name="Toes">Its TOEs.</param>
/// <param name="Connections">Its connections, in no order.</param>
public sealed record HostReport(DateTimeOffset At, IReadOnlyList<ToeStatistics> Toes, IReadOnlyList<ConnectionReport> Connections);
