using System.CommandLine;
using System.Text.Json;
using TcpActors.Cli.Control;
using TcpActors.Cli.Display;
using TcpActors.Cli.Parsing;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Policy.Recording;

namespace TcpActors.Cli.Commands;

/// <summary><c>tcpactors policy</c>.</summary>
internal static class PolicyCommand
{
    public const string ReplayLesson = """
        It runs policies over a record in the record's own time and estimates what they would have cost by the straight lines that were
        measured (Bench/POLICIES.md): processor time of the whole machine for the work of connections in either place, and for moves. always
        and never are run beside the policies asked for, to compare with. A flap is a move that takes back another one of the same connection less
        than two periods old. Moves by hand are repeated as they were.

        Examples:
          tcpactors serve --listen 10.0.0.1:80 --app http:/srv/www --record day.trace
          tcpactors policy replay day.trace
          tcpactors policy replay day.trace --policy bytes:65536 --policy adaptive --json | jq '.[] | {policy, cpu_microseconds}'
        """;

    private const string Lesson = """
        Examples:
          tcpactors policy replay day.trace --policy adaptive
        """;

    public static (Command Command, string Lesson) Create()
    {
        var command = new Command("policy", "Tries policies on what a server has recorded.");
        return (command, Lesson);
    }

    public static (Command Command, string Lesson) CreateReplay()
    {
        var file = new Argument<string>("TRACE") { Description = "What 'tcpactors serve --record TRACE' has written." };
        var policies = new Option<IOffloadPolicy[]>("--policy")
        {
            Description = $"A policy to try: {OffloadPolicies.Understood}. May be given several times. [default: adaptive]",
            HelpName = "POLICY",
            AllowMultipleArgumentsPerToken = false,
            CustomParser = static result => Words.ParseEach(result, OffloadPolicies.Parse),
        };
        var hysteresis = new Option<double?>("--hysteresis")
        {
            Description = "Seconds that a connection stays where it was moved to. [default: as it was recorded]",
            HelpName = "SECONDS",
        };
        hysteresis.Validators.Add(static result =>
        {
            if (result.GetValueOrDefault<double?>() is not (null or (>= 0 and <= 86_400)))
            {
                result.AddError("--hysteresis must be from 0 to 86400 seconds.");
            }
        });
        Option<bool> json = CommonOptions.Json("One JSON array with a result for each policy, on standard output.");
        var command = new Command("replay", "Runs policies over a record: moves, flaps, and the processor time they would have taken.")
        {
            file, policies, hysteresis, json,
        };
        command.SetAction(parsed =>
        {
            var seconds = parsed.GetValue(hysteresis);
            List<ReplayResult> results = Run(
                parsed.GetRequiredValue(file), parsed.GetValue(policies) ?? [], seconds is null ? null : TimeSpan.FromSeconds(seconds.Value));
            TextWriter output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                output.WriteLine(JsonSerializer.Serialize(results, ControlJson.Default.ListReplayResult));
            }
            else
            {
                ReplayView.Write(output, results);
            }

            if (results[0].End is null)
            {
                parsed.InvocationConfiguration.Error.WriteLine(
                    "tcpactors: the record has no last line: its writer was cut off, or still writes. What is there was replayed.");
            }

            return ExitCode.Ok;
        });
        return (command, ReplayLesson);
    }

    private static List<ReplayResult> Run(string file, IOffloadPolicy[] wanted, TimeSpan? hysteresis)
    {
        try
        {
            return
            [
                .. (wanted.Length == 0 ? [OffloadPolicies.Adaptive] : wanted).Append(OffloadPolicies.Always).Append(OffloadPolicies.Never)
                    .DistinctBy(policy => policy.Name, StringComparer.Ordinal).Select(policy => Replay.Run(file, policy, hysteresis: hysteresis)),
            ];
        }
        catch (Exception e) when (e is TraceException or IOException or UnauthorizedAccessException)
        {
            throw new CliException(e.Message, e);
        }
    }
}
