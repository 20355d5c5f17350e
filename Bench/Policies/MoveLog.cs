using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace TcpActors.Bench.Policies;

/// <summary>A host's log of which only the policy's moves are kept.</summary>
internal sealed class MoveLog : ILoggerFactory, ILogger
{
    // HostSide.Log.PolicyMoves.
    private const int PolicyMoves = 40;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<long>> _moves = new(StringComparer.Ordinal);

    public int Offloads { get; private set; }

    public int Uploads { get; private set; }

    public void Clear()
    {
        lock (_lock)
        {
            _moves.Clear();
            (Offloads, Uploads) = (0, 0);
        }
    }

    /// <summary>Most moves of one connection within less than a period.</summary>
    public int MostIn(TimeSpan period)
    {
        lock (_lock)
        {
            return _moves.Values.Select(times => Most(times, period)).DefaultIfEmpty().Max();
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel is LogLevel.Debug or >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel >= LogLevel.Warning)
        {
            Console.Error.WriteLine($"bench: the server: {formatter(state, exception)} {exception?.Message}");
        }

        if (eventId.Id != PolicyMoves || state is not IReadOnlyList<KeyValuePair<string, object?>> words)
        {
            return;
        }

        string connection = "";
        bool isOffload = false;
        foreach ((string name, object? value) in words)
        {
            connection = name is "Connection" ? $"{value}" : connection;
            isOffload |= name is "Move" && value is "offload";
        }

        lock (_lock)
        {
            (Offloads, Uploads) = isOffload ? (Offloads + 1, Uploads) : (Offloads, Uploads + 1);
            if (!_moves.TryGetValue(connection, out List<long>? times))
            {
                _moves.Add(connection, times = []);
            }

            times.Add(Stopwatch.GetTimestamp());
        }
    }

    public void Dispose()
    {
    }

    private static int Most(List<long> times, TimeSpan period)
    {
        int most = 0;
        for (int first = 0, last = 0; last < times.Count; last++)
        {
            while (Stopwatch.GetElapsedTime(times[first], times[last]) >= period)
            {
                first++;
            }

            most = Math.Max(most, last - first + 1);
        }

        return most;
    }
}
