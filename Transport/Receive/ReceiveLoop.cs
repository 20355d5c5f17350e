using System.Collections.Concurrent;
using TcpActors.Engine.State;
using TcpActors.Transport.Links;

namespace TcpActors.Transport.Receive;

/// <summary>What else the receiving thread does between batches: timers, and the owners that run on it.</summary>
public interface IReceiveLoopWork
{
    /// <summary>When the thread has to be back at the latest; Never when nothing is due.</summary>
    Microseconds Earliest { get; }

    /// <summary>Runs on the receiving thread when it starts, before anything else.</summary>
    void Enter();

    /// <summary>The link is about to be looked at.</summary>
    void Looking();

    /// <summary>Runs what is due, on the receiving thread, after the look at the link.</summary>
    void RunDue(Microseconds now);

    /// <summary>Runs on the receiving thread when it ends.</summary>
    void Leave();
}

/// <summary>
/// A receiving thread of a TOE: takes frames from a queue of the link, writes them in batches to the dispatcher's channel, runs timers. It
/// sleeps in the link's own wait, until the next deadline. Specs call <see cref="RunOnce"/> themselves instead of <see cref="Start"/>.
/// </summary>
public sealed class ReceiveLoop : IDisposable
{
    private readonly string _name;
    private readonly IReceiveQueue _queue;
    private readonly RxDispatcher _dispatcher;
    private readonly IReceiveLoopWork _work;
    private readonly MonotonicClock _clock;
    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly ConcurrentQueue<Barrier> _barriers = new();
    private long _received;
    private RxBatch _batch = new();
    private Thread? _thread;
    private volatile bool _stopping;
    private volatile bool _isResting;
    private volatile bool _hasEnded;

    /// <param name="name">What its thread is called.</param>
    /// <param name="queue">Where frames come from.</param>
    /// <param name="dispatcher">Gets them.</param>
    /// <param name="work">What else its thread does.</param>
    /// <param name="clock">Tells what is due.</param>
    public ReceiveLoop(string name, IReceiveQueue queue, RxDispatcher dispatcher, IReceiveLoopWork work, MonotonicClock clock) =>
        (_name, _queue, _dispatcher, _work, _clock) = (name, queue, dispatcher, work, clock);

    /// <summary>The exception that ended the thread; null while it runs and after an orderly end.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Whether the thread waits for frames: work for it would have to wake it. Any thread.</summary>
    public bool IsResting => _isResting;

    /// <summary>Called on the receiving thread when it ends by an exception.</summary>
    public Action<Exception>? OnFailure { get; set; }

    /// <summary>Starts the thread.</summary>
    public void Start()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = _name };
        _thread.Start();
    }

    /// <summary>Has the thread run something soon. Any thread.</summary>
    public void Post(Action action)
    {
        _posted.Enqueue(action);
        _queue.Wake();
    }

    /// <summary>
    /// Has the thread run something once every frame that its queue holds at this moment was dispatched; when the thread has ended, this one
    /// runs it. Any thread.
    /// </summary>
    public void PostBarrier(Action action)
    {
        // The queue may never be seen empty: then it is enough that as many frames came out of it as were in it at most.
        _barriers.Enqueue(new Barrier(action, LastFrame: Volatile.Read(ref _received) + RxBatch.Capacity + _queue.Depth));
        if (_hasEnded)
        {
            PassAllBarriers();
        }
        else
        {
            _queue.Wake();
        }
    }

    /// <summary>Wakes the thread, because a deadline came nearer. Any thread.</summary>
    public void Wake() => _queue.Wake();

    /// <summary>One turn: waits for frames up to <paramref name="longest"/> or the next deadline, dispatches them, runs what is due.</summary>
    /// <returns>How many frames were received.</returns>
    public int RunOnce(Microseconds longest)
    {
        Microseconds earliest = _work.Earliest;
        if (!earliest.IsNever)
        {
            Microseconds until = Microseconds.Max(Microseconds.Zero, earliest - _clock.Now);
            longest = Microseconds.Min(longest, until);
        }

        if (!_posted.IsEmpty)
        {
            longest = Microseconds.Zero;
        }

        int barriers = _barriers.Count;
        if (barriers > 0)
        {
            longest = Microseconds.Zero;
        }

        _work.Looking();
        _isResting = longest > Microseconds.Zero;
        int count = _queue.Receive(_batch.Frames, longest);
        _isResting = false;
        if (count > 0)
        {
            Volatile.Write(ref _received, _received + count);
            _batch.Count = count;
            if (_dispatcher.TryWrite(_batch) && _batch.Count != 0)
            {
                // The dispatcher did not run inside the write: the batch is its own until it has.
                _batch = new RxBatch();
            }

            if (_dispatcher.Completion.IsFaulted)
            {
                // Nobody would read the channel any more: what ended the dispatcher ends this thread, and is told.
                _dispatcher.Completion.GetAwaiter().GetResult();
            }
        }

        while (_posted.TryDequeue(out Action? action))
        {
            action();
        }

        for (; barriers > 0 && _barriers.TryPeek(out Barrier barrier); barriers--)
        {
            if (count == RxBatch.Capacity && _received < barrier.LastFrame)
            {
                break;
            }

            _barriers.TryDequeue(out _);
            barrier.Action();
        }

        _work.RunDue(_clock.Now);
        return count;
    }

    /// <summary>Ends the thread and waits for it.</summary>
    public void Dispose()
    {
        _stopping = true;
        _queue.Wake();
        if (_thread is not null && _thread != Thread.CurrentThread)
        {
            _thread.Join();
        }

        _dispatcher.Complete();
    }

    private readonly record struct Barrier(Action Action, long LastFrame);

    private void Run()
    {
        try
        {
            _work.Enter();
            while (!_stopping)
            {
                RunOnce(Microseconds.Never);
            }
        }
        catch (Exception e)
        {
            Failure = e;
            OnFailure?.Invoke(e);
        }
        finally
        {
            _hasEnded = true;
            Interlocked.MemoryBarrier();
            PassAllBarriers();
            _work.Leave();
        }
    }

    /// <summary>Nobody dispatches what the queue holds any more.</summary>
    private void PassAllBarriers()
    {
        while (_barriers.TryDequeue(out Barrier barrier))
        {
            barrier.Action();
        }
    }
}
