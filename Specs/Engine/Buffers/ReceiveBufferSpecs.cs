using System.Buffers;
using System.Security.Cryptography;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Buffers;

public class ReceiveBufferSpecs
{
    private readonly ManagedChunkPool _pool = new(chunkSize: 64, limit: 1 << 20);

    [Theory]
    [InlineData(1, 0u)]
    [InlineData(2, uint.MaxValue - 100)]
    [InlineData(3, 0x7fff_ff00u)]
    public void It_shows_the_stream_in_order_however_the_segments_arrive(int seed, uint start)
    {
        var random = new Random(seed);
        using var buffer = new ReceiveBuffer(_pool, limit: 2000);
        buffer.Rebase(new SeqNum(start));
        byte[] stream = new byte[100_000];
        random.NextBytes(stream);
        bool[] written = new bool[stream.Length];
        int committed = 0;
        int read = 0;
        while (read < stream.Length)
        {
            switch (random.Next(6))
            {
                case < 3:
                    int at = Math.Min(committed + random.Next(600), stream.Length);
                    int length = Math.Min(random.Next(200), stream.Length - at);
                    Assert.True(buffer.TryWrite(new SeqNum(start) + at, stream.AsSpan(at, length)));
                    written.AsSpan(at, length).Fill(value: true);
                    break;
                case 3:
                    for (; committed < stream.Length && written[committed]; committed++)
                    {
                    }

                    buffer.Commit(new SeqNum(start) + committed);
                    break;
                case 4 when random.Next(10) == 0:
                    buffer.DiscardBeyond(new SeqNum(start) + committed);
                    written.AsSpan(committed).Clear();
                    break;
                default:
                    ReadOnlySequence<byte> readable = buffer.GetReadable();
                    Assert.Equal(committed - read, readable.Length);
                    Assert.True(readable.ToArray().AsSpan().SequenceEqual(stream.AsSpan(read, committed - read)));
                    int consumed = random.Next(committed - read + 1);
                    buffer.Consume(consumed);
                    read += consumed;
                    break;
            }

            Assert.Equal((new SeqNum(start) + read, new SeqNum(start) + committed), (buffer.Read, buffer.Committed));
            Assert.Equal(Math.Max(0, 2000 - (committed - read)), buffer.Free);
            buffer.Trim();
        }

        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public void Bytes_are_invisible_until_they_are_committed()
    {
        using var buffer = new ReceiveBuffer(_pool, 1000);
        SeqNum at = buffer.Committed;
        Assert.True(buffer.TryWrite(at, "hello"u8));
        Assert.True(buffer.GetReadable().IsEmpty);
        Assert.Equal(0, buffer.Unread);
        buffer.Commit(at + 5);
        Assert.Equal("hello"u8.ToArray(), buffer.GetReadable().ToArray());
    }

    [Fact]
    public void Memory_goes_back_when_the_application_has_consumed_everything()
    {
        using var buffer = new ReceiveBuffer(_pool, 1000);
        SeqNum at = buffer.Committed;
        buffer.TryWrite(at, new byte[100]);
        buffer.Commit(at + 100);
        buffer.GetReadable();
        buffer.Consume(99);
        Assert.Equal(64, _pool.RentedBytes);
        buffer.Consume(1);
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public void Bytes_written_but_not_yet_committed_survive_a_consumer_that_empties_the_buffer()
    {
        using var buffer = new ReceiveBuffer(_pool, 1000);
        SeqNum at = buffer.Committed;
        buffer.TryWrite(at, "abc"u8);
        buffer.Commit(at + 3);
        buffer.TryWrite(at + 3, "def"u8);
        buffer.Consume(3);
        buffer.Commit(at + 6);
        Assert.Equal("def"u8.ToArray(), buffer.GetReadable().ToArray());
    }

    [Fact]
    public void Out_of_order_bytes_can_be_copied_out_and_discarded()
    {
        using var buffer = new ReceiveBuffer(_pool, 1000);
        SeqNum at = buffer.Committed;
        buffer.TryWrite(at, "ab"u8);
        buffer.TryWrite(at + 200, "xyz"u8);
        buffer.Commit(at + 2);
        byte[] copy = new byte[3];
        buffer.CopyTo(at + 200, copy);
        Assert.Equal("xyz"u8.ToArray(), copy);
        Assert.Throws<InvalidOperationException>(() => buffer.CopyTo(at + 100, copy));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.CopyTo(at + 201, copy));
        Assert.Equal(128, _pool.RentedBytes);
        buffer.DiscardBeyond(at + 2);
        Assert.Equal(64, _pool.RentedBytes);
        Assert.Equal("ab"u8.ToArray(), buffer.GetReadable().ToArray());
        buffer.Consume(2);
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public void Discarding_uncommitted_bytes_after_a_crash_empties_an_empty_buffer()
    {
        using var buffer = new ReceiveBuffer(_pool, 1000);
        buffer.TryWrite(buffer.Committed, new byte[300]);
        buffer.DiscardBeyond(buffer.Committed);
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public void A_window_that_was_offered_is_kept_although_the_limit_was_lowered()
    {
        using var buffer = new ReceiveBuffer(_pool, limit: 1000);
        SeqNum at = buffer.Committed;
        buffer.Limit = 10;
        Assert.True(buffer.TryWrite(at, new byte[800]));
        buffer.Commit(at + 800);
        Assert.Equal((800, 0), (buffer.Unread, buffer.Free));
        buffer.Consume(795);
        Assert.Equal(5, buffer.Free);
    }

    [Fact]
    public void An_exhausted_pool_refuses_a_segment_whole()
    {
        var pool = new ManagedChunkPool(chunkSize: 64, limit: 128);
        using var buffer = new ReceiveBuffer(pool, 1000);
        SeqNum at = buffer.Committed;
        Assert.False(buffer.TryWrite(at, new byte[129]));
        Assert.Equal(0, pool.RentedBytes);
        Assert.True(buffer.TryWrite(at, new byte[128]));
        Assert.False(buffer.TryWrite(at + 128, new byte[1]));
        buffer.Commit(at + 128);
        Assert.Throws<OutOfBufferMemoryException>(() => buffer.TryGetMemory(out _));
    }

    [Fact]
    public void The_host_receives_straight_into_it_while_the_kernel_owns_the_connection()
    {
        using var buffer = new ReceiveBuffer(_pool, limit: 100);
        Assert.True(buffer.TryGetMemory(out Memory<byte> memory));
        Assert.Equal(64, memory.Length);
        memory.Span.Fill(1);
        buffer.Produce(64);
        Assert.True(buffer.TryGetMemory(out memory));
        Assert.Equal(36, memory.Length);
        memory.Span.Fill(2);
        buffer.Produce(36);
        Assert.False(buffer.TryGetMemory(out _));
        ReadOnlySequence<byte> readable = buffer.GetReadable();
        Assert.Equal((100L, 1, 2), (readable.Length, readable.FirstSpan[0], readable.Slice(99).FirstSpan[0]));
        buffer.Consume(100);

        Assert.True(buffer.TryGetMemory(out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Produce(65));
        buffer.Produce(0);
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public void Renaming_moves_the_names_and_not_the_bytes()
    {
        using var buffer = new ReceiveBuffer(_pool, 1000);
        buffer.TryWrite(buffer.Committed, "abcdef"u8);
        buffer.Commit(buffer.Committed + 6);
        buffer.Consume(2);
        buffer.Rebase(new SeqNum(3));
        Assert.Equal((new SeqNum(uint.MaxValue), new SeqNum(3)), (buffer.Read, buffer.Committed));
        Assert.True(buffer.TryWrite(new SeqNum(3), "gh"u8));
        buffer.Commit(new SeqNum(5));
        Assert.Equal("cdefgh"u8.ToArray(), buffer.GetReadable().ToArray());
    }

    [Fact]
    public void A_commit_of_bytes_never_written_and_a_write_before_the_commit_are_refused()
    {
        using var buffer = new ReceiveBuffer(_pool, 1000);
        SeqNum at = buffer.Committed;
        buffer.TryWrite(at, new byte[10]);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Commit(at + 11));
        buffer.Commit(at + 10);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Commit(at + 9));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.TryWrite(at + 9, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.TryWrite(at + (1 << 30), new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Consume(11));
    }

    [Fact]
    public void Disposing_waits_for_a_consumer_that_still_reads()
    {
        var buffer = new ReceiveBuffer(_pool, 1000);
        buffer.TryWrite(buffer.Committed, "abc"u8);
        buffer.Commit(buffer.Committed + 3);
        ReadOnlySequence<byte> lent = buffer.GetReadable();
        buffer.Dispose();
        Assert.Equal(64, _pool.RentedBytes);
        Assert.Equal("abc"u8.ToArray(), lent.ToArray());
        buffer.Consume(0);
        Assert.Equal(0, _pool.RentedBytes);
        Assert.Throws<ObjectDisposedException>(() => buffer.GetReadable());
        Assert.Throws<ObjectDisposedException>(() => buffer.TryWrite(buffer.Committed, "d"u8));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public async Task One_thread_writes_out_of_order_and_another_consumes_across_the_wrap_without_a_byte_wrong(int seed)
    {
        const int total = 24 << 20;
        var pool = new ManagedChunkPool(chunkSize: 4096, limit: 1 << 20);
        using var buffer = new ReceiveBuffer(pool, limit: 100_000);
        buffer.Rebase(new SeqNum(uint.MaxValue - (5 << 20)));

        Task<byte[]> owner = Task.Run(() => WriteStream(buffer, total, seed));
        byte[] seen = await Task.Run(() =>
        {
            var random = new Random(seed + 100);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var spin = new SpinWait();
            for (int read = 0; read < total;)
            {
                ReadOnlySequence<byte> readable = buffer.GetReadable();
                if (readable.IsEmpty)
                {
                    spin.SpinOnce(-1);
                    continue;
                }

                int count = random.Next(4) == 0 ? random.Next((int)readable.Length + 1) : (int)readable.Length;
                foreach (ReadOnlyMemory<byte> memory in readable.Slice(0, count))
                {
                    hash.AppendData(memory.Span);
                }

                buffer.Consume(count);
                read += count;
            }

            return hash.GetHashAndReset();
        });

        Assert.Equal(await owner, seen);
        Assert.Equal(0, pool.RentedBytes);
    }

    [Fact]
    public void Nothing_is_allocated_once_it_runs()
    {
        using var buffer = new ReceiveBuffer(_pool, 1000);
        byte[] bytes = new byte[700];
        Assert.Equal(0, AllocationMeter.Measure(() =>
        {
            SeqNum at = buffer.Committed;
            buffer.TryWrite(at + 100, bytes.AsSpan(100));
            buffer.TryWrite(at, bytes.AsSpan(0, 100));
            buffer.Commit(at + 700);
            buffer.GetReadable();
            buffer.Consume(650);
            buffer.GetReadable();
            buffer.Consume(50);
        }));
    }

    private static byte[] WriteStream(ReceiveBuffer buffer, int total, int seed)
    {
        var random = new Random(seed);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] batch = new byte[20_000];
        var spin = new SpinWait();
        for (int written = 0; written < total;)
        {
            int count = Math.Min(Math.Min(buffer.Free, total - written), random.Next(batch.Length) + 1);
            if (count == 0)
            {
                spin.SpinOnce(-1);
                continue;
            }

            Span<byte> bytes = batch.AsSpan(0, count);
            random.NextBytes(bytes);
            hash.AppendData(bytes);
            SeqNum at = buffer.Committed;
            int cut = random.Next(count);
            Assert.True(buffer.TryWrite(at + cut, bytes[cut..]));
            Assert.True(buffer.TryWrite(at, bytes[..cut]));
            buffer.Commit(at + count);
            written += count;
        }

        return hash.GetHashAndReset();
    }
}
