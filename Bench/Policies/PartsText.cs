using System.Globalization;
using System.Text;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Report;
using TcpActors.Bench.Rows;
using TcpActors.HostSide.Policy;

namespace TcpActors.Bench.Policies;

/// <summary>What work costs in either place, and the straight lines through it.</summary>
internal static class PartsText
{
    public static string Of(IReadOnlyList<RowRuns> rows)
    {
        var text = new StringBuilder(
            "| part | place | machine, µs an exchange | spread | process, µs | bytes | segments that are not full | model, µs |\n"
            + "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
        OwnerCosts stack = Fit(rows, nameof(Contender.Never));
        OwnerCosts toe = Fit(rows, nameof(Contender.Always));
        foreach (RowRuns row in rows)
        {
            foreach ((string place, string named, OwnerCosts costs) in
                ((string, string, OwnerCosts)[])[(nameof(Contender.Never), "kernel", stack), (nameof(Contender.Always), "TOE", toe)])
            {
                IReadOnlyList<Figures> runs = row.Runs[place];
                double exchanges = Median(runs, "exchanges");
                var machine = Summary.Of([.. runs.Select(run => run[Figures.Machine] * 1e6 / run["exchanges"])]);
                Work work = WorkOf(runs);
                Work kernels = WorkOf(row.Runs[nameof(Contender.Never)]);
                double model = costs.Of(in kernels) / exchanges;
                text.Append(CultureInfo.InvariantCulture, $"| {row.Row.Title} | {named} ")
                    .Append(CultureInfo.InvariantCulture, $"| {Figure.Of(machine.Median)} | {Figure.Of(machine.Min)} to {Figure.Of(machine.Max)} ")
                    .Append(CultureInfo.InvariantCulture, $"| {Figure.Of(runs.Select(Process).Order().ElementAt(runs.Count / 2) * 1e6 / exchanges)} ")
                    .Append(CultureInfo.InvariantCulture, $"| {work.Bytes / exchanges:F0} | {work.Exchanges / exchanges:F2} | {Figure.Of(model)} |\n");
            }
        }

        double moves = MovesOf(rows);
        text.Append(CultureInfo.InvariantCulture, $"\n| costs | segment that is not full, ns | byte received, ns | byte sent, ns |\n| --- | --- | --- | --- |\n");
        text.Append(CultureInfo.InvariantCulture, $"| kernel | {stack.Exchange:F0} | {stack.ByteReceived:F3} | {stack.ByteSent:F3} |\n");
        text.Append(CultureInfo.InvariantCulture, $"| TOE | {toe.Exchange:F0} | {toe.ByteReceived:F3} | {toe.ByteSent:F3} |\n");
        text.Append(CultureInfo.InvariantCulture, $"\nAn offload and the upload at the end together: {moves:F0} µs of the machine.\n");
        return text.ToString();
    }

    /// <summary>Of connections of one exchange, what those that are moved cost more.</summary>
    private static double MovesOf(IReadOnlyList<RowRuns> rows)
    {
        RowRuns open = rows.Single(row => IsOpen(row));
        double[] difference =
        [
            .. open.Runs[nameof(Contender.Always)].Zip(
                open.Runs[nameof(Contender.Never)],
                (always, never) => (always[Figures.Machine] / always["exchanges"]) - (never[Figures.Machine] / never["exchanges"])),
        ];
        return Summary.Of(difference).Median * 1e6;
    }

    private static OwnerCosts Fit(IReadOnlyList<RowRuns> rows, string place)
    {
        // The work as the kernel has it, in both places: a peer acknowledges a TOE less often, which is one of the TOE's merits and not less work.
        RowRuns[] fitted = [.. rows.Where(row => !IsOpen(row))];
        IReadOnlyList<Figures>[] runs = [.. fitted.Select(row => row.Runs[place])];
        Work[] works = [.. fitted.Select(row => WorkOf(row.Runs[nameof(Contender.Never)]))];
        double[] fit = CostFit.Solve(
            [.. works.Select(work => new[] { work.Exchanges, (double)work.BytesReceived, work.BytesSent })],
            [.. runs.Select(run => Median(run, Figures.Machine) * 1e9)]);
        return new OwnerCosts(fit[0], fit[1], fit[2]);
    }

    private static bool IsOpen(RowRuns row) => string.Equals(row.Row.Name, "part-open", StringComparison.Ordinal);

    private static Work WorkOf(IReadOnlyList<Figures> runs) => new(
        (long)Median(runs, "received"), (long)Median(runs, "sent"), (long)Median(runs, "segments received"), (long)Median(runs, "segments sent"));

    private static double Process(Figures run) => run[Figures.ServerUser] + run[Figures.ServerSystem];

    private static double Median(IReadOnlyList<Figures> runs, string figure) => Summary.Of([.. runs.Select(run => run[figure])]).Median;
}
