using System.CommandLine;
using System.CommandLine.Parsing;
using Spectre.Console;
using TcpActors.Bench.EnginePaths;
using TcpActors.Bench.Flight;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Moves;
using TcpActors.Bench.Peers;
using TcpActors.Bench.Policies;
using TcpActors.Bench.Recording;
using TcpActors.Bench.Report;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.CommandLine;

/// <summary>The bench's command line.</summary>
internal static class BenchCommand
{
    private const int Succeeded = 0;
    private const int Failed = 1;
    private const int Misused = 2;

    private static readonly Option<int> s_runs = new("--runs")
    {
        Description = "Rounds that count, after one to warm up. Medians of fewer than five are not to be believed.",
        DefaultValueFactory = _ => 5,
        HelpName = "N",
    };

    private static readonly Option<double> s_seconds = new("--seconds")
    {
        Description = "Length of a run.",
        DefaultValueFactory = _ => 2,
        HelpName = "S",
    };

    private static readonly Option<bool> s_quick = new("--quick")
    {
        Description = "Runs of half a second: to see whether everything works, not for figures.",
    };

    private static readonly Option<string?> s_json = new("--json")
    {
        Description = "Writes every figure of every run, and the machine's, to this file.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> s_plots = new("--plots")
    {
        Description = "Writes PNG pictures to this folder.",
        HelpName = "DIR",
    };

    private static readonly Option<string?> s_results = new("--results")
    {
        Description = "Writes the tables into this Markdown page, between its two marks; a page that is not there is made.",
        HelpName = "FILE",
    };

    private static readonly Option<CommandPeer[]> s_peers = new("--peer")
    {
        Description = "Another stack to measure beside ours; see below. May be given several times.",
        HelpName = "NAME=COMMAND",
        CustomParser = ParsePeers,
        AllowMultipleArgumentsPerToken = false,
    };

    public static async Task<int> RunAsync(string[] args)
    {
        RootCommand root = Create(string.Join(' ', args));
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (ParseError error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync($"bench: {error.Message}");
            }

            await Console.Error.WriteLineAsync("Try '--help', or 'list' for the rows.");
            return Misused;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception failure) when (failure is BenchException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"bench: {failure.Message}");
            return Failed;
        }
    }

    private static RootCommand Create(string command)
    {
        var root = new RootCommand(
            "Measures TcpActors beside the kernel: each in network namespaces of its own, server and load in processes of their own, turn "
            + $"about. It needs root.\n\n{CommandPeer.Lesson}");

        var list = new Command("list", "Shows the rows: name, what is measured, floor and aim.");
        list.SetAction(_ => List());

        var names = new Argument<string[]>("ROW") { Description = "Rows, by the names that 'list' shows.", Arity = ArgumentArity.OneOrMore };
        names.Validators.Add(CheckNames);
        var run = new Command("run", "Measures some rows.") { names };
        AddOptions(run);
        run.SetAction(parsed => MeasureAsync(parsed, command, [.. parsed.GetValue(names)!.Select(Catalogue.Find)]));

        var all = new Command("all", "Measures every row.");
        AddOptions(all);
        all.SetAction(parsed => MeasureAsync(parsed, command, Catalogue.Rows));

        var files = new Argument<string[]>("FILE")
        {
            Description = "What --json wrote; where two have the same row, the later one counts.",
            Arity = ArgumentArity.OneOrMore,
        };
        var report = new Command("report", "Makes table, pictures and page from figures taken before.") { files, s_plots, s_results, s_json };
        report.SetAction(parsed => Report(parsed, Merge(parsed.GetValue(files)!)));

        var artifacts = new Option<string>("--artifacts")
        {
            Description = "Folder for BenchmarkDotNet's own files, its JSON among them.",
            DefaultValueFactory = _ => "BenchmarkDotNet.Artifacts",
            HelpName = "DIR",
        };
        var engine = new Command("engine", "Measures the engine's own paths with BenchmarkDotNet: no kernel, no actor; needs no rights.")
        {
            artifacts, s_quick, s_results,
        };
        engine.SetAction(parsed => MeasureEngine(parsed, command, parsed.GetValue(artifacts)!));

        root.Add(all);
        root.Add(run);
        root.Add(list);
        root.Add(engine);
        root.Add(ProfileCommand.Create(CheckNames));
        root.Add(CaptureCommand.Create(CheckNames));
        root.Add(MovesCommand.Create(command, s_results));
        root.Add(FlightCommand.Create(command, s_runs, s_results));
        root.Add(NextHopCommand.Create(command, s_runs, s_results));
        root.Add(RecordCommand.Create(command, s_results));
        root.Add(PoliciesCommand.Create(command, s_runs, s_seconds, s_results));
        root.Add(report);
        return root;
    }

    private static void AddOptions(Command command)
    {
        foreach (Option option in (Option[])[s_runs, s_seconds, s_quick, s_json, s_plots, s_results, s_peers])
        {
            command.Add(option);
        }

        s_runs.Validators.Clear();
        s_runs.Validators.Add(result => Require(result, result.GetValueOrDefault<int>() >= 1, "--runs must be at least 1."));
        s_seconds.Validators.Clear();
        s_seconds.Validators.Add(result => Require(
            result, result.GetValueOrDefault<double>() is >= 0.1 and <= 600, "--seconds must be between 0.1 and 600."));
    }

    private static void Require(OptionResult result, bool holds, string otherwise)
    {
        if (!holds)
        {
            result.AddError(otherwise);
        }
    }

    private static void CheckNames(ArgumentResult result)
    {
        foreach (Token token in result.Tokens.Where(token => Catalogue.Rows.All(row => !string.Equals(row.Name, token.Value, StringComparison.Ordinal))))
        {
            result.AddError($"There is no row '{token.Value}'.");
        }
    }

    private static CommandPeer[] ParsePeers(ArgumentResult result)
    {
        try
        {
            return [.. result.Tokens.Select(token => CommandPeer.Parse(token.Value))];
        }
        catch (FormatException exception)
        {
            result.AddError(exception.Message);
            return [];
        }
    }

    private static int List()
    {
        Table table = new Table().Border(TableBorder.Rounded).AddColumns("row", "what", "first measure", "floor", "aim");
        foreach (Row row in Catalogue.Rows)
        {
            Measure first = row.Measures[0];
            table.AddRow(row.Name, row.Title, $"{first.Name}, {first.Unit}", Figure.Of(first.Floor), Figure.Of(first.Aim));
        }

        Terminal.Show(table);
        return Succeeded;
    }

    private static async Task<int> MeasureAsync(ParseResult parsed, string command, IReadOnlyList<Row> rows)
    {
        Rights.Require();
        int runs = parsed.GetValue(s_runs);
        double seconds = parsed.GetValue(s_quick) ? 0.5 : parsed.GetValue(s_seconds);
        var peers = new List<Peer>(parsed.GetValue(s_peers) ?? []);
        if (Iperf3.IsInstalled)
        {
            peers.Insert(0, new Iperf3());
        }
        else
        {
            await Console.Error.WriteLineAsync("bench: iperf3 is not installed: bulk rows go without that reference.");
        }

        var facts = MachineFacts.Take(command, runs, seconds);
        var alternation = new Alternation(runs, seconds, peers, Console.Error.WriteLine);
        var measured = new List<RowRuns>();
        var failures = new List<string>();
        foreach (Row row in rows)
        {
            if (!row.Cable.Offloads && !LinkOffloads.CanSwitchOff)
            {
                failures.Add($"{row.Name}: ethtool is not installed, so offloads cannot be switched off.");
                continue;
            }

            try
            {
                measured.Add(await alternation.RunAsync(row));
            }
            catch (BenchException failure)
            {
                // One row that fails does not cost the others.
                failures.Add($"{row.Name}: {failure.Message}");
            }
        }

        int result = Report(parsed, BenchDocument.Of(facts, measured));
        foreach (string failure in failures)
        {
            await Console.Error.WriteLineAsync($"bench: {failure}");
        }

        return failures.Count > 0 ? Failed : result;
    }

    private static int MeasureEngine(ParseResult parsed, string command, string artifacts)
    {
        IReadOnlyList<EnginePath> paths = EngineRun.Run(artifacts, parsed.GetValue(s_quick));
        Table table = new Table().Border(TableBorder.Rounded).AddColumns("path", "ns", "±", "bytes allocated");
        foreach (EnginePath path in paths)
        {
            table.AddRow(path.Path, Figure.Of(path.Nanoseconds), Figure.Of(path.Error), $"{path.AllocatedBytes:0.##}");
        }

        Terminal.Show(table);
        if (parsed.GetValue(s_results) is { } page)
        {
            MarkedPage.Write(page, "engine", EnginePathsText.Of(MachineFacts.Take(command, runs: 1, seconds: 0), paths));
        }

        return Succeeded;
    }

    private static BenchDocument Merge(string[] files)
    {
        BenchDocument[] documents = [.. files.Select(BenchDocument.Read)];
        Dictionary<string, RowDocument> rows = documents.SelectMany(document => document.Rows)
            .GroupBy(row => row.Name, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Last(), StringComparer.Ordinal);
        return new BenchDocument(
            documents[^1].Machine, [.. Catalogue.Rows.Where(row => rows.ContainsKey(row.Name)).Select(row => rows[row.Name])]);
    }

    private static int Report(ParseResult parsed, BenchDocument document)
    {
        RowRuns[] rows = [.. document.Rows.Select(row => row.ToRuns())];
        Terminal.Show(ResultTable.Of(rows));
        foreach (string note in rows.SelectMany(row => row.Notes))
        {
            Console.Error.WriteLine($"bench: left out: {note}");
        }

        if (parsed.GetValue(s_json) is { } json)
        {
            document.Write(json);
        }

        if (parsed.GetValue(s_plots) is { } folder)
        {
            foreach (string file in Plots.Write(folder, rows))
            {
                Console.Error.WriteLine($"bench: wrote {file}");
            }
        }

        if (parsed.GetValue(s_results) is { } page)
        {
            MarkedPage.Write(page, "rows", RowsText.Of(document));
        }

        return Succeeded;
    }
}
