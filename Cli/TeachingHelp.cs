using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace TcpActors.Cli;

/// <summary>The usual help, followed by what a reader does with it: examples and the defaults that matter.</summary>
internal sealed class TeachingHelp(HelpAction usual, IReadOnlyDictionary<Command, string> lessons) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        if (parseResult.CommandResult.Command is RootCommand root)
        {
            // The list of commands would show what may be left out as if it may not.
            foreach (Argument argument in root.Subcommands.SelectMany(each => each.Arguments)
                .Where(each => each.Arity.MinimumNumberOfValues == 0))
            {
                argument.Hidden = true;
            }
        }

        var result = usual.Invoke(parseResult);
        if (lessons.TryGetValue(parseResult.CommandResult.Command, out var lesson))
        {
            parseResult.InvocationConfiguration.Output.WriteLine(lesson);
        }

        return result;
    }

    /// <summary>The words that call a command, such as <c>tcpactors serve</c>.</summary>
    public static string Path(Command command) => command is RootCommand
        ? TcpActorsName
        : $"{TcpActorsName} {command.Name}";

    private const string TcpActorsName = "tcpactors";
}
