using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Measuring;

/// <summary>All measured runs of a row, in the order in which they were made.</summary>
/// <param name="Row">What was measured.</param>
/// <param name="Runs">The runs by who was measured: the name of a <see cref="Contender"/> or of a peer.</param>
internal sealed record RowRuns(Row Row, IReadOnlyDictionary<string, IReadOnlyList<Figures>> Runs)
{
    /// <summary>The figures of one measure; null where nobody of that name took it.</summary>
    public Summary? Of(Measure measure, string who) =>
        Values(measure, who) is { Count: > 0 } values ? Summary.Of(values) : null;

    /// <summary>Somebody's figure by the kernel's of the same pair; null without both.</summary>
    public Summary? Ratio(Measure measure, string who) =>
        Values(measure, who) is { Count: > 0 } values && Values(measure, nameof(Contender.Kernel)) is { } kernel && kernel.Count == values.Count
            ? Summary.OfRatios(values, kernel)
            : null;

    private IReadOnlyList<double>? Values(Measure measure, string who) =>
        Runs.TryGetValue(who, out IReadOnlyList<Figures>? runs) && runs.All(run => run.ContainsKey(measure.Name))
            ? [.. runs.Select(run => run[measure.Name])]
            : null;
}
