using TcpActors.Engine.State;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide.Policy;

/// <summary>
/// Offloads a connection when what a TOE can be expected to save with it repays the two moves that an offload costs, and brings it back when it does not
/// pay any more. What is still to come is taken to be as much as has been: of connections whose sizes have a heavy tail, one that has moved n bytes
/// moves about n more. That is also the answer to "rent or buy" (Karlin et al., Competitive Snoopy Caching, 1988): by waiting a long connection loses no
/// more than its moves cost, and a short one is not moved, so whatever sizes come, both together are within twice of what hindsight would have paid.
/// </summary>
/// <param name="options">Costs, tags and limits.</param>
public sealed class AdaptivePolicy(AdaptiveOptions options) : IOffloadPolicy
{
    /// <summary>Bytes after which somebody asks for the first time; from there on at each doubling.</summary>
    private const long FirstLook = 4096;

    /// <summary>Beyond that a sample each interval is often enough.</summary>
    private const long LastLook = 64L << 20;

    // A trend doubles or halves what is expected; it is a matter of seconds and says no more.
    private const double MostTrend = 2;
    private const double LeastTrend = 0.5;

    public string Name => "adaptive";

    public long AskAfterBytes => FirstLook;

    public Decision Decide(in OffloadQuestion question) => question.IsOffloaded ? Keep(in question) : Take(in question);

    /// <summary>About a connection of the host's.</summary>
    private Decision Take(in OffloadQuestion question)
    {
        ConnectionStatistics connection = question.Connection;
        double factor = FactorOf(connection);
        if (factor == 0)
        {
            return Stay("its tags keep it here", question);
        }

        if (question.Toe is { IsLinkUp: false })
        {
            return Stay("the TOE's link is down", question);
        }

        if (IsMemoryScarce(question.Toe))
        {
            return Stay("memory is scarce", question);
        }

        double expected = Expected(in question, factor);
        return expected >= options.Costs.Moves
            ? new Decision(Wish.Offload, Worth(connection), $"it will save {expected:F0} µs for {options.Costs.Moves:F0}")
            : Stay("it has not earned a move", question);
    }

    /// <summary>About a connection that a TOE has.</summary>
    private Decision Keep(in OffloadQuestion question)
    {
        ConnectionStatistics connection = question.Connection;
        double factor = FactorOf(connection);
        if (factor == 0)
        {
            return new Decision(Wish.Upload, Worth(connection), "its tags keep it in the stack");
        }

        bool isScarce = IsMemoryScarce(question.Toe) || IsNearlyFull(question.Toe);
        if (connection.Idle >= (isScarce ? options.MostIdleWhenScarce : options.MostIdle))
        {
            return new Decision(Wish.Upload, 0, $"it has moved nothing for {connection.Idle.ToTimeSpan().TotalSeconds:F0} s");
        }

        // The other way round the same reckoning: what it has cost too much since it came is what it will cost too much. Where the TOE itself sees that something is
        // wrong, it need not have cost as much as the way back.
        double most = question.Offered == UploadReason.None ? options.Costs.Moves : 0;
        return options.Costs.Saved(question.SinceMove) <= -most && !double.IsInfinity(factor)
            ? new Decision(Wish.Upload, Worth(connection), question.Offered == UploadReason.None ? "it costs more than in the stack" : $"the TOE offers it: {question.Offered}")
            : new Decision(Wish.Stay, Worth(connection), "it pays");
    }

    /// <summary>What a TOE would save with what is still to come, in µs.</summary>
    private double Expected(in OffloadQuestion question, double factor)
    {
        if (double.IsPositiveInfinity(factor))
        {
            return factor;
        }

        // It will live about as long as it has lived, and what it did fast at first it may do slowly now.
        ConnectionStatistics connection = question.Connection;
        double earned = options.Costs.Saved(question.SinceMove) * Math.Clamp(connection.Trend.Ratio, LeastTrend, MostTrend);
        return factor * Math.Min(earned, Worth(connection) * connection.Age.Value / 1_000_000);
    }

    /// <summary>What a TOE saves in a second at the present rate, in µs.</summary>
    private double Worth(ConnectionStatistics connection) => options.Costs.Saved(Work.OfSecond(connection));

    private double FactorOf(ConnectionStatistics connection)
    {
        double factor = 1;
        foreach (string tag in connection.Tags)
        {
            if (options.TagFactors.TryGetValue(tag, out double of))
            {
                if (of == 0)
                {
                    return 0;
                }

                factor *= of;
            }
        }

        return factor;
    }

    private Decision Stay(string reason, in OffloadQuestion question)
    {
        ConnectionStatistics connection = question.Connection;
        long bytes = connection.Received.Bytes + connection.Sent.Bytes;
        return new Decision(Wish.Stay, 0, reason)
        {
            AskAgainAt = bytes < LastLook ? Math.Max(FirstLook, 2 * bytes) : long.MaxValue,
        };
    }

    private bool IsMemoryScarce(ToeStatistics? toe) =>
        toe is not null && toe.BufferMemoryUsed >= options.Scarce * toe.BufferMemoryLimit;

    private bool IsNearlyFull(ToeStatistics? toe) => toe is not null && toe.Connections >= options.Scarce * toe.Capacity;
}
