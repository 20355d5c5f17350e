using System.Globalization;
using System.Text;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Report;
using TcpActors.Bench.Rows;
using TcpActors.HostSide.Policy.Recording;

namespace TcpActors.Bench.Policies;

/// <summary>Loads under three policies, as they were measured, and as a replay of a record says they should have been.</summary>
internal static class LoadsText
{
    private const string Never = nameof(Contender.Never);
    private const string Always = nameof(Contender.Always);
    private const string Adaptive = nameof(Contender.Adaptive);

    /// <summary>The table of what was measured.</summary>
    public static string OfMeasured(IReadOnlyList<RowRuns> rows)
    {
        var text = new StringBuilder(
            "| load | processor time of | never, ns a byte | always | adaptive | adaptive / the better of the two | spread |\n| --- | --- | --- | --- | --- | --- | --- |\n");
        foreach (RowRuns row in rows)
        {
            foreach ((string measure, string whose) in ((string, string)[])[(PolicyRow.MachinePerByte, "the machine"), (PolicyRow.ProcessPerByte, "the process")])
            {
                (string better, string named) = Median(row, measure, Never) <= Median(row, measure, Always) ? (Never, "never") : (Always, "always");
                var ratio = Summary.OfRatios(Values(row, measure, Adaptive), Values(row, measure, better));
                text.Append(CultureInfo.InvariantCulture, $"| {row.Row.Title} | {whose} | {Figure.Of(Median(row, measure, Never))} ")
                    .Append(CultureInfo.InvariantCulture, $"| {Figure.Of(Median(row, measure, Always))} | {Figure.Of(Median(row, measure, Adaptive))} ")
                    .Append(CultureInfo.InvariantCulture, $"| {ratio.Median:F2} of {named} | {ratio.Min:F2} to {ratio.Max:F2} |\n");
            }
        }

        text.Append("\n| load | policy | offloads by the policy, a run | uploads by the policy, a run | most moves of a connection within a period |\n")
            .Append("| --- | --- | --- | --- | --- |\n");
        foreach (RowRuns row in rows)
        {
            foreach (string policy in (string[])[Never, Always, Adaptive])
            {
                text.Append(CultureInfo.InvariantCulture, $"| {row.Row.Title} | {policy.ToLowerInvariant()} | {Median(row, "offloads", policy):F0} ")
                    .Append(CultureInfo.InvariantCulture, $"| {Median(row, "uploads", policy):F0} | {Values(row, "most in a period", policy).Max():F0} |\n");
            }
        }

        return text.ToString();
    }

    /// <summary>Has a load recorded under Never and replays it under all three.</summary>
    public static async Task<string> OfRecordAsync(IReadOnlyList<PolicyRow> rows, double seconds)
    {
        string folder = Directory.CreateTempSubdirectory("tcpactors-bench-").FullName;
        Environment.SetEnvironmentVariable(PolicyServing.RecordVariable, folder);
        var text = new StringBuilder(
            "| load | policy | offloads | uploads | uploads at the end | flaps | most in a period | estimated, ns a byte |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
        try
        {
            foreach (PolicyRow row in rows)
            {
                await RecordAsync(row, seconds);
                foreach (Contender policy in row.Contenders)
                {
                    ReplayResult result = Replay.Run(Path.Combine(folder, $"{row.Name}-{Never}.trace"), PolicyRow.PolicyOf(policy));
                    text.Append(CultureInfo.InvariantCulture, $"| {row.Title} | {result.Policy} | {result.Offloads} | {result.Uploads} ")
                        .Append(CultureInfo.InvariantCulture, $"| {result.ClosingUploads} | {result.Flaps} | {result.MostMovesInPeriod} ")
                        .Append(CultureInfo.InvariantCulture, $"| {Figure.Of(result.NanosecondsPerByte)} |\n");
                }
            }
        }
        finally
        {
            Environment.SetEnvironmentVariable(PolicyServing.RecordVariable, null);
            Directory.Delete(folder, recursive: true);
        }

        return text.ToString();
    }

    private static async Task RecordAsync(PolicyRow row, double seconds)
    {
        await Console.Error.WriteLineAsync($"{row.Name}: recording");
        await using ContenderProcesses processes = await ContenderProcesses.StartAsync(row, Contender.Never);
        await row.RunAsync(processes, processes.Order(seconds));
        await processes.AskServerAsync(PolicyServing.End);
    }

    private static IReadOnlyList<double> Values(RowRuns row, string measure, string policy) => [.. row.Runs[policy].Select(run => run[measure])];

    private static double Median(RowRuns row, string measure, string policy) => Summary.Of([.. Values(row, measure, policy)]).Median;
}
