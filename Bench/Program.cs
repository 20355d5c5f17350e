using Spectre.Console;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Report;
using TcpActors.Bench.Rows;

if (args is [ChildLoop.Verb, var parent])
{
    return await ChildLoop.RunAsync(parent);
}

var results = new List<RowRuns>();
var alternation = new Alternation(runs: 5, seconds: 2, Console.Error.WriteLine);
foreach (string name in args.Skip(1))
{
    results.Add(await alternation.RunAsync(Catalogue.Find(name)));
}

AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 160);
AnsiConsole.Write(ResultTable.Of(results));
return 0;
