using System.CommandLine;
using System.Globalization;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Report;

namespace TcpActors.Bench.Moves;

/// <summary>The bench's command that has the next hop of many connections change its MAC address.</summary>
internal static class NextHopCommand
{
    private const int Misfit = 1;

    /// <param name="command">The whole command line, for the page.</param>
    /// <param name="runs">The option that says how many rounds count.</param>
    /// <param name="results">The option that names the page.</param>
    public static Command Create(string command, Option<int> runs, Option<string?> results)
    {
        var connections = new Option<int>("--connections")
        {
            Description = "Connections behind the one next hop, all of which send.",
            DefaultValueFactory = _ => 10_000,
            HelpName = "N",
        };
        var create = new Command(
            "next-hop",
            "The next hop's MAC address changes: when the last frame carries the old one, with all connections on a TOE and, turn about, with all of them "
            + "in the kernel. Needs tcpdump. Exit code 1 when a connection never sent to the new address.")
        {
            connections, runs, results,
        };
        create.SetAction(parsed => RunAsync(parsed.GetValue(connections), parsed.GetValue(runs), command, parsed.GetValue(results)));
        return create;
    }

    private static async Task<int> RunAsync(int connections, int runs, string command, string? page)
    {
        Rights.Require();
        var toe = new List<NextHopChange>();
        var kernel = new List<NextHopChange>();
        for (int run = 0; run <= runs; run++)
        {
            foreach ((List<NextHopChange> changes, bool offloads) in ((List<NextHopChange>, bool)[])[(toe, true), (kernel, false)])
            {
                NextHopChange change = await NextHopBench.RunAsync(connections, offloads);
                if (run > 0)
                {
                    // The first warms up.
                    changes.Add(change);
                }
            }
        }

        var table = new PageTable(
            "connections on", "sent to the new address", "updates told to each", "first frame for the new one, ms", "spread", "last frame for the old one, ms",
            "spread");
        AddRow(table, "a TOE", toe);
        AddRow(table, "the kernel", kernel);
        Terminal.Show(table.OnTerminal());
        if (page is not null)
        {
            var machine = MachineFacts.Take(command, runs, seconds: 0);
            MarkedPage.Write(page, "next-hop", string.Create(CultureInfo.InvariantCulture, $"""
                {machine.Heading}
                {connections:N0} connections that all send, in turn, over one next hop. Its network card gets another MAC address, and the kernel's neighbour table is told so; from
                that moment on times count, as the next hop's end of the cable saw them. Medians of {runs} runs after one to warm up, with their smallest and largest. The kernel's own
                connections, measured turn about, find the address in that table itself.

                {table.OnPage()}
                """));
        }

        return toe.Concat(kernel).All(change => change.Connections == connections) ? 0 : Misfit;
    }

    private static void AddRow(PageTable table, string owner, IReadOnlyCollection<NextHopChange> changes)
    {
        var firstNew = Summary.Of([.. changes.Select(change => change.FirstNew)]);
        var lastOld = Summary.Of([.. changes.Select(change => change.LastOld)]);
        table.Add(
            owner,
            changes.Min(change => change.Connections).ToString("N0", CultureInfo.InvariantCulture),
            changes.Max(change => change.Updates).ToString(CultureInfo.InvariantCulture),
            Figure.Of(firstNew.Median),
            $"{Figure.Of(firstNew.Min)} to {Figure.Of(firstNew.Max)}",
            Figure.Of(lastOld.Median),
            $"{Figure.Of(lastOld.Min)} to {Figure.Of(lastOld.Max)}");
    }
}
