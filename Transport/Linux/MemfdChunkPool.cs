using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;
using TcpActors.Engine.Buffers;

namespace TcpActors.Transport.Linux;

/// <summary>
/// Chunks in memory that another process can map, so that a connection's bytes outlive this one. It grows by extents up to its limit;
/// chunks that are not kept ready keep their place but give their pages back to the system.
/// </summary>
public sealed unsafe class MemfdChunkPool : ChunkPool, IDisposable
{
    private const int ExtentLength = 4 << 20;

    private readonly SharedMemory _memory = new("tcpactors-buffers");
    private readonly Lock _retiredLock = new();
    private readonly Stack<Chunk> _retired = new();
    private SharedMapping? _extent;
    private int _usedOfExtent;

    /// <param name="chunkSize">Bytes of one chunk: a power of two, at least a page.</param>
    /// <param name="limit">Bytes that may be lent at one time.</param>
    /// <param name="keepReady">Bytes in returned chunks that keep their pages.</param>
    /// <exception cref="ArgumentOutOfRangeException">When a size is out of its range.</exception>
    /// <exception cref="PlatformNotSupportedException">Elsewhere than on Linux.</exception>
    /// <exception cref="IOException">When the kernel refuses the memory.</exception>
    public MemfdChunkPool(int chunkSize = DefaultChunkSize, long limit = 4L << 30, long keepReady = 16 << 20)
        : base(chunkSize, limit, keepReady)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(chunkSize, Environment.SystemPageSize);
    }

    /// <summary>The memory: chunks lie at their <see cref="Chunk.SharedOffset"/>.</summary>
    public SafeFileHandle FileDescriptor => _memory.FileDescriptor;

    /// <summary>
    /// Closes the descriptor. Memory that is still lent stays mapped until nothing refers to its chunks; the rest is unmapped at once.
    /// </summary>
    public void Dispose()
    {
        if (RentedBytes == 0)
        {
            _memory.Dispose();
        }
        else
        {
            _memory.Abandon();
        }
    }

    protected override bool TryCreate([NotNullWhen(true)] out Chunk? chunk)
    {
        lock (_retiredLock)
        {
            if (_retired.TryPop(out chunk))
            {
                return true;
            }
        }

        int extentLength = Math.Max(ExtentLength, ChunkSize);
        if (_extent is null || _usedOfExtent == extentLength)
        {
            if (_memory.Extend(extentLength) is not { } extent)
            {
                chunk = null;
                return false;
            }

            _extent = extent;
            _usedOfExtent = 0;
        }

        chunk = new Chunk(
            _extent.Address + _usedOfExtent,
            _extent.Memory.Slice(_usedOfExtent, ChunkSize),
            _memory.Length - extentLength + _usedOfExtent);
        _usedOfExtent += ChunkSize;
        return true;
    }

    protected override void Retire(Chunk chunk)
    {
        if (!_memory.FileDescriptor.IsClosed)
        {
            _memory.Discard(chunk.SharedOffset, ChunkSize);
        }

        lock (_retiredLock)
        {
            _retired.Push(chunk);
        }
    }
}
