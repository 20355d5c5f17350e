namespace TcpActors.Bench.Rows;

/// <summary>Which of two figures one would rather have.</summary>
internal enum Better
{
    Higher,
    Lower,
}

/// <summary>One figure that a row gives.</summary>
/// <param name="Name">Its key in a run's figures, such as <c>p99</c>.</param>
/// <param name="Unit">For people.</param>
/// <param name="Better">Which way is up.</param>
/// <param name="Floor">The ratio to the kernel that must be held; null where none was set.</param>
/// <param name="Aim">The ratio to the kernel that is aimed at; null where none was set.</param>
internal sealed record Measure(string Name, string Unit, Better Better, double? Floor = null, double? Aim = null)
{
    /// <summary>Floor and aim are bounds of the figure itself (bytes, milliseconds) and not of a ratio.</summary>
    public bool BoundsAreAbsolute { get; init; }

    /// <returns>Whether the value is at least as good as the bound; null without a bound.</returns>
    public bool? Meets(double value, double? bound) => bound is not { } limit
        ? null
        : Better == Better.Higher ? value >= limit : value <= limit;
}
