namespace TcpActors.HostSide;

/// <summary>Has a writer that found no buffer memory try again every 10 ms: nobody tells when there is some.</summary>
internal sealed class MemoryRetry(TimeProvider time, ConnectionOutput writer)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private ITimer? _timer;

    /// <summary>The caller sees to it that there is one call at a time.</summary>
    public void Start() =>
        _timer ??= time.CreateTimer(static writer => ((ConnectionOutput)writer!).NotifyWritable(), writer, Pause, Pause);

    /// <summary>Ends the attempts; one may still come.</summary>
    public void Stop() => _timer?.Dispose();
}
