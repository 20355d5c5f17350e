using TcpActors.Engine.State;

namespace TcpActors.Engine.Buffers;

/// <summary>
/// The bytes an application has written and the peer has not acknowledged, addressed by sequence number: at once the send queue and the
/// retransmission queue. One producer (the application's side) appends; one owner (whoever owns the connection's variables) reads
/// any of it as often as needed and frees it from the front. Memory is rented in chunks as bytes come and goes back when they are
/// freed; an empty buffer holds none. At most 2^30 bytes.
/// </summary>
/// <remarks>The lock guards chunks coming and going; the owner's reads take none.</remarks>
public sealed unsafe class SendBuffer : SequencedBuffer, IDisposable
{
    private uint _una;
    private uint _end;
    private int _lent;
    private int _allowance = int.MaxValue;
    private int _ahead = int.MaxValue;

    /// <param name="pool">Where the memory comes from.</param>
    /// <param name="limit">Bytes that may wait in the buffer, up to 2^30.</param>
    public SendBuffer(ChunkPool pool, int limit)
        : base(pool, limit)
    {
    }

    /// <summary>Sequence number of the first byte held.</summary>
    public SeqNum Una => new(Volatile.Read(ref _una) + _origin);

    /// <summary>Sequence number after the last byte written.</summary>
    public SeqNum End => new(Volatile.Read(ref _end) + _origin);

    /// <summary>Bytes freed since the beginning, modulo 2^32; fewer again when some are put back (<see cref="Prepend"/>).</summary>
    public uint Freed => Volatile.Read(ref _una);

    /// <summary>Bytes that may wait now, at most <see cref="SequencedBuffer.Limit"/>.</summary>
    public int Allowance => Math.Min(Volatile.Read(ref _allowance), Limit);

    /// <summary>Whether a producer that found the buffer full has enough room again: a quarter of what it may write ahead.</summary>
    public bool HasRoomAgain => Allowance - Count >= Math.Max(1, Math.Min(Volatile.Read(ref _ahead), Allowance) / 4);

    /// <summary>
    /// Bounds what may wait, for the owner: what waits long is cold when it is sent. The producer is to be told when there is more room for it.
    /// </summary>
    /// <param name="flight">Bytes sent and not acknowledged.</param>
    /// <param name="ahead">Bytes that may wait unsent beside them; <see cref="int.MaxValue"/>: up to the limit.</param>
    public void Allow(int flight, int ahead)
    {
        Volatile.Write(ref _ahead, ahead);
        Volatile.Write(ref _allowance, (int)Math.Min((long)flight + ahead, int.MaxValue));
    }

    /// <summary>Bytes held.</summary>
    public int Count => (int)(Volatile.Read(ref _end) - Volatile.Read(ref _una));

    /// <summary>
    /// Lends the producer the place of the next bytes; <see cref="Advance"/> ends the loan.
    /// </summary>
    /// <param name="memory">At least one byte, at most a chunk, never beyond <see cref="Allowance"/>.</param>
    /// <param name="isStarved">Whether the pool has no chunk left; nobody tells when it has one again.</param>
    /// <returns>False when the buffer is full or starved.</returns>
    /// <exception cref="ObjectDisposedException"/>
    public bool TryGetMemory(out Memory<byte> memory, out bool isStarved)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            isStarved = false;
            int room = Allowance - Count;
            if (room <= 0)
            {
                memory = default;
                return false;
            }

            uint index = _chunks.IndexOf(_end);
            uint low = _chunks.IndexOf(_una);
            _chunks.Reserve(low, _chunks.Span(low, index));
            if (!_chunks.TryFill(index, index))
            {
                isStarved = true;
                memory = default;
                return false;
            }

            int offset = _chunks.OffsetOf(_end);
            memory = _chunks.At(index)!.Memory.Slice(offset, Math.Min(room, _chunks.ChunkSize - offset));
            _lent = memory.Length;
            return true;
        }
    }

    /// <summary>Ends the loan of <see cref="TryGetMemory"/>: the first <paramref name="count"/> bytes of it are to be sent.</summary>
    /// <param name="count">Bytes written into the memory lent; 0 gives it back unused.</param>
    /// <exception cref="ArgumentOutOfRangeException">When more bytes are advanced than were lent.</exception>
    public void Advance(int count)
    {
        lock (_lock)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(count);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _lent);
            _lent = 0;
            if (_disposed)
            {
                _chunks.FreeAll();
                return;
            }

            Volatile.Write(ref _end, _end + (uint)count);
            FreeLastWhenEmpty();
        }
    }

    /// <summary>Appends what fits.</summary>
    /// <returns>How many bytes were taken: fewer than given when the buffer filled up.</returns>
    /// <exception cref="OutOfBufferMemoryException">When the pool has no chunk left; bytes taken before that stay.</exception>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        int taken = Write(bytes, out bool isStarved);
        return isStarved ? throw NoMemory() : taken;
    }

    /// <summary>Appends what fits and what there is memory for.</summary>
    /// <returns>How many bytes were taken: fewer than given when the buffer filled up or is starved.</returns>
    /// <inheritdoc cref="TryGetMemory"/>
    public int Write(ReadOnlySpan<byte> bytes, out bool isStarved)
    {
        int taken = 0;
        isStarved = false;
        while (taken < bytes.Length && TryGetMemory(out Memory<byte> memory, out isStarved))
        {
            int count = Math.Min(memory.Length, bytes.Length - taken);
            bytes.Slice(taken, count).CopyTo(memory.Span);
            Advance(count);
            taken += count;
        }

        return taken;
    }

    /// <summary>Finds bytes in memory, for the owner. They stay valid until the owner frees them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">When the bytes are not all held, or span more than two chunks.</exception>
    public void GetSlices(SeqNum from, int length, out SendSlices slices)
    {
        uint position = Checked(from, length);
        slices = default;
        if (length == 0)
        {
            return;
        }

        slices.P0 = _chunks.AddressOf(position, out int contiguous);
        slices.L0 = Math.Min(length, contiguous);
        if (length > contiguous)
        {
            slices.P1 = _chunks.AddressOf(position + (uint)contiguous, out int rest);
            slices.L1 = length - contiguous;
            ArgumentOutOfRangeException.ThrowIfGreaterThan(slices.L1, rest, nameof(length));
        }
    }

    /// <summary>Copies bytes out, for the owner.</summary>
    /// <exception cref="ArgumentOutOfRangeException">When the bytes are not all held.</exception>
    public void CopyTo(SeqNum from, Span<byte> destination)
    {
        uint position = Checked(from, destination.Length);
        while (!destination.IsEmpty)
        {
            byte* address = _chunks.AddressOf(position, out int contiguous);
            int count = Math.Min(contiguous, destination.Length);
            new ReadOnlySpan<byte>(address, count).CopyTo(destination);
            destination = destination[count..];
            position += (uint)count;
        }
    }

    /// <summary>
    /// Frees the bytes before <paramref name="una"/>, for the owner. Only after a commit has made SND_UNA the truth: a crash before it
    /// would need them again.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">When it lies before the first or after the last byte held.</exception>
    public void FreeTo(SeqNum una)
    {
        uint position = Checked(una, 0);
        uint first = _chunks.IndexOf(_una);
        if (first == _chunks.IndexOf(position) && position != Volatile.Read(ref _end))
        {
            Volatile.Write(ref _una, position);
            return;
        }

        lock (_lock)
        {
            int passed = _chunks.Span(first, _chunks.IndexOf(position)) - 1;
            for (uint i = 0; i < (uint)passed; i++)
            {
                _chunks.Free(first + i);
            }

            Volatile.Write(ref _una, position);
            FreeLastWhenEmpty();
        }
    }

    /// <summary>
    /// Renames the bytes held: the first one gets the sequence number <paramref name="una"/>. For the host while nobody else owns the
    /// connection; the producer may go on writing.
    /// </summary>
    public void Rebase(SeqNum una)
    {
        lock (_lock)
        {
            _origin = una.Value - _una;
        }
    }

    /// <summary>
    /// Puts bytes before the first one held: what the kernel's send queue held. <see cref="Una"/> moves back by their number; the limit
    /// does not hold for them. For the host while nobody else owns the connection; the producer may go on writing.
    /// </summary>
    /// <exception cref="OutOfBufferMemoryException">When the pool has not enough chunks; then nothing has changed.</exception>
    /// <exception cref="ArgumentOutOfRangeException">When the buffer would hold more than 2^30 bytes.</exception>
    /// <exception cref="ObjectDisposedException"/>
    public void Prepend(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, MaxCount - Count, nameof(bytes));
            uint position = _una - (uint)bytes.Length;
            uint first = _chunks.IndexOf(position);
            _chunks.Reserve(_chunks.IndexOf(_una), _chunks.Span(first, _chunks.IndexOf(_end)));
            if (!_chunks.TryFill(first, _chunks.IndexOf(_una - 1)))
            {
                throw NoMemory();
            }

            for (uint at = position; !bytes.IsEmpty;)
            {
                byte* address = _chunks.AddressOf(at, out int contiguous);
                int count = Math.Min(contiguous, bytes.Length);
                bytes[..count].CopyTo(new Span<byte>(address, count));
                bytes = bytes[count..];
                at += (uint)count;
            }

            Volatile.Write(ref _una, position);
        }
    }

    /// <summary>Gives all memory back, once the producer has ended its loan. Nobody may own the connection any more.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (!_disposed)
            {
                _disposed = true;
                Volatile.Write(ref _una, _end);
                if (_lent == 0)
                {
                    _chunks.FreeAll();
                }
            }
        }
    }

    private static OutOfBufferMemoryException NoMemory() => new(
        "No buffer memory is left for bytes to send: raise the pool's limit, lower the buffers' limits or hold fewer connections.");

    private void FreeLastWhenEmpty()
    {
        // A chunk that is lent stays: the producer may be writing into it.
        if (_una == _end && _lent == 0)
        {
            _chunks.Free(_chunks.IndexOf(_end));
        }
    }

    private uint Checked(SeqNum from, int length)
    {
        uint position = from.Value - _origin;
        uint held = Volatile.Read(ref _end) - _una;
        uint skipped = position - _una;
        if (length < 0 || skipped > held || (uint)length > held - skipped)
        {
            throw new ArgumentOutOfRangeException(
                nameof(from), $"{length} bytes from {from} on are not held: the buffer holds {Una} to {End}.");
        }

        return position;
    }
}
