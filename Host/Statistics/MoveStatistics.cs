using TcpActors.Engine.State;

namespace TcpActors.HostSide.Statistics;

/// <summary>How often a connection has changed its owner.</summary>
/// <param name="Count">Offloads and uploads together.</param>
/// <param name="SinceLast">Since the end of the last one; null: there was none.</param>
/// <param name="LastTook">How long that took the host, from when it was begun to when the new owner ran the connection; null: there was none.</param>
public readonly record struct MoveStatistics(int Count, Microseconds? SinceLast, Microseconds? LastTook);
