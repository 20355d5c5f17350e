using System.CommandLine;
using System.CommandLine.Invocation;
using Microsoft.Extensions.Logging;
using TcpActors.Cli.Commands;
using TcpActors.Cli.Display;

namespace TcpActors.Cli;

/// <summary>Parses a command line, runs the command and turns whatever goes wrong into one line and an exit code.</summary>
internal static class CommandLine
{
    public static Task<int> RunAsync(IReadOnlyList<string> args) => RunAsync(args, Terminal.TakeStandardOutput(), Console.Error);

    public static async Task<int> RunAsync(IReadOnlyList<string> args, TextWriter output, TextWriter error)
    {
        RootCommand root = TcpActorsCommand.Create();
        ParseResult parsed = root.Parse(args);
        if (parsed.Action is ParseErrorAction)
        {
            foreach (var message in parsed.Errors.Select(each => each.Message).Distinct(StringComparer.Ordinal))
            {
                await error.WriteLineAsync($"tcpactors: {message}");
            }

            await error.WriteLineAsync($"Try '{TeachingHelp.Path(parsed.CommandResult.Command)} --help'.");
            return ExitCode.Usage;
        }

        using var stop = new StopSignals();
        try
        {
            // Signals are ours (StopSignals): a server has connections to bring back before it may end.
            var invocation = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = output,
                Error = error,
            };
            return await parsed.InvokeAsync(invocation, stop.Token);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            await error.WriteLineAsync("tcpactors: stopped.");
            return ExitCode.Failed;
        }
#pragma warning disable CA1031 // The last line of defence: a user gets one line, never a stack trace.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            await error.WriteLineAsync($"tcpactors: {OneLine(exception)}");
            if (parsed.GetValue(CommonOptions.LogLevel) is { } level && level <= LogLevel.Debug)
            {
                await error.WriteLineAsync(exception.ToString());
            }

            return ExitCode.Failed;
        }
    }

    private static string OneLine(Exception exception)
    {
        Exception cause = exception is AggregateException or TypeInitializationException ? exception.GetBaseException() : exception;
        var lines = cause.Message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var line = lines switch
        {
            [] => cause.GetType().Name,
            [var only] => only,
            [var first, ..] => $"{first} (--log debug says more)",
        };
        return cause is CliException or IOException or UnauthorizedAccessException or System.Net.Sockets.SocketException
            || cause.GetType().Namespace?.StartsWith(nameof(TcpActors), StringComparison.Ordinal) == true
            ? line
            : $"{line} (an unexpected {cause.GetType().Name}; --log debug shows where it comes from)";
    }
}
