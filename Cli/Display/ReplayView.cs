using System.Globalization;
using Spectre.Console;
using TcpActors.HostSide.Policy.Recording;

namespace TcpActors.Cli.Display;

/// <summary>What policies would have done with a record, for people.</summary>
internal static class ReplayView
{
    public static void Write(TextWriter output, IReadOnlyList<ReplayResult> results)
    {
        IAnsiConsole console = Terminal.For(output);
        ReplayResult first = results[0];
        console.WriteLine(
            $"{first.Connections} connections, {Quantity.Bytes(first.Work.Bytes)}, recorded under {first.RecordedUnder}; "
            + $"a connection stays for {first.HysteresisSeconds.ToString(CultureInfo.InvariantCulture)} s where it was moved to");
        Table table = new Table().Border(TableBorder.Simple).AddColumns(
            "policy", "offloads", "uploads", "at the end", "flaps", "most in a period", "CPU, s", "ns a byte", "of always", "of never");
        foreach (ReplayResult result in results)
        {
            table.AddRow(
                result.Policy,
                Whole(result.Offloads),
                Whole(result.Uploads),
                Whole(result.ClosingUploads),
                Whole(result.Flaps),
                Whole(result.MostMovesInPeriod),
                (result.CpuMicroseconds / 1_000_000).ToString("F3", CultureInfo.InvariantCulture),
                result.NanosecondsPerByte?.ToString("F3", CultureInfo.InvariantCulture) ?? "-",
                Share(result, results.Single(other => string.Equals(other.Policy, "always", StringComparison.Ordinal))),
                Share(result, results.Single(other => string.Equals(other.Policy, "never", StringComparison.Ordinal))));
        }

        console.Write(table);
    }

    private static string Whole(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Share(ReplayResult result, ReplayResult of) =>
        of.CpuMicroseconds > 0 ? (result.CpuMicroseconds / of.CpuMicroseconds).ToString("F3", CultureInfo.InvariantCulture) : "-";
}
