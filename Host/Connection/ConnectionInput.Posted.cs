namespace TcpActors.HostSide;

/// <content>Receiving into memory that the application posts: what comes is copied there from the frame.</content>
public sealed partial class ConnectionInput
{
    // The reader's own, except that the owner's side looks at the first under the gate.
    private bool _isPosted;

    /// <summary>
    /// Posts memory of the application's own and waits until it is full, or what has come is to be handed up: the peer has pushed it (PSH), the
    /// patent's PUSH timer has run out, something came that could not be put there (behind a hole, or more than fits), the stream has ended.
    /// Bytes that are there already are copied and returned at once, as by <see cref="ReceiveAsync"/>.
    /// </summary>
    /// <param name="memory">Not to be touched until the receive completes; pinned until then. Empty: as <see cref="ReceiveAsync"/>.</param>
    /// <param name="cancellationToken">Ends the wait. What had come by then is returned, as it lies nowhere else.</param>
    /// <returns>Bytes received; zero at the end of the stream.</returns>
    /// <exception cref="InvalidOperationException">When a read is going on or the reader was completed.</exception>
    /// <exception cref="OperationCanceledException">After the token or <see cref="CancelPendingRead"/>, when nothing had come.</exception>
    public ValueTask<int> PostReceiveAsync(Memory<byte> memory, CancellationToken cancellationToken = default)
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

            (_examined, _destination) = (0, memory);
            ready = _cancelRequested || IsReady(minimum: 1);
            if (!ready && (memory.IsEmpty || TryPost(memory)))
            {
                token = Arm(minimum: 1, requested: Math.Max(1, memory.Length));
            }
            else
            {
                ready = true;
            }
        }

        if (ready)
        {
            return new ValueTask<int>(Receive(Wake.Ready));
        }

        Watch(cancellationToken);
        return new ValueTask<int>(this, token);
    }

    // False where the owner has committed something since it was looked at.
    private bool TryPost(Memory<byte> memory) => _isPosted = _buffer.TryPost(memory);

    private bool IsGivenBack() => _isPosted && _buffer.TryAcceptGivenBack();

    /// <summary>Nobody writes to the memory any more: it was taken back before the receive completed.</summary>
    private int TakePosted(short token)
    {
        Wake wake = _signal.Take(token, out CancellationToken watched);
        _isPosted = false;

        // What has come is returned whatever else has happened; the next call is told of that.
        int count = _buffer.PlacedBytes;
        if (count > 0 || wake == Wake.TokenCanceled)
        {
            _destination = default;
            return count > 0 ? count : throw new OperationCanceledException(watched);
        }

        return Receive(wake);
    }
}
