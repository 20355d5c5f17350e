using TcpActors.Engine.Buffers;
using Xunit;

namespace TcpActors.Specs.Engine.Buffers;

public class ChunkPoolSpecs
{
    [Fact]
    public void It_lends_up_to_its_limit_and_says_what_to_do_beyond()
    {
        var pool = new ManagedChunkPool(chunkSize: 64, limit: 200);
        Chunk first = pool.Rent();
        pool.Rent();
        pool.Rent();
        Assert.Equal(192, pool.RentedBytes);
        Assert.False(pool.TryRent(out _));
        Assert.Contains("raise the limit", Assert.Throws<OutOfBufferMemoryException>(pool.Rent).Message, StringComparison.Ordinal);
        pool.Return(first);
        Assert.Same(first, pool.Rent());
    }

    [Fact]
    public unsafe void A_chunk_is_the_same_bytes_by_pointer_and_by_memory()
    {
        Chunk chunk = new ManagedChunkPool(chunkSize: 64).Rent();
        chunk.Memory.Span[63] = 9;
        Assert.Equal((9, 64, -1L), (chunk.Address[63], chunk.Length, chunk.SharedOffset));
    }

    [Fact]
    public void A_chunk_that_is_returned_twice_is_found_out()
    {
        var pool = new ManagedChunkPool(chunkSize: 64);
        Chunk chunk = pool.Rent();
        pool.Return(chunk);
        Assert.Throws<InvalidOperationException>(() => pool.Return(chunk));
        Assert.Equal(0, pool.RentedBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(100)]
    [InlineData(1 << 25)]
    public void A_chunk_size_that_is_no_power_of_two_within_bounds_is_refused(int size) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ManagedChunkPool(size));

    [Fact]
    public void Only_a_bounded_number_of_returned_chunks_is_kept()
    {
        var pool = new ManagedChunkPool(chunkSize: 64, limit: 1 << 20, keepReady: 64);
        Chunk kept = pool.Rent();
        Chunk dropped = pool.Rent();
        pool.Return(kept);
        pool.Return(dropped);
        Assert.Same(kept, pool.Rent());
        Assert.NotSame(dropped, pool.Rent());
    }
}
