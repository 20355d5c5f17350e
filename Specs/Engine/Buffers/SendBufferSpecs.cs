using System.Security.Cryptography;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Buffers;

public class SendBufferSpecs
{
    private readonly ManagedChunkPool _pool = new(chunkSize: 64, limit: 1 << 20);

    [Fact]
    public void The_owner_bounds_what_waits_unsent_beside_what_is_in_flight()
    {
        using var buffer = new SendBuffer(_pool, limit: 1000);
        Assert.Equal(1000, buffer.Allowance);
        Assert.Equal(300, buffer.Write(new byte[300]));
        buffer.Allow(flight: 300, ahead: 100);
        Assert.Equal(400, buffer.Allowance);
        Assert.Equal(100, buffer.Write(new byte[200]));

        // More was sent and none acknowledged: when a quarter of 100 is free, there is room.
        Assert.False(buffer.HasRoomAgain);
        buffer.Allow(flight: 324, ahead: 100);
        Assert.False(buffer.HasRoomAgain);
        buffer.Allow(flight: 325, ahead: 100);
        Assert.True(buffer.HasRoomAgain);
        Assert.Equal(25, buffer.Write(new byte[200]));
    }

    [Fact]
    public void Nothing_goes_beyond_the_limit_whatever_the_owner_allows()
    {
        using var buffer = new SendBuffer(_pool, limit: 1000);
        buffer.Allow(flight: int.MaxValue, ahead: int.MaxValue);
        Assert.Equal(1000, buffer.Allowance);
        Assert.Equal(1000, buffer.Write(new byte[2000]));
        Assert.False(buffer.HasRoomAgain);
        buffer.FreeTo(new SeqNum(249));
        Assert.False(buffer.HasRoomAgain);
        buffer.FreeTo(new SeqNum(250));
        Assert.True(buffer.HasRoomAgain);
    }

    [Fact]
    public void A_bound_below_what_waits_already_takes_nothing_away()
    {
        using var buffer = new SendBuffer(_pool, limit: 1000);
        buffer.Write(new byte[800]);
        buffer.Allow(flight: 0, ahead: 1);
        Assert.Equal((800, 0, false), (buffer.Count, buffer.Write(new byte[1]), buffer.HasRoomAgain));
        buffer.FreeTo(new SeqNum(800));
        Assert.True(buffer.HasRoomAgain);
    }

    [Theory]
    [InlineData(1, 0u)]
    [InlineData(2, uint.MaxValue - 100)]
    [InlineData(3, 0x7fff_ff00u)]
    [InlineData(4, 12345u)]
    public void It_holds_what_a_plain_list_holds_through_writes_frees_prepends_and_renames(int seed, uint start)
    {
        var random = new Random(seed);
        using var buffer = new SendBuffer(_pool, limit: 1000);
        buffer.Rebase(new SeqNum(start));
        var model = new List<byte>();
        var una = new SeqNum(start);
        for (int step = 0; step < 50_000; step++)
        {
            switch (random.Next(10))
            {
                case < 4:
                    byte[] bytes = Bytes(random, random.Next(200));
                    int taken = buffer.Write(bytes);
                    Assert.Equal(Math.Min(bytes.Length, Math.Max(0, 1000 - model.Count)), taken);
                    model.AddRange(bytes.AsSpan(0, taken));
                    break;
                case < 8:
                    int freed = random.Next(model.Count + 1);
                    una += freed;
                    buffer.FreeTo(una);
                    model.RemoveRange(0, freed);
                    break;
                case 8:
                    byte[] before = Bytes(random, random.Next(150));
                    buffer.Prepend(before);
                    una -= before.Length;
                    model.InsertRange(0, before);
                    break;
                default:
                    una = new SeqNum((uint)random.NextInt64(1L << 32));
                    buffer.Rebase(una);
                    break;
            }

            Assert.Equal((una, una + model.Count, model.Count), (buffer.Una, buffer.End, buffer.Count));
            AssertReads(buffer, model, random);
            buffer.Trim();
            Assert.InRange(_pool.RentedBytes, model.Count, model.Count == 0 ? 0 : model.Count + 126);
        }
    }

    [Fact]
    public void An_empty_buffer_holds_no_memory()
    {
        using var buffer = new SendBuffer(_pool, 1000);
        Assert.Equal(0, _pool.RentedBytes);
        buffer.Write(new byte[200]);
        Assert.Equal(256, _pool.RentedBytes);
        buffer.FreeTo(buffer.Una + 130);
        Assert.Equal(128, _pool.RentedBytes);
        buffer.FreeTo(buffer.End);
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public void Memory_that_the_producer_is_writing_into_stays_when_everything_before_it_is_freed()
    {
        using var buffer = new SendBuffer(_pool, 1000);
        buffer.Write(new byte[10]);
        Assert.True(buffer.TryGetMemory(out Memory<byte> memory, out _));
        buffer.FreeTo(buffer.End);
        Assert.Equal(64, _pool.RentedBytes);
        memory.Span[0] = 42;
        buffer.Advance(1);
        byte[] read = new byte[1];
        buffer.CopyTo(buffer.Una, read);
        Assert.Equal(42, read[0]);

        Assert.True(buffer.TryGetMemory(out _, out _));
        buffer.FreeTo(buffer.End);
        buffer.Advance(0);
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public void A_full_buffer_lends_nothing_and_lends_again_what_was_freed()
    {
        using var buffer = new SendBuffer(_pool, limit: 100);
        Assert.Equal(100, buffer.Write(new byte[150]));
        Assert.False(buffer.TryGetMemory(out _, out _));
        buffer.FreeTo(buffer.Una + 7);
        Assert.True(buffer.TryGetMemory(out Memory<byte> memory, out _));
        Assert.Equal(7, memory.Length);
        buffer.Limit = 50;
        Assert.False(buffer.TryGetMemory(out _, out _));
        Assert.Equal(93, buffer.Count);
    }

    [Fact]
    public void Prepended_bytes_may_exceed_the_limit_and_block_the_producer_until_they_are_freed()
    {
        using var buffer = new SendBuffer(_pool, limit: 100);
        buffer.Write(new byte[60]);
        buffer.Prepend(new byte[300]);
        Assert.Equal(360, buffer.Count);
        Assert.False(buffer.TryGetMemory(out _, out _));
        buffer.FreeTo(buffer.Una + 300);
        Assert.Equal(40, buffer.Write(new byte[60]));
    }

    [Fact]
    public void An_exhausted_pool_is_an_error_that_leaves_the_buffer_as_it_was()
    {
        var pool = new ManagedChunkPool(chunkSize: 64, limit: 192);
        using var buffer = new SendBuffer(pool, 1000);
        buffer.Write(new byte[100]);
        Assert.Throws<OutOfBufferMemoryException>(() => buffer.Prepend(new byte[200]));
        Assert.Equal((100, 128L), (buffer.Count, pool.RentedBytes));
        Assert.Throws<OutOfBufferMemoryException>(() => buffer.Write(new byte[200]));
        Assert.Equal((192, 192L), (buffer.Count, pool.RentedBytes));
        Assert.False(buffer.TryGetMemory(out _, out bool isStarved));
        Assert.True(isStarved);
        Assert.Equal(0, buffer.Write(new byte[1], out isStarved));
        Assert.True(isStarved);
    }

    [Fact]
    public void Bytes_that_are_not_held_are_refused()
    {
        using var buffer = new SendBuffer(_pool, 1000);
        buffer.Write(new byte[200]);
        SeqNum una = buffer.Una;
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.CopyTo(una - 1, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.CopyTo(una + 200, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.GetSlices(una + 100, 101, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.GetSlices(una, 200, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.FreeTo(una + 201));
        buffer.FreeTo(una + 5);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.FreeTo(una + 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Advance(1));
    }

    [Fact]
    public void Disposing_gives_memory_back_and_waits_for_the_producer_to_let_go()
    {
        var buffer = new SendBuffer(_pool, 1000);
        buffer.Write(new byte[500]);
        Assert.True(buffer.TryGetMemory(out _, out _));
        buffer.Dispose();
        Assert.NotEqual(0, _pool.RentedBytes);
        buffer.Advance(3);
        Assert.Equal(0, _pool.RentedBytes);
        Assert.Throws<ObjectDisposedException>(() => buffer.TryGetMemory(out _, out _));
        buffer.Dispose();
        Assert.Equal(0, buffer.Count);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    public async Task One_thread_writes_and_another_reads_and_frees_across_the_wrap_without_a_byte_wrong(int seed)
    {
        const int total = 24 << 20;
        var pool = new ManagedChunkPool(chunkSize: 4096, limit: 1 << 20);
        using var buffer = new SendBuffer(pool, limit: 100_000);
        var una = new SeqNum(uint.MaxValue - (5 << 20));
        buffer.Rebase(una);

        Task<byte[]> producer = Task.Run(() =>
        {
            var random = new Random(seed);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var spin = new SpinWait();
            for (int written = 0; written < total;)
            {
                if (!buffer.TryGetMemory(out Memory<byte> memory, out _))
                {
                    spin.SpinOnce(-1);
                    continue;
                }

                Span<byte> bytes = memory.Span[..Math.Min(random.Next(memory.Length) + 1, total - written)];
                random.NextBytes(bytes);
                hash.AppendData(bytes);
                buffer.Advance(bytes.Length);
                written += bytes.Length;
            }

            return hash.GetHashAndReset();
        });

        byte[] seen = await Task.Run(() =>
        {
            var random = new Random(seed + 100);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            byte[] copy = new byte[4096];
            var spin = new SpinWait();
            for (int read = 0; read < total;)
            {
                int count = Math.Min(buffer.Count, random.Next(4096) + 1);
                if (count == 0)
                {
                    spin.SpinOnce(-1);
                    continue;
                }

                AppendSlices(hash, buffer, una, count);
                buffer.CopyTo(una, copy.AsSpan(0, count));
                una += count;
                buffer.FreeTo(una);
                read += count;
            }

            return hash.GetHashAndReset();
        });

        Assert.Equal(await producer, seen);
        Assert.Equal(0, pool.RentedBytes);
    }

    [Fact]
    public void Nothing_is_allocated_once_it_runs()
    {
        using var buffer = new SendBuffer(_pool, 1000);
        byte[] bytes = new byte[700];
        Assert.Equal(0, AllocationMeter.Measure(() =>
        {
            buffer.Write(bytes);
            buffer.GetSlices(buffer.Una + 10, 64, out _);
            buffer.FreeTo(buffer.Una + 500);
            buffer.FreeTo(buffer.End);
        }));
    }

    private static unsafe void AppendSlices(IncrementalHash hash, SendBuffer buffer, SeqNum from, int count)
    {
        buffer.GetSlices(from, count, out SendSlices slices);
        Assert.Equal(count, slices.L0 + slices.L1);
        hash.AppendData(new ReadOnlySpan<byte>(slices.P0, slices.L0));
        hash.AppendData(new ReadOnlySpan<byte>(slices.P1, slices.L1));
    }

    private static unsafe void AssertReads(SendBuffer buffer, List<byte> model, Random random)
    {
        int from = random.Next(model.Count + 1);
        byte[] copy = new byte[random.Next(model.Count - from + 1)];
        buffer.CopyTo(buffer.Una + from, copy);
        Assert.True(copy.AsSpan().SequenceEqual(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(model).Slice(from, copy.Length)));

        int length = Math.Min(copy.Length, 64);
        buffer.GetSlices(buffer.Una + from, length, out SendSlices slices);
        Assert.Equal(length, slices.L0 + slices.L1);
        Assert.True(new ReadOnlySpan<byte>(slices.P0, slices.L0).SequenceEqual(copy.AsSpan(0, slices.L0)));
        Assert.True(new ReadOnlySpan<byte>(slices.P1, slices.L1).SequenceEqual(copy.AsSpan(slices.L0, slices.L1)));
    }

    private static byte[] Bytes(Random random, int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
