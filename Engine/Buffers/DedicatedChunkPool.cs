using System.Diagnostics.CodeAnalysis;

namespace TcpActors.Engine.Buffers;

/// <summary>
/// Chunks set aside from another pool for some connections: these can have all of them whatever others use, and no more than them. They
/// count as lent by that pool, so both together keep to its limit.
/// </summary>
public sealed class DedicatedChunkPool : ChunkPool, IDisposable
{
    private readonly ChunkPool _from;
    private readonly Lock _idleLock = new();
    private readonly Stack<Chunk> _idle = new();
    private bool _disposed;

    /// <param name="from">Whose memory it is.</param>
    /// <param name="bytes">How much; rounded up to whole chunks.</param>
    /// <exception cref="ArgumentOutOfRangeException">When it is not positive.</exception>
    /// <exception cref="OutOfBufferMemoryException">When that pool has not so much left.</exception>
    public DedicatedChunkPool(ChunkPool from, long bytes)
        : base(from.ChunkSize, InChunks(bytes, from.ChunkSize), keepReady: 0)
    {
        _from = from;
        try
        {
            for (long taken = 0; taken < Limit; taken += ChunkSize)
            {
                _idle.Push(Lend(from.Rent()));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Whose memory it is.</summary>
    public ChunkPool From => _from;

    /// <summary>
    /// Gives its memory back: what is lent when it is returned. Who still rents from it gets what the pool below has.
    /// </summary>
    public void Dispose()
    {
        Chunk[] idle;
        lock (_idleLock)
        {
            _disposed = true;
            idle = [.. _idle];
            _idle.Clear();
        }

        foreach (Chunk chunk in idle)
        {
            _from.Return(chunk.Whole!);
        }
    }

    protected override bool TryCreate([NotNullWhen(true)] out Chunk? chunk)
    {
        lock (_idleLock)
        {
            if (!_disposed)
            {
                return _idle.TryPop(out chunk);
            }
        }

        chunk = _from.TryRent(out Chunk? whole) ? Lend(whole) : null;
        return chunk is not null;
    }

    protected override void Retire(Chunk chunk)
    {
        lock (_idleLock)
        {
            if (!_disposed)
            {
                _idle.Push(chunk);
                return;
            }
        }

        _from.Return(chunk.Whole!);
    }

    private static unsafe Chunk Lend(Chunk whole) => new(whole.Address, whole.Memory, whole.SharedOffset) { Whole = whole };

    private static long InChunks(long bytes, int chunkSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        return (bytes - 1 + chunkSize) / chunkSize * chunkSize;
    }
}
