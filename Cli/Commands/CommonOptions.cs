using System.CommandLine;
using System.CommandLine.Parsing;
using Microsoft.Extensions.Logging;
using TcpActors.Cli.Control;
using TcpActors.Cli.Parsing;
using TcpActors.HostSide.Policy;

namespace TcpActors.Cli.Commands;

/// <summary>Options that several commands understand, made once so that they mean the same everywhere.</summary>
internal static class CommonOptions
{
    public const string DefaultPolicy = "adaptive";

    public static Option<LogLevel?> LogLevel { get; } = new("--log")
    {
        Description = "Events to log on standard error: trace, debug, information, warning, error, critical or none. "
            + "[default: information for serve, warning for the others]",
        HelpName = "LEVEL",
        CustomParser = static result => Words.Parse(result, Words.OneOf<LogLevel>),
        Recursive = true,
    };

    public static Option<LogFormat> LogFormat { get; } = new("--log-format")
    {
        Description = "text for people; json for one object a line with connection, owner and epoch as properties. [default: text]",
        HelpName = "FORMAT",
        CustomParser = static result => Words.Parse(result, Words.OneOf<LogFormat>),
        Recursive = true,
    };

    /// <summary>The logging options as they were given, for a process that is started to do the work.</summary>
    public static IEnumerable<string> LogArguments(ParseResult parsed) => new[] { parsed.GetResult(LogLevel), parsed.GetResult(LogFormat) }
        .OfType<OptionResult>().Where(result => !result.Implicit)
        .SelectMany(result => new[] { result.Option.Name, result.Tokens[0].Value });

    public static Option<string> Control() => new("--control")
    {
        Description = "The control socket, a Unix socket that only its owner may open.",
        HelpName = "PATH",
        DefaultValueFactory = static _ => ControlPath.Default,
    };

    /// <summary>The policy that was asked for, or the default one.</summary>
    public static IOffloadPolicy PolicyOf(ParseResult parsed, Option<IOffloadPolicy?> option) =>
        parsed.GetValue(option) ?? OffloadPolicies.Parse(DefaultPolicy);

    public static Option<bool> Json(string description) => new("--json") { Description = description };

    public static Option<IOffloadPolicy?> Policy() => new("--policy")
    {
        Description = "When connections are moved without being asked for: adaptive where it pays, always, never, or bytes:N once one has moved "
            + $"N bytes. [default: {DefaultPolicy}]",
        HelpName = "POLICY",
        CustomParser = static result => Words.Parse(result, OffloadPolicies.Parse),
    };
}
