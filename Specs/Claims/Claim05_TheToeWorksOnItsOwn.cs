using Microsoft.Extensions.Logging;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claims 5 and 34: the TOE processes incoming segments on its own.</summary>
public sealed class Claim05_TheToeWorksOnItsOwn(ITestOutputHelper output)
{
    // Fails when: ConnectionActor tells the host of each batch and waits for its answer (an Ask of any kind on the data path).
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task While_the_hosts_actor_is_held_up_the_connection_moves_data(HostKind kind)
    {
        using var held = new HeldUpActor();
        await using ClaimWorld world = ClaimWorld.Create(kind, output, held.Around);
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();

        // It writes into its log that there is a second connection, and gets no further.
        held.HoldUp("is set up");
        await using ClaimLine second = await world.ConnectAsync();
        await held.IsHeldUp.WaitAsync(ClaimWorld.Patience);
        Task<IReadOnlyList<ConnectionReport>> list = world.Host.ListAsync();
        await line.ExchangeAsync(toPeer: 8 << 20, toHost: 8 << 20);
        Assert.False(list.IsCompleted, "the host's actor was not held up");

        held.LetGo();
        Assert.Equal(2, (await list.WaitAsync(ClaimWorld.Patience)).Count);
    }

    /// <summary>A log in which the host's actor can be made to stop.</summary>
    private sealed class HeldUpActor : ILoggerFactory, ILogger
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

        public void Dispose()
        {
            _go.Set();
        }
    }
}
