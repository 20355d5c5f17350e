using System.CommandLine;
using System.CommandLine.Parsing;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.CommandLine;

/// <summary><c>capture ROW FILE</c>.</summary>
internal static class CaptureCommand
{
    public static Command Create(Action<ArgumentResult> checkName)
    {
        var row = new Argument<string>("ROW") { Description = "A row, by the name that 'list' shows." };
        row.Validators.Add(checkName);
        var file = new Argument<string>("FILE") { Description = "A pcap file, made or overwritten." };
        var on = new Option<Contender>("--on") { Description = "Who serves.", DefaultValueFactory = _ => Contender.Engine };
        var seconds = new Option<double>("--seconds") { Description = "How long.", DefaultValueFactory = _ => 1, HelpName = "S" };
        var bytes = new Option<int>("--bytes")
        {
            Description = "Kept of each frame; 0: all.",
            DefaultValueFactory = _ => 128,
            HelpName = "N",
        };
        var command = new Command(
            "capture", "Keeps what passes the load's end of the cable in one run of a row, for tshark; segments lost there are in it.")
        {
            row, file, on, seconds, bytes,
        };
        command.SetAction(async parsed =>
        {
            string said = await TakeAsync(
                Catalogue.Find(parsed.GetValue(row)!),
                parsed.GetValue(on),
                parsed.GetValue(file)!,
                parsed.GetValue(seconds),
                parsed.GetValue(bytes));
            await Console.Out.WriteLineAsync(said);
            return 0;
        });
        return command;
    }

    private static async Task<string> TakeAsync(Row row, Contender on, string file, double seconds, int bytes)
    {
        await using ContenderProcesses processes = await ContenderProcesses.StartAsync(row, on);

        // Warm: else the capture shows the compiler's pauses.
        await row.RunAsync(processes, processes.Order(seconds));
        await using CableCapture capture = await CableCapture.StartAsync(processes.Cable.Load, Cable.LoadInterface, file, bytes);
        await row.RunAsync(processes, processes.Order(seconds));
        return await capture.StopAsync();
    }
}
