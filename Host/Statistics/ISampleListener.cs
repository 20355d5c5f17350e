using TcpActors.Engine.State;

namespace TcpActors.HostSide.Statistics;

/// <summary>
/// Hears of samples as they are taken, from the one thread at a time that takes them; what it does there holds up the other samples and nothing
/// else. What it throws is logged and ends nothing.
/// </summary>
internal interface ISampleListener
{
    /// <summary>Whether it wants to hear of this connection; asked before the statistics are made.</summary>
    bool Wants(Connection connection);

    /// <summary>
    /// A connection was sampled: each time while it moves bytes, once more when it has stopped, and after that every ten intervals.
    /// </summary>
    /// <param name="connection">Which.</param>
    /// <param name="statistics">What is known of it.</param>
    /// <param name="offered">Why its TOE has offered it just now; None: it has not, and this is a sample like any other.</param>
    void Sampled(Connection connection, ConnectionStatistics statistics, UploadReason offered);

    /// <summary>All connections were sampled: these are the resources.</summary>
    void Sampled(IReadOnlyList<ToeStatistics> toes);
}
