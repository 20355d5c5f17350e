namespace TcpActors.Cli.Demo;

/// <summary>A position in a stream that only grows, and that others can wait for. Any thread.</summary>
internal sealed class Milepost(long start = 0)
{
    private readonly Lock _lock = new();
    private readonly PriorityQueue<TaskCompletionSource, long> _waiting = new();
    private long _value = start;

    public long Value => Volatile.Read(ref _value);

    public void MoveTo(long value)
    {
        lock (_lock)
        {
            Volatile.Write(ref _value, value);
            while (_waiting.TryPeek(out TaskCompletionSource? waiter, out var wanted) && wanted <= value)
            {
                _waiting.Dequeue();
                waiter.SetResult();
            }
        }
    }

    public Task ReachesAsync(long value, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_value >= value)
            {
                return Task.CompletedTask;
            }

            var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(waiter, value);
            return waiter.Task.WaitAsync(cancellationToken);
        }
    }
}
