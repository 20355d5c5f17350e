using System.Runtime.InteropServices;

namespace TcpActors.Cli;

/// <summary>
/// SIGINT and SIGTERM as a token: the first asks for an orderly end, one that comes later has the system's usual effect. Not one that comes along with the
/// first, as from whoever signals the process and its group (timeout of coreutils).
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private static readonly TimeSpan s_together = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration[] _registrations;
    private readonly TimeProvider _time;
    private long _first = long.MinValue;

    /// <param name="time">The time; null: the system's.</param>
    public StopSignals(TimeProvider? time = null)
    {
        _time = time ?? TimeProvider.System;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        ];
    }

    public CancellationToken Token => _stop.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _stop.Dispose();
    }

    /// <summary>Called for each signal, on a thread of its own.</summary>
    internal void OnSignal(PosixSignalContext context)
    {
        long now = _time.GetTimestamp();
        long first = Interlocked.CompareExchange(ref _first, now, long.MinValue);
        context.Cancel = first == long.MinValue || _time.GetElapsedTime(first, now) < s_together;
        if (first == long.MinValue)
        {
            _stop.Cancel();
        }
    }
}
