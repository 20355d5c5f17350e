using System.CommandLine;
using System.Globalization;
using TcpActors.Cli.Control;
using TcpActors.Cli.Parsing;

namespace TcpActors.Cli.Commands;

/// <summary><c>tcpactors offload</c> and <c>tcpactors upload</c>.</summary>
internal static class MoveCommand
{
    public static (Command Command, string Lesson) Create(bool toToe)
    {
        var name = toToe ? "offload" : "upload";
        var which = new Argument<MoveTargets>("ID|all")
        {
            Description = "The connections' numbers as 'tcpactors connections' shows them, or all.",
            Arity = ArgumentArity.OneOrMore,
            CustomParser = static result => new MoveTargets(
                result.Tokens is [{ Value: "all" }] ? null : Words.ParseEach(result, ParseId)),
        };
        Option<string> control = CommonOptions.Control();
        Option<bool> json = CommonOptions.Json("One JSON object with what became of the moves, on standard output.");
        var command = new Command(name, toToe
            ? "Moves connections of a running server from the kernel to a TOE."
            : "Moves connections of a running server back to the kernel.")
        {
            which, control, json,
        };
        command.SetAction(async (parsed, stop) =>
        {
            var request = new ControlRequest(toToe ? ControlRequest.Offload : ControlRequest.Upload, parsed.GetRequiredValue(which).Ids);
            ControlResponse response = await ControlClient.AskAsync(parsed.GetRequiredValue(control), request, stop);
            return await ReportAsync(parsed, response.Moves!, parsed.GetValue(json), toToe ? "offloaded" : "uploaded");
        });
        return (command, $"""
            Returns when the moves are done and says how many there were; refusals come with their reasons and, as
            numbers that no connection has, make the exit code 1.
            The default control socket is {ControlPath.Default}

            Examples:
              tcpactors {name} all
              tcpactors {name} 3 4 --control /run/front.sock
            """);
    }

    private static async Task<int> ReportAsync(ParseResult parsed, MoveSummary moves, bool json, string done)
    {
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (json)
        {
            await output.WriteLineAsync(System.Text.Json.JsonSerializer.Serialize(moves, ControlJson.Default.MoveSummary));
        }
        else
        {
            var were = moves.Unmoved == 1 ? "was" : "were";
            await output.WriteLineAsync(
                $"{moves.Moved} {done}, {moves.Unmoved} {were} there already, {moves.Refused.Count} refused");
        }

        foreach (RefusalSummary refusal in moves.Refused)
        {
            await parsed.InvocationConfiguration.Error.WriteLineAsync(
                $"tcpactors: connection {refusal.Id} stays where it is: {refusal.Reason}");
        }

        await UnknownIds.TellAsync(parsed, moves.Unknown);
        return moves.Refused.Count + moves.Unknown.Count == 0 ? ExitCode.Ok : ExitCode.Failed;
    }

    /// <summary>Null: all of them.</summary>
    private sealed record MoveTargets(long[]? Ids);

    private static long ParseId(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
        ? id
        : throw new FormatException($"'{text}' is not a connection: write its number as 'tcpactors connections' shows it, or all.");
}
