using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace TcpActors.HostSide;

/// <summary>Why a waiting operation goes on.</summary>
internal enum Wake : byte
{
    /// <summary>What it waited for is there, or will never come.</summary>
    Ready,

    /// <summary>CancelPendingRead or CancelPendingFlush.</summary>
    Canceled,

    /// <summary>The operation's cancellation token.</summary>
    TokenCanceled,
}

/// <summary>
/// Lets one operation at a time wait, over and over, without an allocation: a stock source queues its continuation to the thread pool in a
/// new object, this one queues itself. Arm, Disarm and what they decide on are guarded by the user's lock; Fire comes after it.
/// </summary>
internal sealed class CompletionSignal(PipeScheduler scheduler) : IThreadPoolWorkItem
{
    private ManualResetValueTaskSourceCore<Wake> _core;
    private CancellationTokenRegistration _registration;
    private Wake _wake;

    /// <summary>Whether an operation waits.</summary>
    public bool IsArmed { get; private set; }

    /// <summary>Whether an operation waits, or has been woken and has not taken its result.</summary>
    public bool IsInUse { get; private set; }

    /// <returns>The token for the value task.</returns>
    public short Arm()
    {
        IsArmed = IsInUse = true;
        return _core.Version;
    }

    /// <returns>Whether the caller is the one who wakes the operation: it calls <see cref="Fire"/>.</returns>
    public bool Disarm(Wake wake)
    {
        if (!IsArmed)
        {
            return false;
        }

        IsArmed = false;
        _wake = wake;
        return true;
    }

    /// <param name="woken">What <see cref="Disarm"/> said; nothing happens unless it is true.</param>
    public void Fire(bool woken)
    {
        if (!woken)
        {
            return;
        }

        if (ReferenceEquals(scheduler, PipeScheduler.Inline))
        {
            Execute();
        }
        else if (ReferenceEquals(scheduler, PipeScheduler.ThreadPool))
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        else
        {
            scheduler.Schedule(static signal => ((CompletionSignal)signal!).Execute(), this);
        }
    }

    public void Execute() => _core.SetResult(_wake);

    /// <summary>Has <paramref name="callback"/> called if the token is cancelled before the result is taken.</summary>
    public void Watch(CancellationToken token, Action<object?> callback, object state)
    {
        if (token.CanBeCanceled)
        {
            _registration = token.UnsafeRegister(callback, state);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <summary>Takes the result, after which the next operation may wait.</summary>
    /// <exception cref="OperationCanceledException">When the operation's token was cancelled.</exception>
    public Wake GetResult(short token)
    {
        Wake wake = Take(token, out CancellationToken watched);
        return wake == Wake.TokenCanceled ? throw new OperationCanceledException(watched) : wake;
    }

    /// <summary>Takes the result as it is.</summary>
    /// <param name="token">The value task's.</param>
    /// <param name="watched">The operation's cancellation token.</param>
    public Wake Take(short token, out CancellationToken watched)
    {
        Wake wake = _core.GetResult(token);
        watched = _registration.Token;

        // Waits for a callback that runs on another thread, so that none reaches the next operation.
        _registration.Dispose();
        _registration = default;
        _core.Reset();
        IsInUse = false;
        return wake;
    }
}
