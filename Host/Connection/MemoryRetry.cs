namespace TcpActors.HostSide;

/// <summary>
/// Has a writer that found no buffer memory try again every 10 ms: nobody tells when there is some. Costs nothing until then.
/// </summary>
internal sealed class MemoryRetry(TimeProvider time, Action tryAgain)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private ITimer? _timer;

    /// <summary>
    /// Starts or ends the attempts; one may still come after the end. The caller sees to it that there is one call at a time.
    /// </summary>
    public void Set(bool isStarved)
    {
        if (isStarved)
        {
            _timer ??= time.CreateTimer(static retry => ((MemoryRetry)retry!).TryAgain(), this, Pause, Pause);
        }
        else if (_timer is not null)
        {
            _timer.Dispose();
            _timer = null;
        }
    }

    private void TryAgain() => tryAgain();
}
