namespace TcpActors.Engine.Buffers;

/// <summary>
/// What both buffers of a connection are made of: chunks of rented memory, addressed by position. Positions are sequence numbers less an origin,
/// so that a new origin renames every byte at once.
/// </summary>
public abstract class SequencedBuffer
{
    /// <summary>Half of the sequence space would be ambiguous; half of that is not.</summary>
    private protected const int MaxCount = 1 << 30;

    private protected readonly ChunkRing _chunks;
    private protected readonly Lock _lock = new();
    private protected uint _origin;
    private protected bool _disposed;
    private int _limit;
    private int _floor = 1;

    private protected SequencedBuffer(ChunkPool pool, int limit)
    {
        _chunks = new ChunkRing(pool);
        Limit = limit;
    }

    /// <summary>
    /// Bytes that may wait in the buffer. Of received ones it bounds what is advertised, not what is written: a window once offered is kept
    /// (RFC 9293 3.8.6: a receiver should not shrink it). Lowering it takes nothing away.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">When it is not within 1 to 2^30.</exception>
    public int Limit
    {
        get => Volatile.Read(ref _limit);
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MaxCount);
            Volatile.Write(ref _limit, Math.Max(value, Volatile.Read(ref _floor)));
        }
    }

    /// <summary>What the limit was raised to for somebody who waits for so much at once.</summary>
    public int Floor => Volatile.Read(ref _floor);

    /// <summary>Raises the limit for good: somebody waits for so much at once, and with less would wait for ever.</summary>
    /// <exception cref="ArgumentOutOfRangeException">When it is not within 1 to 2^30.</exception>
    public void RaiseLimit(int limit)
    {
        Volatile.Write(ref _floor, Math.Max(limit, Floor));
        Limit = Math.Max(limit, Limit);
    }

    /// <summary>
    /// Gives up what an empty buffer has for finding its memory; it comes back with use. For the owner: whoever else reads without the lock
    /// reads bytes, and then the buffer is not empty.
    /// </summary>
    public void Trim()
    {
        lock (_lock)
        {
            _chunks.Trim();
        }
    }

    /// <summary>Bytes of memory that the buffer holds. Any thread.</summary>
    public long Memory => (long)_chunks.Held * _chunks.ChunkSize;

    /// <summary>Takes memory from another pool from now on; what is held goes back to where it came from. Any thread.</summary>
    /// <exception cref="ArgumentException">When its chunks have another size.</exception>
    public void UsePool(ChunkPool pool)
    {
        if (pool.ChunkSize != ChunkSize)
        {
            throw new ArgumentException($"Its chunks have {pool.ChunkSize} bytes, those of the pool before {ChunkSize}.", nameof(pool));
        }

        lock (_lock)
        {
            _chunks.Pool = pool;
        }
    }

    /// <summary>Bytes of one piece of memory.</summary>
    public int ChunkSize => _chunks.ChunkSize;
}
