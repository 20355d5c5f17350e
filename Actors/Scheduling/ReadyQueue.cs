using System.Collections.Concurrent;
using Akka.Dispatch;

namespace TcpActors.Actors.Scheduling;

/// <summary>
/// The mailboxes that are to run on one receiving thread: those that became ready there, and those that others have <see cref="Post"/>ed.
/// The thread says that it serves the queue with <see cref="Enter"/>, and specs that play the receiving thread do the same.
/// </summary>
/// <param name="wake">Ends the receiving thread's wait for frames, or its next one.</param>
public sealed class ReadyQueue(Action wake)
{
    [ThreadStatic]
    private static ReadyQueue? s_ofThisThread;

    private readonly Queue<IRunnable> _ready = new();
    private readonly ConcurrentQueue<IRunnable> _posted = new();
    private readonly ConcurrentQueue<ConnectionSeat> _afterLook = new();
    private int _served;
    private int _lookedFor;

    /// <summary>The queue of the receiving thread that is running; null on every other thread.</summary>
    public static ReadyQueue? OfThisThread => s_ofThisThread;

    /// <summary>Whether a mailbox waits.</summary>
    public bool HasWork => _ready.Count > 0 || !_posted.IsEmpty;

    /// <summary>Makes this the queue of the calling thread until the result is disposed of.</summary>
    public Scope Enter()
    {
        ReadyQueue? before = s_ofThisThread;
        s_ofThisThread = this;
        Interlocked.Increment(ref _served);
        return new Scope(this, before);
    }

    /// <summary>Has the receiving thread run a mailbox soon; the pool, when there is no such thread. Any thread.</summary>
    public void Post(IRunnable run)
    {
        _posted.Enqueue(run);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _served) == 0)
        {
            LeaveToPool();
        }
        else
        {
            wake();
        }
    }

    /// <summary>Whether somebody waits for the next look at the link, or for what comes after it: it is to be short.</summary>
    public bool IsLookDue => !_afterLook.IsEmpty || !_posted.IsEmpty;

    /// <summary>Has a connection rung when the receiving thread has looked at its link once more. Any thread.</summary>
    internal void AfterNextLook(ConnectionSeat seat)
    {
        _afterLook.Enqueue(seat);
        if (OfThisThread != this)
        {
            wake();
        }
    }

    /// <summary>The link is about to be looked at.</summary>
    internal void Looking() => _lookedFor = _afterLook.Count;

    /// <summary>The link was looked at, for those who waited when that began.</summary>
    internal void Looked()
    {
        for (; _lookedFor > 0 && _afterLook.TryDequeue(out ConnectionSeat? seat); _lookedFor--)
        {
            seat.RingAfterLook();
        }
    }

    internal void Enqueue(IRunnable run) => _ready.Enqueue(run);

    /// <summary>
    /// Runs up to <paramref name="budget"/> mailboxes; what is ready beyond that goes to the pool, so that a burst of long work cannot keep
    /// the thread from its link.
    /// </summary>
    public void Drain(int budget)
    {
        for (int i = 0; i < budget && (_ready.TryDequeue(out IRunnable? run) || _posted.TryDequeue(out run)); i++)
        {
            run.Run();
        }

        while (_ready.TryDequeue(out IRunnable? rest))
        {
            ThreadPool.UnsafeQueueUserWorkItem(rest, preferLocal: false);
        }
    }

    private void Leave(ReadyQueue? before)
    {
        s_ofThisThread = before;
        if (Interlocked.Decrement(ref _served) == 0)
        {
            LeaveToPool();
        }
    }

    private void LeaveToPool()
    {
        while (_posted.TryDequeue(out IRunnable? run))
        {
            ThreadPool.UnsafeQueueUserWorkItem(run, preferLocal: false);
        }
    }

    /// <summary>Ends what <see cref="Enter"/> began.</summary>
    public readonly struct Scope(ReadyQueue queue, ReadyQueue? before) : IDisposable
    {
        public void Dispose() => queue?.Leave(before);
    }
}
