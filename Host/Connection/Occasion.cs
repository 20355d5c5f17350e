namespace TcpActors.HostSide;

/// <summary>Something that comes once and that some wait for: most connections end without anybody having waited. Any thread.</summary>
internal struct Occasion
{
    private static readonly TaskCompletionSource s_come = Come(new TaskCompletionSource());

    private TaskCompletionSource? _source;

    /// <summary>Completes when it comes; continuations run elsewhere.</summary>
    public Task Task
    {
        get
        {
            if (Volatile.Read(ref _source) is { } there)
            {
                return there.Task;
            }

            var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return (Interlocked.CompareExchange(ref _source, source, null) ?? source).Task;
        }
    }

    public void Come() => Interlocked.CompareExchange(ref _source, s_come, null)?.TrySetResult();

    private static TaskCompletionSource Come(TaskCompletionSource source)
    {
        source.SetResult();
        return source;
    }
}
