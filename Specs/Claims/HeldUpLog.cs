using Microsoft.Extensions.Logging;
using TcpActors.HostSide;

namespace TcpActors.Specs.Claims;

/// <summary>A log in which an actor can be made to stop: the one that writes a line, and for as long as the spec wants.</summary>
internal sealed class HeldUpLog : ILoggerFactory, ILogger
{
    private readonly TaskCompletionSource _isHeldUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _go = new();
    private volatile string? _at;
    private ILoggerFactory? _inner;

    public Task IsHeldUp => _isHeldUp.Task;

    public HostOptions Around(HostOptions options)
    {
        _inner = options.LoggerFactory;
        return options with { LoggerFactory = this };
    }

    public void HoldUp(string at) => _at = at;

    public void LetGo() => _go.Set();

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (_at is { } at && formatter(state, exception).Contains(at, StringComparison.Ordinal))
        {
            _isHeldUp.TrySetResult();
            _go.Wait(ClaimWorld.Patience);
        }

        _inner?.CreateLogger("").Log(logLevel, eventId, state, exception, formatter);
    }

    public void Dispose() => _go.Set();
}
