using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Display;
using TcpActors.Cli;
using Xunit;

namespace TcpActors.Specs.Cli;

public sealed class LogTextSpecs
{
    [Fact]
    public void A_reason_is_told_once()
        => Assert.EndsWith(
            "INF it stays: its state is CloseWait\n", Text(log => log.Information("it stays: {Reason:l}", "its state is CloseWait")),
            StringComparison.Ordinal);

    [Fact]
    public void What_an_exception_says_ends_the_line()
        => Assert.EndsWith(
            "WRN it failed: no such thing\n", Text(log => log.Warning(new IOException("no such\nthing"), "it failed")),
            StringComparison.Ordinal);

    private static string Text(Action<ILogger> tell)
    {
        using var text = new StringWriter { NewLine = "\n" };
        using Logger logger = new LoggerConfiguration().Enrich.With<LogSetup.ExceptionText>().WriteTo.Sink(new Sink(text)).CreateLogger();
        tell(logger);
        return text.ToString().ReplaceLineEndings("\n");
    }

    private sealed class Sink(TextWriter text) : ILogEventSink
    {
        private readonly MessageTemplateTextFormatter _formatter =
            new(LogSetup.Template, System.Globalization.CultureInfo.InvariantCulture);

        public void Emit(LogEvent logEvent) => _formatter.Format(logEvent, text);
    }
}
