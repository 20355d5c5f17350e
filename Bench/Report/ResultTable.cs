using Spectre.Console;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Report;

/// <summary>The table on the terminal: a line for each measure of each row.</summary>
internal static class ResultTable
{
    public static Table Of(IReadOnlyList<RowRuns> rows)
    {
        string[] peers = [.. rows.SelectMany(row => row.Peers).Distinct(StringComparer.Ordinal)];
        string[] columns = ["row", "measure", "kernel", "engine", "engine / kernel", "spread", "floor", "aim", "", .. peers];
        Table table = new Table().Border(TableBorder.Rounded).AddColumns(columns);
        foreach (RowRuns row in rows)
        {
            string name = row.Row.Name;
            foreach (Measure measure in row.Row.Measures)
            {
                Summary? ratio = row.Ratio(measure.Name);
                string[] cells =
                [
                    name,
                    $"{measure.Name}, {measure.Unit}",
                    Figure.Of(row.Of(measure.Name, RowRuns.Kernel)?.Median),
                    Figure.Of(row.Of(measure.Name, RowRuns.Engine)?.Median),
                    Figure.Ratio(ratio),
                    Figure.Spread(ratio, row.Of(measure.Name, RowRuns.Engine)),
                    Figure.Of(measure.Floor),
                    Figure.Of(measure.Aim),
                    row.Judged(measure) is { } value ? Verdict.Of(measure, value) : "",
                    .. peers.Select(peer => Figure.Of(row.Of(measure.Name, peer)?.Median)),
                ];
                table.AddRow([.. cells.Select(cell => new Text(cell))]);
                name = "";
            }
        }

        return table;
    }
}
