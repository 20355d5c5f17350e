using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;
using TcpActors.Engine.Buffers;

namespace TcpActors.HostSide;

/// <summary>
/// What the application reads a connection with: a <see cref="PipeReader"/> over the receive buffer, without a copy, and socket-like
/// <see cref="ReceiveAsync"/>. It stays the same object whoever owns the connection. One application thread at a time; the owner's
/// side (<see cref="NotifyReadable"/>, <see cref="CompleteInput(Exception?)"/>) from any thread. Waiting allocates nothing.
/// </summary>
/// <remarks>
/// Unlike with a stock pipe, only what is consumed makes room, since it is what the peer's window is made of. A reader that waits for more
/// than the buffer's limit gets a larger limit instead of waiting for ever.
/// </remarks>
public sealed partial class ConnectionInput : PipeReader, IValueTaskSource<ReadResult>, IValueTaskSource<int>
{
    private const int DoorbellBytes = 2 * 65536;
    private const int LargestLimit = 1 << 30;

    private readonly ReceiveBuffer _buffer;
    private readonly IConnectionOwner _owner;
    private readonly CompletionSignal _signal;
    private readonly Lock _gate = new();

    // Guarded by the gate.
    private bool _ended;
    private PendingError? _failure;
    private bool _cancelRequested;
    private bool _completed;
    private int _minimum;

    // The reader's own. Examined is counted from the first unread byte.
    private ReadState _state;
    private ReadOnlySequence<byte> _lent;
    private long _examined;
    private Memory<byte> _destination;
    private int _consumedSinceDoorbell;

    /// <param name="buffer">Where the owner puts received bytes.</param>
    /// <param name="owner">Whom to tell that the window opened.</param>
    /// <param name="scheduler">Where a waiting read goes on; the thread pool if null.</param>
    public ConnectionInput(ReceiveBuffer buffer, IConnectionOwner owner, PipeScheduler? scheduler = null)
    {
        _buffer = buffer;
        _owner = owner;
        _signal = new CompletionSignal(scheduler ?? PipeScheduler.ThreadPool);
    }

    private enum ReadState : byte
    {
        None,

        /// <summary>A read gave no data (TryRead, a cancelled read): AdvanceTo may follow, or another read.</summary>
        Tentative,
        Active,
    }

    /// <summary>Whether the application will read no more.</summary>
    public bool IsCompleted => Volatile.Read(ref _completed);

    /// <summary>Tells the reader that the owner has committed bytes which it is to have now. Any thread.</summary>
    public void NotifyReadable()
    {
        bool wake;
        lock (_gate)
        {
            wake = _signal.IsArmed ? IsReady(_minimum) && Disarm(Wake.Ready) : IsGivenBack();
        }

        _signal.Fire(wake);
    }

    /// <summary>
    /// Tells the reader that nothing comes after the bytes committed so far: the end of the stream or, with an error, the failure that
    /// a read throws when it has read all of them, and after which the stream is at its end. Any thread; only the first call counts.
    /// </summary>
    public void CompleteInput(Exception? error = null) => CompleteInput(error is null ? null : new PendingError(error));

    /// <inheritdoc cref="CompleteInput(Exception?)"/>
    internal void CompleteInput(PendingError? failure)
    {
        bool wake;
        lock (_gate)
        {
            wake = IsGivenBack();
            if (!_ended)
            {
                _ended = true;
                _failure = failure;
                wake |= Disarm(Wake.Ready);
            }
        }

        _signal.Fire(wake);
    }

    /// <inheritdoc/>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        ReadAsync(minimum: 1, cancellationToken);

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        bool ready;
        bool raised;
        lock (_gate)
        {
            ThrowIfNotReadable();
            ready = _cancelRequested || IsReady(minimum: 1);
            raised = !ready && RaiseLimit(minimum: 1);
            _state = ready ? _state : ReadState.Tentative;
        }

        if (raised)
        {
            _owner.WindowOpened();
        }

        result = ready ? Take(Wake.Ready, minimum: 1) : default;
        return ready;
    }

    /// <summary>
    /// Receives like a socket: as many bytes as are there, up to the memory's length, and zero at the end of the stream. While it waits,
    /// the owner knows the length that is asked for, and need not wake the application before it is there (the patent's PUSH timer).
    /// </summary>
    /// <param name="destination">Empty: waits until there is something to read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">When a read is going on or the reader was completed.</exception>
    /// <exception cref="OperationCanceledException">After the token or <see cref="CancelPendingRead"/>.</exception>
    public ValueTask<int> ReceiveAsync(Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        short token = 0;
        bool ready;
        lock (_gate)
        {
            ThrowIfNotReadable();
            if (cancellationToken.IsCancellationRequested)
            {
                return ValueTask.FromCanceled<int>(cancellationToken);
            }

            _examined = 0;
            _destination = destination;
            ready = _cancelRequested || IsReady(minimum: 1);
            if (!ready)
            {
                token = Arm(minimum: 1, requested: Math.Max(1, destination.Length));
            }
        }

        if (ready)
        {
            return new ValueTask<int>(Receive(Wake.Ready));
        }

        Watch(cancellationToken);
        return new ValueTask<int>(this, token);
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_state == ReadState.None)
        {
            throw new InvalidOperationException("There is no read to advance.");
        }

        long consumedBytes = _lent.IsEmpty ? 0 : _lent.GetOffset(consumed) - _lent.GetOffset(_lent.Start);
        long examinedBytes = _lent.IsEmpty ? 0 : _lent.GetOffset(examined) - _lent.GetOffset(_lent.Start);
        if (examinedBytes < consumedBytes)
        {
            throw new InvalidOperationException("The examined position lies before the consumed one.");
        }

        _lent = default;
        _state = ReadState.None;
        _examined = examinedBytes - consumedBytes;
        Consume((int)consumedBytes);
    }

    /// <inheritdoc/>
    public override void CancelPendingRead()
    {
        bool wake;
        lock (_gate)
        {
            _cancelRequested = !_signal.IsArmed;
            wake = Disarm(Wake.Canceled);
        }

        _signal.Fire(wake);
    }

    /// <summary>Ends reading. Unread bytes stay in the receive buffer, where the host finds them.</summary>
    /// <param name="exception">Why; null for no reason.</param>
    public override void Complete(Exception? exception = null)
    {
        bool wake;
        lock (_gate)
        {
            if (_completed)
            {
                return;
            }

            _completed = true;
            wake = Disarm(Wake.Ready);
        }

        _buffer.Consume(0);
        (_state, _lent) = (ReadState.None, default);
        _owner.InputCompleted(exception);
        _signal.Fire(wake);
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _signal.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _signal.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _signal.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<int>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _signal.OnCompleted(continuation, state, token, flags);

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token) => Take(_signal.GetResult(token), _minimum);

    int IValueTaskSource<int>.GetResult(short token) => _isPosted ? TakePosted(token) : Receive(_signal.GetResult(token));

    /// <inheritdoc/>
    protected override ValueTask<ReadResult> ReadAtLeastAsyncCore(int minimumSize, CancellationToken cancellationToken) =>
        ReadAsync(Math.Max(1, minimumSize), cancellationToken);

    private ValueTask<ReadResult> ReadAsync(int minimum, CancellationToken cancellationToken)
    {
        short token = 0;
        bool ready;
        bool raised = false;
        lock (_gate)
        {
            ThrowIfNotReadable();
            if (cancellationToken.IsCancellationRequested)
            {
                return ValueTask.FromCanceled<ReadResult>(cancellationToken);
            }

            ready = _cancelRequested || IsReady(minimum);
            if (!ready)
            {
                raised = RaiseLimit(minimum);
                token = Arm(minimum, requested: minimum);
            }
        }

        if (ready)
        {
            return new ValueTask<ReadResult>(Take(Wake.Ready, minimum));
        }

        if (raised)
        {
            _owner.WindowOpened();
        }

        Watch(cancellationToken);
        return new ValueTask<ReadResult>(this, token);
    }

    private ReadResult Take(Wake wake, int minimum)
    {
        bool canceled;
        bool ended;
        lock (_gate)
        {
            ThrowIfCompleted();
            canceled = wake == Wake.Canceled || _cancelRequested;
            ended = _ended;
            _cancelRequested = false;
        }

        // Only after the end was looked at: bytes committed before it are then all here.
        ReadOnlySequence<byte> readable = _buffer.GetReadable();
        if (ended && !canceled && (readable.Length <= _examined || readable.Length < minimum) && _failure?.Take() is { } error)
        {
            _buffer.Consume(0);
            ExceptionDispatchInfo.Throw(error);
        }

        _lent = readable;
        _state = canceled ? ReadState.Tentative : ReadState.Active;
        return new ReadResult(readable, canceled, isCompleted: ended && _failure is not { IsPending: true });
    }

    private int Receive(Wake wake)
    {
        Memory<byte> destination = _destination;
        _destination = default;
        ReadResult result = Take(wake, minimum: 1);
        int count = result.IsCanceled ? 0 : (int)Math.Min(result.Buffer.Length, destination.Length);
        result.Buffer.Slice(0, count).CopyTo(destination.Span);
        _lent = default;
        _state = ReadState.None;
        Consume(count);
        return result.IsCanceled ? throw new OperationCanceledException("The pending receive was cancelled.") : count;
    }

    private void Consume(int count)
    {
        int allowance = _buffer.Allowance;
        bool wasFull = count > 0 && _buffer.Unread >= allowance;
        _buffer.Consume(count);
        _consumedSinceDoorbell += count;
        if (wasFull || (count > 0 && _consumedSinceDoorbell >= Math.Min(allowance / 4, DoorbellBytes)))
        {
            _consumedSinceDoorbell = 0;
            _owner.WindowOpened();
        }
    }

    private bool IsReady(int minimum)
    {
        int unread = _buffer.Unread;
        return _ended || (unread > _examined && unread >= minimum) || (_isPosted && _buffer.HasSome);
    }

    /// <summary>
    /// A reader that keeps bytes and waits for more could wait for a window that never opens: with half of what is allowed free it always does
    /// (RFC 9293 3.8.6.2.2).
    /// </summary>
    private bool RaiseLimit(int minimum)
    {
        int needed = Math.Max(minimum, _buffer.Unread);
        if (needed <= _buffer.Allowance / 2 || _buffer.Floor == LargestLimit)
        {
            return false;
        }

        _buffer.RaiseLimit(needed > LargestLimit / 2 ? LargestLimit : 2 * needed);
        return true;
    }

    private short Arm(int minimum, int requested)
    {
        _minimum = minimum;
        _buffer.Requested = requested;
        return _signal.Arm();
    }

    /// <returns>Whether the caller wakes the operation.</returns>
    private bool Disarm(Wake wake)
    {
        if (!_signal.Disarm(wake))
        {
            return false;
        }

        _buffer.Requested = 0;
        return !_isPosted || _buffer.TryTakeBack();
    }

    private void Watch(CancellationToken cancellationToken) =>
        _signal.Watch(cancellationToken, static input => ((ConnectionInput)input!).OnTokenCanceled(), this);

    private void OnTokenCanceled()
    {
        bool wake;
        lock (_gate)
        {
            wake = Disarm(Wake.TokenCanceled);
        }

        _signal.Fire(wake);
    }

    private void ThrowIfNotReadable()
    {
        ThrowIfCompleted();
        if (_signal.IsInUse || _state == ReadState.Active)
        {
            throw new InvalidOperationException("A read is going on: await it and call AdvanceTo before the next one.");
        }
    }

    private void ThrowIfCompleted()
    {
        if (_completed)
        {
            throw new InvalidOperationException("The reader was completed: it reads no more.");
        }
    }
}
