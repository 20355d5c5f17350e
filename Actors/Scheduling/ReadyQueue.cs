using Akka.Dispatch;

namespace TcpActors.Actors.Scheduling;

/// <summary>
/// The mailboxes that became ready on one receiving thread. Used by that thread only; it says so with <see cref="Enter"/>, and specs
/// that play the receiving thread do the same.
/// </summary>
public sealed class ReadyQueue
{
    [ThreadStatic]
    private static ReadyQueue? s_ofThisThread;

    private readonly Queue<IRunnable> _ready = new();

    /// <summary>The queue of the receiving thread that is running; null on every other thread.</summary>
    public static ReadyQueue? OfThisThread => s_ofThisThread;

    /// <summary>How many mailboxes wait.</summary>
    public int Count => _ready.Count;

    /// <summary>Makes this the queue of the calling thread until the result is disposed of.</summary>
    public Scope Enter()
    {
        ReadyQueue? before = s_ofThisThread;
        s_ofThisThread = this;
        return new Scope(before);
    }

    internal void Enqueue(IRunnable run) => _ready.Enqueue(run);

    /// <summary>
    /// Runs up to <paramref name="budget"/> mailboxes; what is ready beyond that goes to the pool, so that a burst of long work cannot keep
    /// the thread from its link.
    /// </summary>
    public void Drain(int budget)
    {
        for (int i = 0; i < budget && _ready.TryDequeue(out IRunnable? run); i++)
        {
            run.Run();
        }

        while (_ready.TryDequeue(out IRunnable? rest))
        {
            ThreadPool.UnsafeQueueUserWorkItem(rest, preferLocal: false);
        }
    }

    /// <summary>Ends what <see cref="Enter"/> began.</summary>
    public readonly struct Scope(ReadyQueue? before) : IDisposable
    {
        public void Dispose() => s_ofThisThread = before;
    }
}
