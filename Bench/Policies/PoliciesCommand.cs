using System.CommandLine;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Report;

namespace TcpActors.Bench.Policies;

/// <summary>The bench's command that measures policies: the cost model's parts, three loads under three policies, and the replay of what they recorded.</summary>
internal static class PoliciesCommand
{
    private const string PartsPage = "parts";
    private const string LoadsPage = "loads";

    /// <param name="command">The whole command line, for the page.</param>
    /// <param name="runs">The option that says how many rounds count.</param>
    /// <param name="seconds">The option that says how long a run is.</param>
    /// <param name="results">The option that names the page.</param>
    public static Command Create(string command, Option<int> runs, Option<double> seconds, Option<string?> results)
    {
        var parts = new Option<bool>("--parts") { Description = "Only the parts, and the cost model that follows from them." };
        var loads = new Option<bool>("--loads") { Description = "Only the loads, and the replay of their records." };
        var create = new Command("policies", "Measures policies: processor time for each byte under always, never and adaptive, moves, and their replay.")
        {
            parts, loads, runs, seconds, results,
        };
        create.SetAction(async parsed =>
        {
            Rights.Require();
            var facts = MachineFacts.Take(command, parsed.GetValue(runs), parsed.GetValue(seconds));
            var alternation = new Alternation(facts.Runs, facts.Seconds, [], Console.Error.WriteLine);
            if (!parsed.GetValue(loads))
            {
                Write(parsed.GetValue(results), PartsPage, facts, PartsText.Of(await MeasureAsync(alternation, PolicyLoads.Parts)));
            }

            if (!parsed.GetValue(parts))
            {
                string measured = LoadsText.OfMeasured(await MeasureAsync(alternation, PolicyLoads.Loads));
                string replayed = await LoadsText.OfRecordAsync(PolicyLoads.Loads, facts.Seconds);
                Write(parsed.GetValue(results), LoadsPage, facts, $"{measured}\nThe same loads, recorded under never, as a replay estimates them:\n\n{replayed}");
            }

            return 0;
        });
        return create;
    }

    private static async Task<IReadOnlyList<RowRuns>> MeasureAsync(Alternation alternation, IReadOnlyList<PolicyRow> rows)
    {
        var measured = new List<RowRuns>();
        foreach (PolicyRow row in rows)
        {
            measured.Add(await alternation.RunAsync(row));
        }

        return measured;
    }

    private static void Write(string? page, string part, MachineFacts facts, string text)
    {
        Console.WriteLine(text);
        if (page is not null)
        {
            MarkedPage.Write(page, part, $"{facts.Heading}\n{text}");
        }
    }
}
