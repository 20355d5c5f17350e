using Microsoft.Extensions.Logging;
using Xunit.Abstractions;

namespace TcpActors.Specs;

/// <summary>Shows what the product logs beside the spec that made it log.</summary>
internal sealed class SpecLog(ITestOutputHelper output, LogLevel least = LogLevel.Debug) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= least;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        try
        {
            output.WriteLine($"{TimeProvider.System.GetTimestamp() / 1_000_000} ms {logLevel}: {formatter(state, exception)} {exception}");
        }
        catch (InvalidOperationException)
        {
            // The spec has ended.
        }
    }
}
