using TcpActors.Engine.State;
using TcpActors.Transport;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;
using Xunit;

namespace TcpActors.Specs.Transport;

/// <summary>What a receiving thread does around its looks at the queue; the spec plays the thread.</summary>
public sealed class ReceiveLoopSpecs : IDisposable
{
    private readonly BusyQueue _queue = new();
    private readonly Work _work = new();
    private readonly ReceiveLoop _loop;

    public ReceiveLoopSpecs() => _loop = new ReceiveLoop(
        "rx", _queue, new RxDispatcher(new FlowTable(), null, static () => { }), _work, MonotonicClock.System);

    [Fact]
    public void A_barrier_is_passed_when_the_queue_was_seen_empty()
    {
        bool isThrough = false;
        _loop.PostBarrier(() => isThrough = true);
        _queue.Waiting = 3 * RxBatch.Capacity;
        for (int turn = 0; turn < 3; turn++)
        {
            _loop.RunOnce(Microseconds.Zero);
            Assert.False(isThrough);
        }

        _loop.RunOnce(Microseconds.Zero);
        Assert.True(isThrough);
        Assert.Equal(0, _queue.Lent);
    }

    [Fact]
    public void A_queue_that_is_never_empty_does_not_hold_up_a_barrier_for_ever()
    {
        _queue.Waiting = int.MaxValue;
        _loop.RunOnce(Microseconds.Zero);
        int turns = 0;
        bool isThrough = false;
        _loop.PostBarrier(() => isThrough = true);
        for (; !isThrough && turns < 100; turns++)
        {
            _loop.RunOnce(Microseconds.Zero);
        }

        // All that can have been in the queue, and a batch that may have been in the thread's hands.
        Assert.Equal((BusyQueue.Most / RxBatch.Capacity) + 1, turns);
    }

    [Fact]
    public async Task A_barrier_is_passed_although_the_thread_has_ended()
    {
        var failed = new TaskCompletionSource();
        bool isThrough = false;
        _loop.OnFailure = _ =>
        {
            _loop.PostBarrier(() => isThrough = true);
            failed.SetResult();
        };
        _queue.Failure = new IOException("the queue is broken");
        _loop.Start();
        await failed.Task.WaitAsync(TimeSpan.FromSeconds(10));
        _loop.Dispose();
        Assert.True(isThrough);

        bool isThroughToo = false;
        _loop.PostBarrier(() => isThroughToo = true);
        Assert.True(isThroughToo);
    }

    [Fact]
    public void It_says_that_it_is_about_to_look_and_then_that_it_looked()
    {
        _loop.RunOnce(Microseconds.Zero);
        Assert.Equal(["looking", "due"], _work.Calls);
    }

    public void Dispose() => _loop.Dispose();

    private sealed class Work : IReceiveLoopWork
    {
        public List<string> Calls { get; } = [];

        public Microseconds Earliest => Microseconds.Never;

        public void Enter()
        {
        }

        public void Looking() => Calls.Add("looking");

        public void RunDue(Microseconds now) => Calls.Add("due");

        public void Leave()
        {
        }
    }

    /// <summary>Holds frames that are no IP packets.</summary>
    private sealed class BusyQueue : IReceiveQueue, IRxFrameOwner
    {
        public const int Most = 512;

        public int Waiting { get; set; }

        public int Lent { get; private set; }

        public Exception? Failure { get; set; }

        public int Depth => Most;

        public int Receive(Span<RxFrame> frames, Microseconds timeout)
        {
            if (Failure is not null)
            {
                throw Failure;
            }

            int count = Math.Min(Waiting, frames.Length);
            for (int i = 0; i < count; i++)
            {
                frames[i] = new RxFrame { Owner = this };
            }

            (Waiting, Lent) = (Waiting - count, Lent + count);
            return count;
        }

        public void Wake()
        {
        }

        public void Return(int token) => Lent--;
    }
}
