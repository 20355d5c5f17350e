using System.CommandLine;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Extensions.Logging;
using Serilog.Formatting.Compact;
using TcpActors.Cli.Commands;

namespace TcpActors.Cli;

/// <summary>Serilog behind every logger: structured events on standard error, because standard output is for data.</summary>
internal static class LogSetup
{
    internal const string Template = "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:lj}{ExceptionText:l}{NewLine}";

    /// <summary>As the command line asks for; <paramref name="usual"/> where it does not.</summary>
    public static ILoggerFactory Create(ParseResult parsed, LogLevel usual = LogLevel.Information) =>
        Create(parsed.GetValue(CommonOptions.LogLevel) ?? usual, parsed.GetValue(CommonOptions.LogFormat));

    /// <summary>Dispose the factory to flush the log.</summary>
    public static ILoggerFactory Create(LogLevel level, LogFormat format)
    {
        LoggerConfiguration configuration = new LoggerConfiguration()
            .MinimumLevel.Is(ToSerilog(level))
            .Enrich.With<ExceptionText>()
            .MinimumLevel.Override("Microsoft", (LogEventLevel)Math.Max((int)ToSerilog(level), (int)LogEventLevel.Warning))

            // Why a web server does not start is thrown as well, and told in one line.
            .MinimumLevel.Override("Microsoft.Extensions.Hosting", LogEventLevel.Fatal);
        configuration = format == LogFormat.Json
            ? configuration.WriteTo.Console(new CompactJsonFormatter(), standardErrorFromLevel: LogEventLevel.Verbose)
            : configuration.WriteTo.Console(
                outputTemplate: level <= LogLevel.Debug ? Template + "{Exception}" : Template,
                standardErrorFromLevel: LogEventLevel.Verbose);
        return new SerilogLoggerFactory(configuration.CreateLogger(), dispose: true);
    }

    /// <summary>
    /// What an exception says, in one line; where it comes from is shown with <c>--log debug</c>. No event has a property of this name.
    /// </summary>
    internal sealed class ExceptionText : ILogEventEnricher
    {
        public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory)
        {
            if (logEvent.Exception is { } exception)
            {
                var line = new ScalarValue($": {exception.Message.ReplaceLineEndings(" ")}");
                logEvent.AddPropertyIfAbsent(new LogEventProperty(nameof(ExceptionText), line));
            }
        }
    }

    private static LogEventLevel ToSerilog(LogLevel level) => level switch
    {
        LogLevel.Trace => LogEventLevel.Verbose,
        LogLevel.Debug => LogEventLevel.Debug,
        LogLevel.Information => LogEventLevel.Information,
        LogLevel.Warning => LogEventLevel.Warning,
        LogLevel.Error => LogEventLevel.Error,
        _ => LogEventLevel.Fatal,
    };
}

/// <summary>How log events are written.</summary>
internal enum LogFormat
{
    /// <summary>A line for people.</summary>
    Text,

    /// <summary>One JSON object a line (CLEF), every property of its own: connection, owner, epoch.</summary>
    Json,
}
