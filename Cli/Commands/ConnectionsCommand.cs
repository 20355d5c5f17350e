using System.CommandLine;
using System.Text.Json;
using TcpActors.Cli.Control;
using TcpActors.Cli.Display;

namespace TcpActors.Cli.Commands;

/// <summary><c>tcpactors connections</c>.</summary>
internal static class ConnectionsCommand
{
    private static readonly string Lesson = $"""
        The default control socket is {ControlPath.Default}
        The owner is kernel, the TOE's name, or moving; the epoch grows with every move. In and out are payload over the last second; the trend
        says whether they go up (uptake) or down; errors are segments sent again, dropped or out of order since set-up; memory is what its buffers
        hold. Times are in microseconds, running timers as time left. What the kernel keeps to itself, its sequence numbers too, is not known (-) before the first offload. Owned connections are
        invisible to ss(8): this is their list.

        Examples:
          tcpactors connections
          tcpactors connections 3 4                        only these, in full
          tcpactors connections --json | jq '.[] | .variants.snd_una, .statistics.received.bytes_per_second'
          tcpactors connections --toes                     the TOEs: what they have, do and have lost; with --json too
        """;

    public static (Command Command, string Lesson) Create()
    {
        var ids = new Argument<long[]>("ID") { Description = "Only these connections.", Arity = ArgumentArity.ZeroOrMore };
        Option<string> control = CommonOptions.Control();
        var toes = new Option<bool>("--toes") { Description = "The TOEs instead of the connections." };
        Option<bool> json = CommonOptions.Json("One JSON array with everything, on standard output.");
        var command = new Command("connections", "Shows who owns each connection of a running server, with every variable.")
        {
            ids, toes, control, json,
        };
        command.SetAction(async (parsed, stop) =>
        {
            ControlResponse response = await ControlClient.AskAsync(
                parsed.GetRequiredValue(control), new ControlRequest(ControlRequest.Connections), stop);
            TextWriter output = parsed.InvocationConfiguration.Output;
            List<JsonElement> running = [.. response.Toes ?? []];
            if (parsed.GetValue(toes))
            {
                await WriteToesAsync(output, running, parsed.GetValue(json));
                return ExitCode.Ok;
            }

            long[] wanted = parsed.GetValue(ids) ?? [];
            List<JsonElement> connections =
            [
                .. response.Connections!.Where(each => wanted.Length == 0 || wanted.Contains(each.GetProperty("id").GetInt64())),
            ];
            List<long> unknown = [.. wanted.Except(connections.Select(each => each.GetProperty("id").GetInt64()))];
            if (parsed.GetValue(json))
            {
                await output.WriteLineAsync(JsonSerializer.Serialize(connections, ControlJson.Default.ListJsonElement));
            }
            else if (connections.Count > 0 || wanted.Length == 0)
            {
                if (wanted.Length == 0 && running.Count > 0)
                {
                    ToesView.Write(output, running);
                }

                ConnectionsView.Write(output, connections);
            }

            await UnknownIds.TellAsync(parsed, unknown);
            return unknown.Count == 0 ? ExitCode.Ok : ExitCode.Failed;
        });
        return (command, Lesson);
    }

    private static async Task WriteToesAsync(TextWriter output, List<JsonElement> toes, bool asJson)
    {
        if (asJson)
        {
            await output.WriteLineAsync(JsonSerializer.Serialize(toes, ControlJson.Default.ListJsonElement));
        }
        else
        {
            ToesView.Write(output, toes);
        }
    }
}
