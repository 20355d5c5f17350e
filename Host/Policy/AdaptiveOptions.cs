using TcpActors.Engine.State;

namespace TcpActors.HostSide.Policy;

/// <summary>By what the <see cref="AdaptivePolicy"/> goes.</summary>
public sealed record AdaptiveOptions
{
    /// <summary>A connection with this tag is never offloaded by the policy, and brought back if it is.</summary>
    public const string NeverTag = "offload:never";

    /// <summary>A connection with this tag need not earn its offload.</summary>
    public const string AtOnceTag = "offload:at-once";

    /// <summary>What work and moves cost.</summary>
    public CostModel Costs { get; init => field = OptionValue.Given(value); } = CostModel.Measured;

    /// <summary>
    /// How much more a connection with a tag is expected to save than its past says: 0 never anything, 2 twice as much, infinity enough in any case. With
    /// several tags the factors multiply; 0 wins.
    /// </summary>
    public IReadOnlyDictionary<string, double> TagFactors { get; init => field = OptionValue.Given(value); } = new Dictionary<string, double>(StringComparer.Ordinal)
    {
        [NeverTag] = 0,
        [AtOnceTag] = double.PositiveInfinity,
    };

    /// <summary>How long an offloaded connection may move nothing before it is brought back: its place and its memory on the TOE are for others.</summary>
    public Microseconds MostIdle { get; init; } = Microseconds.FromSeconds(120);

    /// <summary>The same while the TOE is nearly full or memory is scarce.</summary>
    public Microseconds MostIdleWhenScarce { get; init; } = Microseconds.FromSeconds(10);

    /// <summary>The part of a TOE's places, or of the memory for buffers, from which on it is scarce: 0 to 1.</summary>
    public double Scarce { get; init => field = OptionValue.Within(value, 0, 1); } = 0.9;
}
