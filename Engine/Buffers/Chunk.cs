using System.Buffers;

namespace TcpActors.Engine.Buffers;

/// <summary>
/// A piece of memory that never moves, lent by a <see cref="ChunkPool"/>. Whoever rented it is its only user until it goes back.
/// </summary>
public sealed unsafe class Chunk
{
    /// <param name="address">First byte; valid as long as the pool lives.</param>
    /// <param name="memory">The same bytes for code that does not use pointers.</param>
    /// <param name="sharedOffset">Where the chunk lies in the pool's shared memory, in bytes; -1 when it is not shared.</param>
    public Chunk(byte* address, Memory<byte> memory, long sharedOffset = -1)
    {
        Address = address;
        Memory = memory;
        SharedOffset = sharedOffset;
        View = new Segment(memory);
    }

    public byte* Address { get; }

    /// <summary>Bytes; the pool's <see cref="ChunkPool.ChunkSize"/>.</summary>
    public int Length => Memory.Length;

    public Memory<byte> Memory { get; }

    /// <summary>Where the chunk lies in the pool's shared memory, in bytes; -1 when it is not shared.</summary>
    public long SharedOffset { get; }

    /// <summary>The chunk of the pool below whose memory this is, where a pool lends another's.</summary>
    internal Chunk? Whole { get; init; }

    /// <summary>This chunk as a part of a sequence. Held here, so that linking chunks into one allocates nothing.</summary>
    internal Segment View { get; }

    /// <summary>Who lends it, and gets it back.</summary>
    internal ChunkPool? Lender { get; set; }

    /// <summary>Chains chunks that were rented together until each has its place.</summary>
    internal Chunk? Next { get; set; }

    /// <summary>Guarded by the pool's lock: finds a chunk that is returned twice before two connections share it.</summary>
    internal bool IsRented { get; set; }

    internal sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory) => Memory = memory;

        public void Link(long runningIndex, Segment? next) => (RunningIndex, Next) = (runningIndex, next);
    }
}
