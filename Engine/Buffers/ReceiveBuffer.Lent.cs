namespace TcpActors.Engine.Buffers;

/// <content>The place of the next bytes, lent to the host while the kernel owns the connection.</content>
public sealed partial class ReceiveBuffer
{
    /// <summary>What one receive gets at most of posted memory, as it costs slots of the ring.</summary>
    private const int MostLent = 1 << 20;

    /// <summary>
    /// Lends the place of the next bytes, for the host while the kernel owns the connection: a receive goes straight into it.
    /// <see cref="Produce"/> ends the loan. It costs a chunk: wait until there is something to receive first.
    /// </summary>
    /// <param name="memory">At least one byte, at most a chunk, never beyond <see cref="SequencedBuffer.Limit"/>.</param>
    /// <returns>False when the buffer is full.</returns>
    /// <exception cref="OutOfBufferMemoryException">When the pool has no chunk left.</exception>
    /// <exception cref="ObjectDisposedException"/>
    public bool TryGetMemory(out Memory<byte> memory)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (TryLendPosted(out memory))
            {
                return true;
            }

            int room = Free;
            if (room == 0)
            {
                memory = default;
                return false;
            }

            uint index = _chunks.IndexOf(_committed);
            Reserve(index);
            if (!_chunks.TryFill(index, index))
            {
                throw new OutOfBufferMemoryException(
                    "No buffer memory is left for received bytes: raise the pool's limit, lower the buffers' or hold fewer connections.");
            }

            _ownerHolds = true;
            int offset = _chunks.OffsetOf(_committed);
            memory = _chunks.At(index)!.Memory.Slice(offset, Math.Min(room, _chunks.ChunkSize - offset));
            _lentToOwner = memory.Length;
            return true;
        }
    }

    /// <summary>Ends the loan of <see cref="TryGetMemory"/> and commits the first <paramref name="count"/> bytes of it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">When more bytes are produced than were lent.</exception>
    public void Produce(int count)
    {
        lock (_lock)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(count);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _lentToOwner);
            _lentToOwner = 0;
            if (_disposed)
            {
                EndLoanOfPosted(0);
                FreeAllUnlessLent();
                return;
            }

            EndLoanOfPosted(count);
            Volatile.Write(ref _committed, _committed + (uint)count);
            if ((int)(_committed - _written) > 0)
            {
                _written = _committed;
            }

            HandOverPlaced();
            OwnerLetsGo();
        }
    }

    private bool TryLendPosted(out Memory<byte> memory)
    {
        memory = default;
        if (_posting.Room <= 0 || _posting.PlacedTo != _committed)
        {
            return false;
        }

        memory = _posting.Memory.Slice(_posting.Placed, Math.Min(_posting.Room, MostLent));
        Reserve(_chunks.IndexOf(_committed + (uint)memory.Length - 1));
        (_lentToOwner, _posting.IsLent, _ownerHolds) = (memory.Length, true, true);
        return true;
    }

    private void EndLoanOfPosted(int count)
    {
        if (_posting.IsLent)
        {
            _posting.IsLent = false;
            _posting.Advance(count);
        }
    }
}
