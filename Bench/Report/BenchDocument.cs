using System.Text.Json;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Report;

/// <summary>Everything that was measured, raw, and where: what <c>--json</c> writes and <c>report</c> reads.</summary>
/// <param name="Machine">Where and of what.</param>
/// <param name="Rows">In the order measured.</param>
internal sealed record BenchDocument(MachineFacts Machine, IReadOnlyList<RowDocument> Rows)
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    public static BenchDocument Of(MachineFacts machine, IEnumerable<RowRuns> rows) => new(machine, [.. rows.Select(RowDocument.Of)]);

    public void Write(string file) => File.WriteAllText(file, JsonSerializer.Serialize(this, s_json) + "\n");

    /// <exception cref="BenchException">It is not such a file.</exception>
    public static BenchDocument Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize<BenchDocument>(File.ReadAllText(file), s_json) is { Machine: not null, Rows: not null } document
                ? document
                : throw new BenchException($"{file} is not what --json writes.");
        }
        catch (JsonException exception)
        {
            throw new BenchException($"{file} is not what --json writes: {exception.Message}", exception);
        }
    }
}

/// <summary>One row's runs, and what was made of them.</summary>
/// <param name="Name">The row's.</param>
/// <param name="Title">The row's.</param>
/// <param name="Measures">Medians and spreads, for whoever does not want to compute them again.</param>
/// <param name="Runs">Every run's figures, by who was measured.</param>
/// <param name="Notes">Peers that failed, and why.</param>
internal sealed record RowDocument(
    string Name, string Title, IReadOnlyList<MeasureDocument> Measures, IReadOnlyDictionary<string, IReadOnlyList<Figures>> Runs,
    IReadOnlyList<string> Notes)
{
    public static RowDocument Of(RowRuns row) => new(
        row.Row.Name, row.Row.Title, [.. row.Row.Measures.Select(measure => MeasureDocument.Of(row, measure))], row.Runs, row.Notes);

    /// <exception cref="BenchException">There is no such row any more.</exception>
    public RowRuns ToRuns() => new(Catalogue.Find(Name), Runs, Notes);
}

/// <summary>One measure of a row, summed up.</summary>
/// <param name="Name">Key in the runs' figures.</param>
/// <param name="Unit">For people.</param>
/// <param name="Better">Higher or lower.</param>
/// <param name="Floor">See <see cref="Measure"/>.</param>
/// <param name="Aim">See <see cref="Measure"/>.</param>
/// <param name="Medians">By who was measured.</param>
/// <param name="Ratio">Engine by kernel, the median over the pairs of runs.</param>
/// <param name="RatioMin">The smallest of the pairs.</param>
/// <param name="RatioMax">The largest of the pairs.</param>
internal sealed record MeasureDocument(
    string Name, string Unit, string Better, double? Floor, double? Aim, IReadOnlyDictionary<string, double> Medians,
    double? Ratio, double? RatioMin, double? RatioMax)
{
    public static MeasureDocument Of(RowRuns row, Measure measure)
    {
        Summary? ratio = row.Ratio(measure.Name);
        Dictionary<string, double> medians = row.Runs.Keys.Where(who => row.Of(measure.Name, who) is not null)
            .ToDictionary(who => who, who => row.Of(measure.Name, who)!.Value.Median, StringComparer.Ordinal);
        return new MeasureDocument(
            measure.Name, measure.Unit, measure.Better.ToString(), measure.Floor, measure.Aim, medians, ratio?.Median, ratio?.Min, ratio?.Max);
    }
}
