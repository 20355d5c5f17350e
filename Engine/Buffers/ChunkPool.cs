using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace TcpActors.Engine.Buffers;

/// <summary>
/// Lends chunks of one size to the buffers of many connections, never more than <see cref="Limit"/> bytes in all. Thread safe. Returned
/// chunks are lent again, the warmest first; a bounded number is kept ready, the pool decides what becomes of the rest.
/// </summary>
public abstract class ChunkPool
{
    public const int DefaultChunkSize = 65536;

    private readonly Lock _lock = new();
    private readonly Stack<Chunk> _ready = new();
    private readonly int _keepReady;
    private long _rentedBytes;

    /// <param name="chunkSize">Bytes of one chunk: a power of two, 16 to 2^24.</param>
    /// <param name="limit">Bytes that may be lent at one time.</param>
    /// <param name="keepReady">Bytes in returned chunks that are kept ready to be lent again at once.</param>
    /// <exception cref="ArgumentOutOfRangeException">When a size is out of its range.</exception>
    protected ChunkPool(int chunkSize, long limit, long keepReady)
    {
        if (!BitOperations.IsPow2(chunkSize) || chunkSize is < 16 or > 1 << 24)
        {
            throw new ArgumentOutOfRangeException(nameof(chunkSize), chunkSize, "A chunk's size is a power of two from 16 to 16777216.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(limit, chunkSize);
        ArgumentOutOfRangeException.ThrowIfNegative(keepReady);
        ChunkSize = chunkSize;
        Limit = limit;
        _keepReady = (int)Math.Min(keepReady / chunkSize, int.MaxValue);
    }

    /// <summary>Bytes of every chunk; a power of two.</summary>
    public int ChunkSize { get; }

    /// <summary>Bytes that may be lent at one time.</summary>
    public long Limit { get; }

    /// <summary>Bytes lent now.</summary>
    public long RentedBytes => Interlocked.Read(ref _rentedBytes);

    /// <summary>Whether more than three quarters of the limit are lent: the rest is for those who cannot do without.</summary>
    public bool IsScarce => RentedBytes > Limit - (Limit / 4);

    /// <exception cref="OutOfBufferMemoryException">When the limit is reached.</exception>
    public Chunk Rent() => TryRent(out Chunk? chunk)
        ? chunk
        : throw new OutOfBufferMemoryException(
            $"All {Limit} bytes of buffer memory are in use: raise the limit, lower the buffers' limits or hold fewer connections.");

    /// <returns>False when the limit is reached.</returns>
    public bool TryRent([NotNullWhen(true)] out Chunk? chunk)
    {
        lock (_lock)
        {
            if (_rentedBytes + ChunkSize > Limit || !(_ready.TryPop(out chunk) || TryCreate(out chunk)))
            {
                chunk = null;
                return false;
            }

            chunk.IsRented = true;
            chunk.Lender = this;
            _rentedBytes += ChunkSize;
            return true;
        }
    }

    /// <summary>Ends the caller's use of the chunk.</summary>
    /// <exception cref="InvalidOperationException">When it had been returned already.</exception>
    public void Return(Chunk chunk)
    {
        lock (_lock)
        {
            if (!chunk.IsRented)
            {
                throw new InvalidOperationException("The chunk was returned before: two owners would share it.");
            }

            chunk.IsRented = false;
            _rentedBytes -= ChunkSize;
            if (_ready.Count < _keepReady)
            {
                _ready.Push(chunk);
                return;
            }
        }

        Retire(chunk);
    }

    /// <summary>Makes one more chunk when none is ready; called under the pool's lock.</summary>
    /// <returns>False when there is no memory for it.</returns>
    protected abstract bool TryCreate([NotNullWhen(true)] out Chunk? chunk);

    /// <summary>Takes a chunk that is not kept ready; called outside the pool's lock, by any thread.</summary>
    protected abstract void Retire(Chunk chunk);
}
