using TcpActors.Engine.State;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide.Policy;

/// <summary>What a policy is told when it is asked about a connection.</summary>
/// <param name="Connection">What is known of the connection.</param>
/// <param name="IsOffloaded">Whether a TOE has it.</param>
/// <param name="SinceMove">What it has done since its owner got it.</param>
/// <param name="Toe">The TOE that has it or would get it; null: none runs yet.</param>
public readonly record struct OffloadQuestion(ConnectionStatistics Connection, bool IsOffloaded, Work SinceMove, ToeStatistics? Toe)
{
    /// <summary>
    /// Why its TOE offers the connection back, which it could carry on with: an upload takes it, anything else declines (the patent's claim 24). None: it does not.
    /// </summary>
    public UploadReason Offered { get; init; }
}
