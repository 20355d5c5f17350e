namespace TcpActors.Bench.Measuring;

/// <summary>Figures of several runs in one: the middle one, and how far they lie apart.</summary>
internal readonly record struct Summary(double Median, double Min, double Max)
{
    /// <param name="values">At least one.</param>
    public static Summary Of(IReadOnlyCollection<double> values) => new(Statistics.Median(values), values.Min(), values.Max());

    /// <summary>
    /// The ratios of runs that were made next to each other: what the machine did meanwhile to both of a pair cancels out. Not the ratio of
    /// the medians.
    /// </summary>
    /// <param name="values">The numerators, in order.</param>
    /// <param name="others">As many denominators, in the same order.</param>
    public static Summary OfRatios(IReadOnlyList<double> values, IReadOnlyList<double> others) => values.Count == others.Count
        ? Of([.. values.Zip(others, (value, other) => value / other)])
        : throw new ArgumentException("Each value needs the one it was measured beside.", nameof(others));
}
