using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;

namespace TcpActors.HostSide;

/// <summary>Commit slots, cut from chunks of the host's buffer memory, so that who maps that memory finds them too. Any thread.</summary>
internal sealed unsafe class SlotTable(ChunkPool pool) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<Chunk> _chunks = [];
    private readonly Stack<nint> _free = new();

    /// <summary>A slot that nobody has opened yet.</summary>
    /// <param name="memory">Where it lies, for <see cref="Return"/>.</param>
    /// <exception cref="OutOfBufferMemoryException">When the pool is at its bound.</exception>
    public CommitSlot Rent(out nint memory)
    {
        lock (_lock)
        {
            if (_free.Count == 0)
            {
                Chunk chunk = pool.Rent();
                _chunks.Add(chunk);
                for (int offset = 0; offset + CommitSlot.Size <= chunk.Length; offset += CommitSlot.Size)
                {
                    _free.Push((nint)(chunk.Address + offset));
                }
            }

            memory = _free.Pop();
            new Span<byte>((void*)memory, CommitSlot.Size).Clear();
            return new CommitSlot(memory);
        }
    }

    public void Return(nint memory)
    {
        lock (_lock)
        {
            _free.Push(memory);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (Chunk chunk in _chunks)
            {
                pool.Return(chunk);
            }

            _chunks.Clear();
            _free.Clear();
        }
    }
}
