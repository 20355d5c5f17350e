using TcpActors.Engine.State;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// Bursty loss by the model of Gilbert and Elliott (Elliott, Bell System Technical Journal 42, 1963): a channel that is good or bad, and
/// changes between the two at each frame.
/// </summary>
/// <param name="ToBad">Probability to become bad.</param>
/// <param name="ToGood">Probability to become good again: its inverse is the mean length of a burst in frames.</param>
/// <param name="LossWhenGood">Loss while good.</param>
/// <param name="LossWhenBad">Loss while bad.</param>
internal sealed record Burst(double ToBad, double ToGood, double LossWhenGood = 0, double LossWhenBad = 1)
{
    /// <summary>
    /// After so long without a frame the channel is good: counted in frames alone, a burst would outlive any number of retransmissions.
    /// </summary>
    public Microseconds Memory { get; init; } = Microseconds.FromSeconds(1);

    /// <summary>The loss in the long run.</summary>
    public double MeanLoss => ((ToBad * LossWhenBad) + (ToGood * LossWhenGood)) / (ToBad + ToGood);
}

/// <summary>A time in which nothing passes.</summary>
/// <param name="From">The world's time.</param>
/// <param name="Until">The first moment after it.</param>
internal readonly record struct Blackout(Microseconds From, Microseconds Until);

/// <summary>What a <see cref="FaultyLink"/> does to the frames it sends; probabilities are 0 to 1 and for each frame by itself.</summary>
internal sealed record Faults
{
    public static Faults None { get; } = new();

    public double Loss { get; init; }

    /// <summary>Loss in bursts, besides <see cref="Loss"/>.</summary>
    public Burst? Burst { get; init; }

    /// <summary>Of being held back by up to <see cref="ReorderDelay"/> while others pass.</summary>
    public double Reordering { get; init; }

    public Microseconds ReorderDelay { get; init; } = Microseconds.FromMilliseconds(10);

    public double Duplication { get; init; }

    /// <summary>
    /// Of one byte being changed, with the checksum left as it was: every receiver can tell (RFC 1071: a burst of up to 15 bits).
    /// </summary>
    public double Corruption { get; init; }

    /// <summary>
    /// Of one byte of the TCP header behind the ports being changed and the checksum made to fit: no receiver can tell, and the stream may
    /// come to harm. For specs of what survives anything, not of what arrives.
    /// </summary>
    public double MendedCorruption { get; init; }

    /// <summary>Of losing its end.</summary>
    public double Truncation { get; init; }

    /// <summary>The largest IP packet that passes, in bytes; larger ones vanish in silence (a black hole of RFC 4821). 0: all pass.</summary>
    public int Passes { get; init; }

    public IReadOnlyList<Blackout> Blackouts { get; init; } = [];
}

/// <summary>How often each fault has befallen a frame.</summary>
internal struct FaultCounters
{
    public long Lost;
    public long LostInBursts;
    public long BlackedOut;
    public long Swallowed;
    public long Reordered;
    public long Duplicated;
    public long Corrupted;
    public long Mended;
    public long Truncated;
}
