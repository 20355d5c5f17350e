namespace TcpActors.Bench.Moves;

/// <summary>Of a number of like measurements what one wants to know.</summary>
internal readonly record struct Distribution(int Count, double P50, double P90, double P99, double Max, double Min)
{
    /// <param name="values">In any order.</param>
    public static Distribution Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0
            ? default
            : new Distribution(sorted.Length, At(sorted, 0.5), At(sorted, 0.9), At(sorted, 0.99), sorted[^1], sorted[0]);
    }

    private static double At(double[] sorted, double share) => sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))];
}
