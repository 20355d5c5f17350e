using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Transport.Linux;
using Xunit;

namespace TcpActors.Specs.Transport;

public class MemfdChunkPoolSpecs
{
    [Fact]
    public void Bytes_in_a_chunk_are_at_its_offset_for_whoever_has_the_descriptor()
    {
        using var pool = new MemfdChunkPool(chunkSize: 4096);
        Chunk[] chunks = [.. Enumerable.Range(0, 2000).Select(_ => pool.Rent())];
        byte[] read = new byte[8];
        for (int i = 0; i < chunks.Length; i++)
        {
            BitConverter.TryWriteBytes(chunks[i].Memory.Span[4088..], (long)i);
        }

        for (int i = 0; i < chunks.Length; i++)
        {
            RandomAccess.Read(pool.FileDescriptor, read, chunks[i].SharedOffset + 4088);
            Assert.Equal(i, BitConverter.ToInt64(read));
        }

        Assert.Equal(2000, chunks.Select(chunk => chunk.SharedOffset).Distinct().Count());
        Array.ForEach(chunks, pool.Return);
    }

    [Fact]
    public unsafe void Pointer_and_memory_are_the_same_bytes()
    {
        using var pool = new MemfdChunkPool();
        Chunk chunk = pool.Rent();
        chunk.Address[65535] = 7;
        Assert.Equal((7, 65536), (chunk.Memory.Span[65535], chunk.Length));
        using (System.Buffers.MemoryHandle pin = chunk.Memory.Pin())
        {
            Assert.True(pin.Pointer == chunk.Address);
        }

        pool.Return(chunk);
    }

    [Fact]
    public void It_lends_no_more_than_its_limit()
    {
        using var pool = new MemfdChunkPool(limit: 3 * 65536);
        Chunk[] chunks = [pool.Rent(), pool.Rent(), pool.Rent()];
        Assert.False(pool.TryRent(out _));
        Array.ForEach(chunks, pool.Return);
        Assert.Equal(0, pool.RentedBytes);
    }

    [Fact]
    public void Returned_chunks_beyond_the_threshold_give_their_pages_back_and_can_be_lent_again()
    {
        using var pool = new MemfdChunkPool(keepReady: 65536);
        Chunk[] chunks = [.. Enumerable.Range(0, 100).Select(_ => pool.Rent())];
        foreach (Chunk chunk in chunks)
        {
            chunk.Memory.Span.Fill(0xff);
        }

        long full = AllocatedBytes(pool);
        Assert.InRange(full, 100 * 65536, long.MaxValue);
        Array.ForEach(chunks, pool.Return);
        Assert.InRange(AllocatedBytes(pool), 65536, 2 * 65536);

        long length = RandomAccess.GetLength(pool.FileDescriptor);
        Chunk[] again = [.. Enumerable.Range(0, 100).Select(_ => pool.Rent())];
        Assert.Equal(chunks.Select(chunk => chunk.SharedOffset).Order(), again.Select(chunk => chunk.SharedOffset).Order());
        Assert.Equal(length, RandomAccess.GetLength(pool.FileDescriptor));
        Array.ForEach(again, pool.Return);
    }

    [Fact]
    public void Memory_that_is_still_lent_outlives_the_pool()
    {
        var pool = new MemfdChunkPool();
        Chunk chunk = pool.Rent();
        pool.Dispose();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        chunk.Memory.Span.Fill(1);
        Assert.Equal(1, chunk.Memory.Span[65535]);
        pool.Return(chunk);
    }

    [Fact]
    public void Buffers_work_over_it()
    {
        using var pool = new MemfdChunkPool();
        using var buffer = new SendBuffer(pool, 1 << 20);
        byte[] bytes = new byte[200_000];
        new Random(1).NextBytes(bytes);
        Assert.Equal(200_000, buffer.Write(bytes));
        byte[] copy = new byte[200_000];
        buffer.CopyTo(new SeqNum(0), copy);
        Assert.Equal(bytes, copy);
        buffer.FreeTo(buffer.End);
        Assert.Equal(0, pool.RentedBytes);
    }

    [Fact]
    public void A_chunk_smaller_than_a_page_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new MemfdChunkPool(chunkSize: 2048));

    /// <summary>What the memory really takes, from the file's block count (stat's st_blocks, as du shows it).</summary>
    private static long AllocatedBytes(MemfdChunkPool pool)
    {
        using var stat = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo
        {
            FileName = "stat",
            ArgumentList = { "-L", "-c", "%b", $"/proc/{Environment.ProcessId}/fd/{pool.FileDescriptor.DangerousGetHandle()}" },
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
        string blocks = stat.StandardOutput.ReadToEnd();
        stat.WaitForExit();
        return long.Parse(blocks) * 512;
    }
}
