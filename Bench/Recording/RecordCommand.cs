using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Report;

namespace TcpActors.Bench.Recording;

/// <summary>The bench's command that records <c>tcpactors connections --json</c> while everything happens to connections that claim 3 is about.</summary>
internal static class RecordCommand
{
    private const int Unseen = 1;

    /// <param name="command">The whole command line, for the page.</param>
    /// <param name="results">The option that names the page.</param>
    public static Command Create(string command, Option<string?> results)
    {
        var samples = new Option<int>("--samples")
        {
            Description = "Calls for each server while all goes well, at least 8; a quarter of that in each of the other phases.",
            DefaultValueFactory = _ => 40,
            HelpName = "N",
        };
        samples.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 8)
            {
                result.AddError("--samples must be at least 8.");
            }
        });
        var to = new Option<string>("--to")
        {
            Description = "The record: compressed lines of JSON, one for each call. 'zcat FILE | jq' reads it.",
            DefaultValueFactory = _ => "claim-3.jsonl.gz",
            HelpName = "FILE",
        };
        var from = new Option<string?>("--from") { Description = "Checks this record, made before, and makes none. Needs no rights.", HelpName = "FILE" };
        var create = new Command(
            "record",
            "Runs 'tcpactors serve' and asks it for 'tcpactors connections --json' again and again while its connections stream both ways over a lossy cable, "
            + "ask and wait, drip, meet a reader that pauses, lose everything for a while, get a next hop with another MAC address, are offloaded and uploaded, and end. "
            + "Shows of each variable of claim 3 what was seen; exit code 1 when one is missing or did not change within a connection while a TOE had it (TCP's state: while its host had it).")
        {
            samples, to, from, results,
        };
        create.SetAction(async parsed =>
        {
            string file = parsed.GetValue(from) ?? parsed.GetValue(to)!;
            if (parsed.GetValue(from) is null)
            {
                Rights.Require();
                using var record = new RecordFile(file);
                await using var session = new RecordSession(record.Write);
                await session.RunAsync(parsed.GetValue(samples));
            }

            return Check(file, command, parsed.GetValue(results));
        });
        return create;
    }

    private static int Check(string file, string command, string? page)
    {
        (Sightings[] claim, Sightings[] events) = ([.. RecordedVariable.OfClaim3.Select(each => new Sightings(each))], [.. RecordedVariable.OfEvents.Select(each => new Sightings(each))]);
        var calls = 0;
        var connections = new HashSet<string>(StringComparer.Ordinal);
        double seconds = 0;
        foreach (RecordLine line in RecordFile.Read(file))
        {
            calls++;
            seconds = line.Seconds;
            foreach (JsonElement report in line.Connections.EnumerateArray())
            {
                string connection = $"{line.Server} {report.GetProperty("id")}";
                connections.Add(connection);
                Array.ForEach([.. claim, .. events], each => each.Add(connection, report));
            }
        }

        PageTable table = Table([.. claim.Concat(events).Select(each => each.Seen)]);
        Terminal.Show(table.OnTerminal());
        if (page is not null)
        {
            MarkedPage.Write(page, "record", string.Create(CultureInfo.InvariantCulture, $"""
                {MachineFacts.Take(command, runs: 1, seconds).Heading}
                {calls} calls of `tcpactors connections --json` in {seconds:F0} s, {connections.Count} connections of three servers. A report has a value unless a timer is off or a number not
                known yet. Only what changes within one connection counts as changing, and but for TCP's state, which is ESTABLISHED on a TOE, and the owner only while a TOE has it.

                {table.OnPage()}
                """));
        }

        return Array.TrueForAll([.. claim, .. events], each => each.Seen.IsChanging) ? 0 : Unseen;
    }

    private static PageTable Table(IEnumerable<Sighting> sightings)
    {
        var table = new PageTable("variable", "in JSON", "reports", "with a value", "different values", "from .. to, or all", "connections in which it changed", "");
        foreach (Sighting seen in sightings)
        {
            table.Add(
                seen.Variable.Name, string.Join('.', seen.Variable.Path), Number(seen.Reports), Number(seen.Values), Number(seen.Distinct), seen.Range,
                Number(seen.ChangedIn), seen.IsChanging ? "changes" : seen.Reports == 0 ? "MISSING" : "NEVER CHANGED");
        }

        return table;
    }

    private static string Number(int count) => count.ToString("N0", CultureInfo.InvariantCulture);
}
