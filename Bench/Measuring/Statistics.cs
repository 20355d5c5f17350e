namespace TcpActors.Bench.Measuring;

/// <summary>The bench's own arithmetic.</summary>
internal static class Statistics
{
    /// <summary>The middle one, or the mean of the two in the middle.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0)
        {
            throw new ArgumentException("No values have no median.", nameof(values));
        }

        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>The smallest value that at least that share of all values does not exceed (nearest rank).</summary>
    /// <param name="sorted">In ascending order, at least one.</param>
    /// <param name="share">Between 0 and 1.</param>
    public static double Percentile(IReadOnlyList<float> sorted, double share) =>
        sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Count) - 1, 0, sorted.Count - 1)];
}
