using System.CommandLine;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.CommandLine;

/// <summary><c>profile ROW</c>.</summary>
internal static class ProfileCommand
{
    public static Command Create(Action<System.CommandLine.Parsing.ArgumentResult> checkName)
    {
        var row = new Argument<string>("ROW") { Description = "A row, by the name that 'list' shows." };
        row.Validators.Add(checkName);
        var on = new Option<Contender>("--on")
        {
            Description = "Whose serving process is looked at.",
            DefaultValueFactory = _ => Contender.Engine,
        };
        var seconds = new Option<double>("--seconds") { Description = "How long.", DefaultValueFactory = _ => 3, HelpName = "S" };
        var data = new Option<string?>("--data") { Description = "Keeps perf's data in this file, for 'perf report'.", HelpName = "FILE" };
        var command = new Command("profile", "Shows where the serving process of a row spends its time, with perf.") { row, on, seconds, data };
        command.SetAction(async parsed =>
        {
            string report = await Profile.TakeAsync(
                Catalogue.Find(parsed.GetValue(row)!), parsed.GetValue(on), parsed.GetValue(seconds), parsed.GetValue(data));
            await Console.Out.WriteLineAsync(report);
            return 0;
        });
        return command;
    }
}
