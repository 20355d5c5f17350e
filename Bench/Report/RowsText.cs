using System.Globalization;
using System.Text;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Report;

/// <summary>The rows as Markdown tables.</summary>
internal static class RowsText
{
    public static string Of(BenchDocument document)
    {
        MachineFacts machine = document.Machine;
        RowRuns[] rows = [.. document.Rows.Select(row => row.ToRuns())];
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            {machine.Where}
            Command: `dotnet run --project Bench -c Release -- {machine.Command}`.
            Medians of {machine.Runs} run{(machine.Runs == 1 ? "" : "s")} of {machine.Seconds} s after one to warm up; a ratio is the median over pairs of neighbouring runs, its
            spread their smallest and largest.

            """);
        Headlines(text, rows);
        Others(text, rows);
        Cpu(text, rows);
        foreach (string note in rows.SelectMany(row => row.Notes))
        {
            text.Append(CultureInfo.InvariantCulture, $"\nLeft out: {note.ReplaceLineEndings(" ")}\n");
        }

        return text.Append('\n').ToString();
    }

    private static void Headlines(StringBuilder text, RowRuns[] rows)
    {
        string[] peers = [.. rows.SelectMany(row => row.Peers).Distinct(StringComparer.Ordinal)];
        Line(text, []);
        Header(text, ["row", "measure", "kernel", "engine", "ratio", "spread", "floor", "aim", "", .. peers]);
        foreach (RowRuns row in rows)
        {
            Measure measure = row.Row.Measures[0];
            Line(text,
            [
                row.Row.Title, $"{measure.Name}, {measure.Unit}", .. Cells(row, measure), Figure.Of(measure.Floor), Figure.Of(measure.Aim),
                row.Judged(measure) is { } value ? Verdict.Of(measure, value) : "",
                .. peers.Select(peer => Figure.Of(row.Of(measure.Name, peer)?.Median)),
            ]);
        }
    }

    private static void Others(StringBuilder text, RowRuns[] rows)
    {
        text.Append("\nWhat else the same runs say. A CPU second is one of the serving process (user and system), a machine CPU second one of all\n"
            + "processes and interrupts: a veth's work is charged to whoever is running.\n\n");
        Header(text, ["row", "measure", "kernel", "engine", "ratio", "spread", "floor", ""]);
        foreach (RowRuns row in rows)
        {
            foreach (Measure measure in row.Row.Measures.Skip(1))
            {
                Line(text,
                [
                    row.Row.Title, $"{measure.Name}, {measure.Unit}", .. Cells(row, measure), Figure.Of(measure.Floor),
                    row.Judged(measure) is { } value ? Verdict.Of(measure, value) : "",
                ]);
            }
        }
    }

    private static void Cpu(StringBuilder text, RowRuns[] rows)
    {
        text.Append("\nCPU seconds for each second measured: the serving process in user mode and in the kernel, and the whole machine.\n\n");
        Header(text, ["row", "kernel: user", "system", "machine", "engine: user", "system", "machine"]);
        foreach (RowRuns row in rows.Where(row => row.Of(Figures.Machine, RowRuns.Engine) is not null))
        {
            Line(text, [row.Row.Title, .. Shares(row, RowRuns.Kernel), .. Shares(row, RowRuns.Engine)]);
        }
    }

    private static IEnumerable<string> Shares(RowRuns row, string who) =>
        ((string[])[Figures.ServerUser, Figures.ServerSystem, Figures.Machine]).Select(name =>
            row.Of(name, who) is { } used && row.Of(Figures.Seconds, who) is { } seconds ? $"{used.Median / seconds.Median:F2}" : "");

    private static IEnumerable<string> Cells(RowRuns row, Measure measure) =>
    [
        Figure.Of(row.Of(measure.Name, RowRuns.Kernel)?.Median),
        Figure.Of(row.Of(measure.Name, RowRuns.Engine)?.Median),
        Figure.Ratio(row.Ratio(measure.Name)),
        Figure.Spread(row.Ratio(measure.Name), row.Of(measure.Name, RowRuns.Engine)),
    ];

    private static void Header(StringBuilder text, string[] names)
    {
        Line(text, names);
        Line(text, [.. names.Select(_ => "---")]);
    }

    private static void Line(StringBuilder text, string[] cells) =>
        text.Append(cells.Length == 0 ? "" : $"| {string.Join(" | ", cells)} |").Append('\n');
}
