using System.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine.Buffers;

/// <summary>
/// The bytes a peer has sent and the application has not consumed, addressed by sequence number. One owner (whoever owns the connection's
/// variables) writes them to their places, out of order too, and makes them visible by <see cref="Commit"/>; one consumer (the
/// application's side) reads and consumes them from the front. Memory is rented in chunks as bytes come and goes back when they are
/// consumed; an empty buffer holds none. Bytes in order may go straight to the application's own memory instead (<see cref="TryPost"/>).
/// At most 2^30 bytes.
/// </summary>
/// <remarks>
/// The lock guards chunks coming and going. The owner takes it once for a batch of segments and once at the commit, and when a chunk is
/// missing; the consumer once for a read and once for what it consumed.
/// </remarks>
public sealed unsafe partial class ReceiveBuffer : SequencedBuffer, IDisposable
{
    // What bytes behind holes may cost: a few chunks, and beyond them a chunk for each eighth of one that they fill.
    private const int ChunksForSparseBytes = 4;
    private const int LeastFill = 8;

    // Chunks that one copy fills: more than the longest segment needs with chunks of the usual size.
    private const int PlacesAtOnce = 4;

    private uint _read;
    private uint _committed;

    // The owner's: after the last byte written, and whether chunks at or after Committed must stay because the owner writes there.
    private uint _written;
    private bool _ownerHolds;
    private int _lentToOwner;

    private int _requested;
    private int _allowance = int.MaxValue;
    private bool _lentToConsumer;

    /// <param name="pool">Where the memory comes from.</param>
    /// <param name="limit">Bytes that may wait unread, up to 2^30.</param>
    public ReceiveBuffer(ChunkPool pool, int limit)
        : base(pool, limit)
    {
    }

    /// <summary>Sequence number of the next byte that the application has not consumed.</summary>
    public SeqNum Read => new(Volatile.Read(ref _read) + _origin);

    /// <summary>Sequence number after the last byte that the application may see: the committed RCV_NXT.</summary>
    public SeqNum Committed => new(Volatile.Read(ref _committed) + _origin);

    /// <summary>Bytes that the application could see since the beginning, modulo 2^32.</summary>
    public uint Shown => Volatile.Read(ref _committed);

    /// <summary>Bytes the application may read and has not consumed.</summary>
    public int Unread => (int)(Volatile.Read(ref _committed) - Volatile.Read(ref _read));

    /// <summary>Bytes that may be advertised beyond <see cref="Committed"/>.</summary>
    public int Free => Math.Max(0, Limit - Unread);

    /// <summary>Bytes the application's pending request asks for; 0: none is pending. The patent's PUSH timer reads it.</summary>
    public int Requested
    {
        get => Volatile.Read(ref _requested);
        set => Volatile.Write(ref _requested, value);
    }

    /// <summary>
    /// Bytes that the owner lets wait at present, up to the limit: what its window is made of. It is told of room in steps that are small
    /// beside this.
    /// </summary>
    public int Allowance
    {
        get => Math.Min(Limit, Math.Max(Floor, Volatile.Read(ref _allowance)));
        set => Volatile.Write(ref _allowance, value);
    }

    /// <summary>Copies received bytes to their place, for the owner. They stay invisible until <see cref="Commit"/>.</summary>
    /// <param name="at">Sequence number of the first byte, at or after <see cref="Committed"/>.</param>
    /// <param name="bytes">May end beyond the limit, within the window that was advertised.</param>
    /// <returns>False when the pool has not enough chunks; then nothing was written.</returns>
    /// <exception cref="ArgumentOutOfRangeException">When the place lies before Committed or 2^30 bytes and more after Read.</exception>
    /// <exception cref="ObjectDisposedException"/>
    public bool TryWrite(SeqNum at, SegmentBytes bytes) => TryWrite(at, bytes, inOrder: null, beyond: 0);

    /// <summary>
    /// Copies bytes behind a hole to their place, for the owner. The peer decides how they are strewn and how long they wait, so they get
    /// no new memory when the pool is scarce, nor when what waits like them fills less than an eighth of its memory.
    /// </summary>
    /// <param name="at">Sequence number of the first byte.</param>
    /// <param name="bytes">May end beyond the limit, within the window that was advertised.</param>
    /// <param name="inOrder">RCV_NXT: where the bytes in order end.</param>
    /// <param name="beyond">How many bytes beyond that are held already.</param>
    /// <inheritdoc cref="TryWrite(SeqNum, SegmentBytes)"/>
    public bool TryWriteBeyond(SeqNum at, SegmentBytes bytes, SeqNum inOrder, int beyond) => TryWrite(at, bytes, inOrder, beyond);

    /// <summary>Makes every byte before <paramref name="rcvNxt"/> visible to the consumer, for the owner.</summary>
    /// <exception cref="ArgumentOutOfRangeException">When it lies before Committed or after the last byte written.</exception>
    public void Commit(SeqNum rcvNxt)
    {
        uint position = rcvNxt.Value - _origin;
        if (position - _committed > _written - _committed)
        {
            throw new ArgumentOutOfRangeException(
                nameof(rcvNxt), $"{rcvNxt} cannot be committed: committed is {Committed}, written {_written + _origin}.");
        }

        if (!_ownerHolds)
        {
            return;
        }

        lock (_lock)
        {
            ForgetPlacedBeyond(position);
            Volatile.Write(ref _committed, position);
            HandOverPlaced();
            OwnerLetsGo();
        }
    }

    /// <summary>
    /// Forgets what was written at or after <paramref name="rcvNxt"/> and gives back the chunks that hold nothing else, for the owner:
    /// out-of-order bytes at an upload, uncommitted ones after a crash.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">When it lies before Committed.</exception>
    public void DiscardBeyond(SeqNum rcvNxt)
    {
        uint position = rcvNxt.Value - _origin;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position - _committed, (uint)MaxCount, nameof(rcvNxt));
        if ((int)(_written - position) <= 0)
        {
            return;
        }

        lock (_lock)
        {
            ForgetPlacedBeyond(position);
            uint first = _chunks.IndexOf(position + (uint)_chunks.ChunkSize - 1);
            int shared = _chunks.OffsetOf(position) == 0 ? 0 : 1;
            int count = _chunks.Span(_chunks.IndexOf(position), _chunks.IndexOf(_written - 1)) - shared;
            for (uint i = 0; (int)i < count; i++)
            {
                _chunks.Free(first + i);
            }

            _written = position;
            OwnerLetsGo();
        }
    }

    /// <summary>Copies bytes out, for the owner: committed ones that are not consumed, and uncommitted ones.</summary>
    /// <exception cref="ArgumentOutOfRangeException">When the bytes lie outside what was written and not consumed.</exception>
    /// <exception cref="InvalidOperationException">When no byte was ever written near them.</exception>
    public void CopyTo(SeqNum from, Span<byte> destination)
    {
        lock (_lock)
        {
            uint position = from.Value - _origin;
            uint held = _written - _read;
            uint skipped = position - _read;
            if (skipped > held || (uint)destination.Length > held - skipped)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(from), $"{destination.Length} bytes from {from} on are not held: it holds {Read} to {_written + _origin}.");
            }

            while (!destination.IsEmpty)
            {
                int offset = _chunks.OffsetOf(position);
                int count = Math.Min(_chunks.ChunkSize - offset, destination.Length);
                Chunk chunk = _chunks.At(_chunks.IndexOf(position))
                    ?? throw new InvalidOperationException($"Bytes at {position + _origin} were never written.");
                new ReadOnlySpan<byte>(chunk.Address + offset, count).CopyTo(destination);
                destination = destination[count..];
                position += (uint)count;
            }
        }
    }

    /// <summary>
    /// Renames the bytes held: the one after the last committed gets the sequence number <paramref name="committed"/>. For the host while
    /// nobody else owns the connection; the consumer may go on reading.
    /// </summary>
    public void Rebase(SeqNum committed)
    {
        lock (_lock)
        {
            _origin = committed.Value - _committed;
        }
    }

    /// <summary>
    /// Lends the consumer every byte it may see, without a copy; <see cref="Consume"/> ends the loan and makes the sequence invalid.
    /// </summary>
    /// <exception cref="ObjectDisposedException"/>
    public ReadOnlySequence<byte> GetReadable()
    {
        uint read = _read;
        uint committed;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            committed = _committed;
            if (committed == read)
            {
                return ReadOnlySequence<byte>.Empty;
            }

            _lentToConsumer = true;
        }

        uint first = _chunks.IndexOf(read);
        int count = _chunks.Span(first, _chunks.IndexOf(committed - 1));
        Chunk.Segment last = _chunks.At(first + (uint)(count - 1))!.View;
        Chunk.Segment next = last;
        last.Link((long)(count - 1) * _chunks.ChunkSize, next: null);
        for (int i = count - 2; i >= 0; i--)
        {
            Chunk.Segment segment = _chunks.At(first + (uint)i)!.View;
            segment.Link((long)i * _chunks.ChunkSize, next);
            next = segment;
        }

        return new ReadOnlySequence<byte>(next, _chunks.OffsetOf(read), last, _chunks.OffsetOf(committed - 1) + 1);
    }

    /// <summary>Ends the consumer's loan; the first <paramref name="count"/> bytes are done with and their memory goes back.</summary>
    /// <exception cref="ArgumentOutOfRangeException">When more bytes are consumed than can be read.</exception>
    public void Consume(int count)
    {
        lock (_lock)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(count);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Unread);
            _lentToConsumer = false;
            if (_disposed)
            {
                FreeAllUnlessLent();
                return;
            }

            PassTo(_read + (uint)count);
            FreeLastWhenEmpty();
        }
    }

    /// <summary>Gives all memory back, once the consumer has ended its loan. Nobody may own the connection any more.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (!_disposed)
            {
                _disposed = true;
                ForgetPlacedBeyond(_committed);
                FreeAllUnlessLent();
            }
        }
    }

    private bool TryWrite(SeqNum at, SegmentBytes bytes, SeqNum? inOrder, int beyond)
    {
        uint position = at.Value - _origin;
        uint read = Volatile.Read(ref _read);
        if (position - _committed > MaxCount || position - read > (uint)(MaxCount - bytes.Length))
        {
            throw new ArgumentOutOfRangeException(
                nameof(at), $"{bytes.Length} bytes at {at} do not fit: committed is {Committed}, read {Read}.");
        }

        if (bytes.IsEmpty)
        {
            return true;
        }

        uint end = position + (uint)bytes.Length;
        uint first = _chunks.IndexOf(position);
        uint last = _chunks.IndexOf(end - 1);
        bool isMissing = !_chunks.Has(_chunks.IndexOf(read), first, last);
        if (isMissing || !_ownerHolds)
        {
            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                Reserve(last);
                bool isRefused = isMissing && inOrder is { } rcvNxt && IsTooSparse(rcvNxt.Value - _origin, beyond + bytes.Length);
                if (isRefused || !_chunks.TryFill(first, last))
                {
                    return false;
                }

                _ownerHolds = true;
            }
        }

        _written = (int)(end - _written) > 0 ? end : _written;
        CopyIn(position, bytes, direct: default);
        return true;
    }

    private bool IsTooSparse(uint inOrder, int beyond)
    {
        // The chunk in which the bytes in order end, or would go on, is not counted.
        int chunks = _chunks.Held - _chunks.Span(_chunks.IndexOf(_read), _chunks.IndexOf(inOrder));
        return _chunks.IsPoolScarce
            || (chunks >= ChunksForSparseBytes && (long)(chunks + 1) * _chunks.ChunkSize > (long)LeastFill * beyond);
    }

    private void PassTo(uint read)
    {
        uint first = _chunks.IndexOf(_read);
        int passed = _chunks.Span(first, _chunks.IndexOf(read)) - 1;
        for (uint i = 0; i < (uint)passed; i++)
        {
            _chunks.Free(first + i);
        }

        // After the chunks are gone: an owner that sees Read here may take their slots for others.
        Volatile.Write(ref _read, read);
    }

    private void OwnerLetsGo()
    {
        _ownerHolds = _written != _committed || _lentToOwner != 0;
        FreeLastWhenEmpty();
    }

    private void FreeLastWhenEmpty()
    {
        if (_read == _committed && !_ownerHolds)
        {
            _chunks.Free(_chunks.IndexOf(_committed));
        }
    }

    private void FreeAllUnlessLent()
    {
        if (!_lentToConsumer && _lentToOwner == 0)
        {
            _chunks.FreeAll();
        }
    }

    private void Reserve(uint last)
    {
        uint low = _chunks.IndexOf(_read);
        _chunks.Reserve(low, _chunks.Span(low, last));
    }

    /// <param name="position">Of the first byte.</param>
    /// <param name="bytes">All but the first have chunks at their places.</param>
    /// <param name="direct">Where the first go; the rest has a place behind it in chunks.</param>
    private void CopyIn(uint position, SegmentBytes bytes, MemorySlice direct)
    {
        Span<MemorySlice> places = stackalloc MemorySlice[PlacesAtOnce];
        while (!bytes.IsEmpty)
        {
            int count = 0;
            int length = 0;
            if (direct.Length > 0)
            {
                (places[count++], length) = (direct, direct.Length);
                position += (uint)direct.Length;
                direct = default;
            }

            for (; count < PlacesAtOnce && length < bytes.Length; count++)
            {
                byte* address = _chunks.AddressOf(position, out int contiguous);
                places[count] = new MemorySlice(address, Math.Min(contiguous, bytes.Length - length));
                length += places[count].Length;
                position += (uint)places[count].Length;
            }

            bytes.CopyTo(places[..count]);
            bytes = bytes[length..];
        }
    }
}
