using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;
using TcpActors.Engine.Buffers;

namespace TcpActors.HostSide;

/// <summary>
/// What the application writes a connection with: a <see cref="PipeWriter"/> over the send buffer. It stays the same object whoever owns
/// the connection. One application thread at a time; the owner's side (<see cref="NotifyWritable"/>, <see cref="CloseOutput(Exception?)"/>) from
/// any thread. Waiting allocates nothing.
/// </summary>
/// <remarks>
/// Bytes go straight into the send buffer; only what does not fit there (it is full, or the piece asked for crosses a chunk's end) is
/// staged until there is room. Advanced bytes may be sent before they are flushed, when the owner is sending anyway.
/// </remarks>
public sealed partial class ConnectionOutput : PipeWriter, IValueTaskSource<FlushResult>
{
    private readonly SendBuffer _buffer;
    private readonly IConnectionOwner _owner;
    private readonly PipeScheduler _scheduler;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();

    // All guarded by the gate. The first three are there while they are needed.
    private CompletionSignal? _signal;
    private WaitingBytes? _waiting;
    private MemoryRetry? _retry;
    private Loan _loan;
    private long _unflushed;
    private bool _cancelRequested;
    private bool _completed;
    private bool _announced;
    private Exception? _completionError;
    private bool _closed;
    private PendingError? _failure;

    /// <param name="buffer">Where bytes wait for the owner.</param>
    /// <param name="owner">Whom to tell that there are some.</param>
    /// <param name="scheduler">Where a waiting flush goes on; the thread pool if null.</param>
    /// <param name="time">Tells when to look for buffer memory again after there was none; the system's if null.</param>
    public ConnectionOutput(SendBuffer buffer, IConnectionOwner owner, PipeScheduler? scheduler = null, TimeProvider? time = null)
    {
        _time = time ?? TimeProvider.System;
        _buffer = buffer;
        _owner = owner;
        _scheduler = scheduler ?? PipeScheduler.ThreadPool;
    }

    private enum Loan : byte
    {
        None,
        SendBuffer,
        Staging,
    }

    private bool IsAnythingWaiting => _waiting is { IsEmpty: false };

    /// <summary>Whether the application has ended its writing and all of it is in the send buffer.</summary>
    public bool IsCompleted => Volatile.Read(ref _announced);

    /// <summary>Whether the application has ended its writing; some of it may still wait for room in the send buffer.</summary>
    public bool IsEnding => Volatile.Read(ref _completed);

    /// <inheritdoc/>
    public override bool CanGetUnflushedBytes => true;

    /// <inheritdoc/>
    public override long UnflushedBytes => Volatile.Read(ref _unflushed);

    /// <summary>Tells the writer that the send buffer has more room than before. Any thread.</summary>
    public void NotifyWritable()
    {
        bool moved;
        bool announce;
        bool wake = false;
        lock (_gate)
        {
            moved = TryMoveWaiting();
            announce = CanAnnounce();
            if (_signal is { IsArmed: true } && (_closed || HasRoomAgain()))
            {
                wake = _signal.Disarm(Wake.Ready);
            }
        }

        Ring(moved, announce);
        _signal?.Fire(wake);
    }

    /// <summary>
    /// Tells the writer that nothing can be sent any more. What it writes from now on is dropped; a flush throws
    /// <paramref name="error"/>, those after it that the connection is shut down (EPIPE); without an error they say that they are
    /// completed. Any thread; only the first call counts.
    /// </summary>
    public void CloseOutput(Exception? error = null) => CloseOutput(error is null ? null : new PendingError(error));

    /// <inheritdoc cref="CloseOutput(Exception?)"/>
    internal void CloseOutput(PendingError? failure)
    {
        bool wake;
        bool announce;
        lock (_gate)
        {
            if (!_closed)
            {
                _closed = true;
                _failure = failure;
                DropWaiting();
            }

            announce = CanAnnounce();
            wake = Disarm(Wake.Ready);
        }

        Ring(dataReady: false, announce);
        _signal?.Fire(wake);
    }

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        lock (_gate)
        {
            ThrowIfCompleted();
            EndLoan();
            _waiting?.StageBorrowed();
            if (!IsAnythingWaiting && !_closed && _buffer.TryGetMemory(out Memory<byte> memory, out _))
            {
                if (memory.Length >= sizeHint)
                {
                    _loan = Loan.SendBuffer;
                    return memory;
                }

                _buffer.Advance(0);
            }

            _loan = Loan.Staging;
            return (_waiting ??= new WaitingBytes()).GetMemory(sizeHint);
        }
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        lock (_gate)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(bytes);
            switch (_loan)
            {
                case Loan.SendBuffer:
                    _buffer.Advance(bytes);
                    break;
                case Loan.Staging:
                    _waiting!.Advance(bytes);
                    break;
                default:
                    ArgumentOutOfRangeException.ThrowIfNotEqual(bytes, 0);
                    break;
            }

            _loan = Loan.None;
            _unflushed += bytes;
            TryMoveWaiting();
        }
    }

    /// <summary>
    /// Hands what was written to the owner. Waits while the send buffer is full, until a quarter of what may wait unsent is free, or while
    /// there is no buffer memory: this is the back-pressure.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; the bytes stay written.</param>
    /// <exception cref="OperationCanceledException">When the token was cancelled.</exception>
    /// <exception cref="InvalidOperationException">When another flush waits.</exception>
    /// <remarks>An error that the connection failed with is thrown as it is.</remarks>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        FlushAsync(ReadOnlyMemory<byte>.Empty, cancellationToken);

    /// <summary>Writes and flushes; what does not fit is taken from <paramref name="source"/> itself as room comes up.</summary>
    /// <inheritdoc cref="FlushAsync(CancellationToken)"/>
    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            ThrowIfCompleted();
        }

        return FlushAsync(source, cancellationToken);
    }

    /// <inheritdoc/>
    public override void CancelPendingFlush()
    {
        bool wake;
        lock (_gate)
        {
            wake = Disarm(Wake.Canceled);
            _cancelRequested = !wake;
            _waiting?.StageBorrowed();
        }

        _signal?.Fire(wake);
    }

    /// <summary>Ends writing; the owner is told when everything written is in the send buffer, at once if there is an error.</summary>
    /// <param name="exception">Why the connection is to be aborted; null for an orderly end.</param>
    public override void Complete(Exception? exception = null)
    {
        bool dataReady;
        bool announce;
        lock (_gate)
        {
            if (_completed)
            {
                return;
            }

            EndLoan();
            _completed = true;
            _completionError = exception;
            TryMoveWaiting();
            if (exception is not null)
            {
                DropWaiting();
            }

            dataReady = _unflushed != 0;
            _unflushed = 0;
            announce = CanAnnounce();
        }

        Ring(dataReady, announce);
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _signal!.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _signal!.OnCompleted(continuation, state, token, flags);

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token) => Result(_signal!.GetResult(token) == Wake.Canceled);

    private ValueTask<FlushResult> FlushAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        short token = 0;
        bool wait;
        bool canceled;
        bool dataReady;
        lock (_gate)
        {
            if (_signal is { IsInUse: true })
            {
                throw new InvalidOperationException("A flush is going on: await it before the next one.");
            }

            EndLoan();
            if (!source.IsEmpty)
            {
                (_waiting ??= new WaitingBytes()).Borrow(source);
            }

            dataReady = _unflushed + source.Length != 0 && !_closed;
            TryMoveWaiting();
            _unflushed = 0;
            canceled = _cancelRequested;
            _cancelRequested = false;
            wait = !canceled && !_closed && (IsAnythingWaiting || _buffer.Count >= _buffer.Allowance);
            if (wait)
            {
                token = (_signal ??= new CompletionSignal(_scheduler)).Arm();
            }
            else
            {
                _waiting?.StageBorrowed();
            }
        }

        Ring(dataReady, announce: false);
        if (!wait)
        {
            return new ValueTask<FlushResult>(Result(canceled));
        }

        _signal!.Watch(cancellationToken, static output => ((ConnectionOutput)output!).OnTokenCanceled(), this);
        return new ValueTask<FlushResult>(this, token);
    }

    private FlushResult Result(bool canceled)
    {
        lock (_gate)
        {
            if (_closed && _failure is not null && !canceled)
            {
                ExceptionDispatchInfo.Throw(_failure.Take() ?? new SocketException((int)SocketError.Shutdown));
            }

            return new FlushResult(canceled, _closed);
        }
    }

    private void OnTokenCanceled()
    {
        bool wake;
        lock (_gate)
        {
            wake = Disarm(Wake.TokenCanceled);
            _waiting?.StageBorrowed();
        }

        _signal?.Fire(wake);
    }

    /// <summary>Moves what waits into the send buffer, as far as it goes.</summary>
    private bool TryMoveWaiting()
    {
        if (_waiting is null or { IsEmpty: true })
        {
            return false;
        }

        if (_closed)
        {
            DropWaiting();
            return false;
        }

        bool moved = _waiting.MoveTo(_buffer, keepArray: _loan == Loan.Staging, out bool isStarved);
        SetRetry(isStarved);
        return moved;
    }

    private void DropWaiting()
    {
        _waiting?.Clear(keepArray: _loan == Loan.Staging);
        SetRetry(isStarved: false);
    }

    private bool Disarm(Wake wake) => _signal is not null && _signal.Disarm(wake);

    private void EndLoan()
    {
        if (_loan == Loan.SendBuffer)
        {
            _buffer.Advance(0);
        }

        _loan = Loan.None;
    }

    private bool HasRoomAgain() => !IsAnythingWaiting && _buffer.HasRoomAgain;

    private bool CanAnnounce()
    {
        if (!_completed || _announced || IsAnythingWaiting)
        {
            return false;
        }

        _announced = true;
        return true;
    }

    private void Ring(bool dataReady, bool announce)
    {
        if (dataReady)
        {
            _owner.DataReady();
        }

        if (announce)
        {
            _owner.OutputCompleted(_completionError);
        }
    }

    private void ThrowIfCompleted()
    {
        if (_completed)
        {
            throw new InvalidOperationException("The writer was completed: it writes no more.");
        }
    }
}
