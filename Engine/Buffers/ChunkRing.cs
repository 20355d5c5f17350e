using System.Numerics;
using System.Runtime.CompilerServices;

namespace TcpActors.Engine.Buffers;

/// <summary>
/// The chunks under a buffer, found by position in O(1). Positions are 32-bit and wrap, as sequence numbers do; a chunk's index is its
/// position divided by the chunk size. Slots change only under the buffer's lock; a reader without the lock finds what was put there before
/// the position it follows was published, in the old array of slots as in a grown one.
/// </summary>
internal sealed unsafe class ChunkRing
{
    // One slot, in which there is never anything: shared by all rings that hold nothing and have been trimmed, or never held anything.
    private static readonly Chunk?[] s_none = new Chunk?[1];

    private readonly int _shift;
    private ChunkPool _pool;
    private Chunk?[] _slots = s_none;

    public ChunkRing(ChunkPool pool) => (_pool, ChunkSize, _shift) = (pool, pool.ChunkSize, BitOperations.Log2((uint)pool.ChunkSize));

    public int ChunkSize { get; }

    /// <summary>Where chunks are rented from now on; each goes back to where it came from. Its chunks have the size of those before.</summary>
    public ChunkPool Pool
    {
        set => _pool = value;
    }

    /// <summary>Chunks that are there.</summary>
    public int Held { get; private set; }

    public bool IsPoolScarce => _pool.IsScarce;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint IndexOf(uint position) => position >> _shift;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int OffsetOf(uint position) => (int)(position & (uint)(ChunkSize - 1));

    /// <summary>The chunk at an index that lies within the range in use, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Chunk? At(uint index)
    {
        Chunk?[] slots = Volatile.Read(ref _slots);
        return slots[index & (uint)(slots.Length - 1)];
    }

    /// <summary>The address of a position whose chunk is known to be there, and how many bytes follow it in that chunk.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* AddressOf(uint position, out int contiguous)
    {
        int offset = OffsetOf(position);
        contiguous = ChunkSize - offset;
        return At(IndexOf(position))!.Address + offset;
    }

    /// <summary>Number of indices from one to another, both included.</summary>
    public int Span(uint first, uint last) => (int)((last - first) & (uint.MaxValue >> _shift)) + 1;

    /// <summary>Whether every chunk from one index to another is there; the range in use starts at <paramref name="low"/>.</summary>
    public bool Has(uint low, uint first, uint last)
    {
        Chunk?[] slots = Volatile.Read(ref _slots);
        if (Span(low, last) > slots.Length)
        {
            return false;
        }

        uint mask = (uint)(slots.Length - 1);
        for (int i = Span(first, last) - 1; i >= 0; i--)
        {
            if (slots[(first + (uint)i) & mask] is null)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Makes room for a range of <paramref name="count"/> indices; what is held starts at <paramref name="low"/>.</summary>
    public void Reserve(uint low, int count)
    {
        Chunk?[] old = _slots;
        if (count <= old.Length && !ReferenceEquals(old, s_none))
        {
            return;
        }

        var grown = new Chunk?[(int)BitOperations.RoundUpToPowerOf2((uint)count)];
        for (uint i = 0; i < (uint)old.Length; i++)
        {
            grown[(low + i) & (uint)(grown.Length - 1)] = old[(low + i) & (uint)(old.Length - 1)];
        }

        Volatile.Write(ref _slots, grown);
    }

    /// <summary>Rents what is missing from one index to another; room was reserved.</summary>
    /// <returns>False when the pool has not enough; then nothing has changed.</returns>
    public bool TryFill(uint first, uint last)
    {
        Chunk? rented = null;
        int count = Span(first, last);
        for (uint i = 0; i < (uint)count; i++)
        {
            if (At(first + i) is not null)
            {
                continue;
            }

            if (!_pool.TryRent(out Chunk? chunk))
            {
                while (rented is not null)
                {
                    Return(Unchain(ref rented));
                }

                return false;
            }

            chunk.Next = rented;
            rented = chunk;
        }

        for (uint i = 0; rented is not null; i++)
        {
            ref Chunk? slot = ref Slot(first + i);
            if (slot is null)
            {
                slot = Unchain(ref rented);
                Held++;
            }
        }

        return true;
    }

    /// <summary>Gives one chunk back, if it is there.</summary>
    public void Free(uint index)
    {
        ref Chunk? slot = ref Slot(index);
        if (slot is { } chunk)
        {
            slot = null;
            Held--;
            Return(chunk);
        }
    }

    /// <summary>Gives everything back.</summary>
    public void FreeAll()
    {
        for (uint i = 0; i < (uint)_slots.Length; i++)
        {
            Free(i);
        }
    }

    /// <summary>Gives up the slots of a ring that holds nothing. Nobody may read it at this moment.</summary>
    public void Trim()
    {
        if (Held == 0)
        {
            Volatile.Write(ref _slots, s_none);
        }
    }

    private static void Return(Chunk chunk) => chunk.Lender!.Return(chunk);

    private static Chunk Unchain(ref Chunk? chain)
    {
        Chunk chunk = chain!;
        chain = chunk.Next;
        chunk.Next = null;
        return chunk;
    }

    private ref Chunk? Slot(uint index) => ref _slots[index & (uint)(_slots.Length - 1)];
}
