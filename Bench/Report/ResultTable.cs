using Spectre.Console;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Report;

/// <summary>The table on the terminal: a line for each measure of each row.</summary>
internal static class ResultTable
{
    public static Table Of(IEnumerable<RowRuns> rows)
    {
        Table table = new Table().AddColumns("row", "measure", "kernel", "engine", "ratio", "spread", "floor", "aim", "");
        foreach (RowRuns row in rows)
        {
            string name = row.Row.Name;
            foreach (Measure measure in row.Row.Measures)
            {
                Summary? ratio = row.Ratio(measure, nameof(Contender.Engine));
                Summary? engine = row.Of(measure, nameof(Contender.Engine));
                double? judged = measure.BoundsAreAbsolute ? engine?.Median : ratio?.Median;
                table.AddRow(
                    name,
                    $"{measure.Name}, {measure.Unit}",
                    Figure(row.Of(measure, nameof(Contender.Kernel))?.Median),
                    Figure(engine?.Median),
                    ratio is { } r ? $"{r.Median:F2}" : "",
                    ratio is { } s ? $"{s.Min:F2} to {s.Max:F2}" : "",
                    Bound(measure.Floor),
                    Bound(measure.Aim),
                    judged is { } value ? Verdict.Of(measure, value) : "");
                name = "";
            }
        }

        return table;
    }

    /// <summary>Three digits that count, and no more noise than that.</summary>
    public static string Figure(double? value) => value switch
    {
        null => "",
        >= 100 or <= -100 => $"{value:N0}",
        >= 10 => $"{value:F1}",
        >= 1 => $"{value:F2}",
        _ => $"{value:G3}",
    };

    private static string Bound(double? value) => value is { } bound ? Figure(bound) : "";
}
