using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Measuring;

/// <summary>All measured runs of a row, in the order in which they were made.</summary>
/// <param name="Row">What was measured.</param>
/// <param name="Runs">The runs by who was measured: the name of a <see cref="Contender"/> or of a peer.</param>
/// <param name="Notes">Peers that failed, and why.</param>
internal sealed record RowRuns(Row Row, IReadOnlyDictionary<string, IReadOnlyList<Figures>> Runs, IReadOnlyList<string> Notes)
{
    public const string Kernel = nameof(Contender.Kernel);
    public const string Engine = nameof(Contender.Engine);

    /// <summary>Those who are neither kernel nor engine.</summary>
    public IEnumerable<string> Peers => Runs.Keys.Where(who => who is not (Kernel or Engine));

    /// <summary>The figures of one measure; null where nobody of that name took it.</summary>
    public Summary? Of(string measure, string who) => Values(measure, who) is { Count: > 0 } values ? Summary.Of(values) : null;

    /// <summary>The engine's figure by the kernel's of the same pair; null without both, or where a kernel's is 0.</summary>
    public Summary? Ratio(string measure) =>
        Values(measure, Engine) is { Count: > 0 } engine && Values(measure, Kernel) is { } kernel && kernel.Count == engine.Count
        && kernel.All(value => value != 0)
            ? Summary.OfRatios(engine, kernel)
            : null;

    /// <summary>What floor and aim are held against: the ratio, or the engine's own figure where they bound that.</summary>
    public double? Judged(Measure measure) => measure.BoundsAreAbsolute ? Of(measure.Name, Engine)?.Median : Ratio(measure.Name)?.Median;

    private IReadOnlyList<double>? Values(string measure, string who) =>
        Runs.TryGetValue(who, out IReadOnlyList<Figures>? runs) && runs.All(run => run.ContainsKey(measure))
            ? [.. runs.Select(run => run[measure])]
            : null;
}
