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

    /// <summary>Runs what is due, on the receiving thread.</summary>
    void RunDue(Microseconds now);

    /// <summary>Runs on the receiving thread when it ends.</summary>
    void Leave();
}

/// <summary>
/// The receiving thread of one TOE: takes frames from the link, writes them in batches to the dispatcher's channel, runs timers. It sleeps
/// in the link's own wait, until the next deadline. Specs call <see cref="RunOnce"/> themselves instead of <see cref="Start"/>.
/// </summary>
public sealed class ReceiveLoop : IDisposable
{
    private readonly ILink _link;
    private readonly RxDispatcher _dispatcher;
    private readonly IReceiveLoopWork _work;
    private readonly MonotonicClock _clock;
    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly ConcurrentQueue<Action> _barriers = new();
    private RxBatch _batch = new();
    private Thread? _thread;
    private volatile bool _stopping;
    private volatile bool _isResting;

    public ReceiveLoop(ILink link, RxDispatcher dispatcher, IReceiveLoopWork work, MonotonicClock clock) =>
        (_link, _dispatcher, _work, _clock) = (link, dispatcher, work, clock);

    /// <summary>The exception that ended the thread; null while it runs and after an orderly end.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Whether the thread waits for frames: work for it would have to wake it. Any thread.</summary>
    public bool IsResting => _isResting;

    /// <summary>Called on the receiving thread when it ends by an exception.</summary>
    public Action<Exception>? OnFailure { get; set; }

    /// <summary>Starts the thread.</summary>
    public void Start()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = $"rx {_link.Name}" };
        _thread.Start();
    }

    /// <summary>Has the thread run something soon. Any thread.</summary>
    public void Post(Action action)
    {
        _posted.Enqueue(action);
        _link.Wake();
    }

    /// <summary>
    /// Has the thread run something once every frame that the link holds at this moment was dispatched. Any thread.
    /// </summary>
    public void PostBarrier(Action action)
    {
        _barriers.Enqueue(action);
        _link.Wake();
    }

    /// <summary>Wakes the thread, because a deadline came nearer. Any thread.</summary>
    public void Wake() => _link.Wake();

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

        _isResting = longest > Microseconds.Zero;
        int count = _link.Receive(_batch.Frames, longest);
        _isResting = false;
        if (count > 0)
        {
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

        if (count < RxBatch.Capacity)
        {
            for (; barriers > 0 && _barriers.TryDequeue(out Action? action); barriers--)
            {
                action();
            }
        }

        _work.RunDue(_clock.Now);
        return count;
    }

    /// <summary>Ends the thread and waits for it.</summary>
    public void Dispose()
    {
        _stopping = true;
        _link.Wake();
        if (_thread is not null && _thread != Thread.CurrentThread)
        {
            _thread.Join();
        }

        _dispatcher.Complete();
    }

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
            _work.Leave();
        }
    }
}
