using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using TcpActors.Engine.Buffers;
using TcpActors.HostSide;
using Xunit;

namespace TcpActors.Specs.Host;

public class ConnectionOutputSpecs
{
    private readonly ManagedChunkPool _pool = new(chunkSize: 64, limit: 1 << 20);
    private readonly RecordingOwner _owner = new();
    private readonly SendBuffer _buffer;
    private readonly ConnectionOutput _output;

    public ConnectionOutputSpecs()
    {
        _buffer = new SendBuffer(_pool, limit: 1000);
        _output = new ConnectionOutput(_buffer, _owner, PipeScheduler.Inline);
    }

    [Fact]
    public async Task Written_bytes_are_in_the_send_buffer_and_a_flush_rings_once()
    {
        _output.Write(Bytes(100));
        _output.Write(Bytes(100));
        Assert.Equal((0, 200L), (_owner.DataReadyCalls, _output.UnflushedBytes));
        FlushResult result = await _output.FlushAsync();
        Assert.Equal((false, false, 1, 0L), (result.IsCanceled, result.IsCompleted, _owner.DataReadyCalls, _output.UnflushedBytes));
        Assert.Equal([.. Bytes(100), .. Bytes(100)], Take(200));
        await _output.FlushAsync();
        Assert.Equal(1, _owner.DataReadyCalls);
    }

    [Fact]
    public async Task A_full_buffer_makes_the_flush_wait_until_a_quarter_of_it_is_free()
    {
        _output.Write(Bytes(1000));
        ValueTask<FlushResult> flush = _output.FlushAsync();
        Assert.False(flush.IsCompleted);
        Take(249);
        Assert.False(flush.IsCompleted);
        Take(1);
        Assert.True(flush.IsCompleted);
        await flush;
    }

    [Fact]
    public async Task A_write_larger_than_the_buffer_is_taken_piece_by_piece_from_the_callers_memory()
    {
        byte[] bytes = Bytes(10_000);
        ValueTask<FlushResult> write = _output.WriteAsync(bytes);
        var taken = new List<byte>();
        while (taken.Count < bytes.Length)
        {
            Assert.Equal(taken.Count + _buffer.Count == bytes.Length && _buffer.Count <= 750, write.IsCompleted);
            int doorbells = _owner.DataReadyCalls;
            bool more = taken.Count + _buffer.Count < bytes.Length;
            taken.AddRange(Take(Math.Min(300, _buffer.Count)));
            Assert.Equal(more ? doorbells + 1 : doorbells, _owner.DataReadyCalls);
        }

        await write;
        Assert.Equal(bytes, taken);
    }

    [Fact]
    public async Task Memory_larger_than_what_is_contiguous_or_free_is_staged_and_keeps_its_place()
    {
        byte[] expected = Bytes(4000);
        int written = 0;
        foreach (int size in new[] { 60, 10, 200, 500, 400, 2000, 830 })
        {
            Memory<byte> memory = _output.GetMemory(size);
            Assert.True(memory.Length >= size);
            expected.AsMemory(written, size).CopyTo(memory);
            _output.Advance(size);
            written += size;
        }

        ValueTask<FlushResult> flush = _output.FlushAsync();
        var taken = new List<byte>();
        while (taken.Count < expected.Length)
        {
            taken.AddRange(Take(_buffer.Count));
        }

        await flush;
        Assert.Equal(expected, taken);
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public async Task Room_that_comes_up_while_staging_is_lent_does_not_disturb_it()
    {
        _output.Write(Bytes(1000));
        _output.Write(new byte[] { 1, 2, 3 });
        Memory<byte> lent = _output.GetMemory(100);
        Take(1000);
        lent.Span[0] = 4;
        _output.Advance(1);
        await _output.FlushAsync();
        Assert.Equal([1, 2, 3, 4], Take(4));
    }

    [Fact]
    public async Task A_cancelled_flush_keeps_the_bytes_and_gives_the_callers_memory_back()
    {
        byte[] bytes = Bytes(3000);
        byte[] expected = [.. bytes];
        ValueTask<FlushResult> write = _output.WriteAsync(bytes);
        _output.CancelPendingFlush();
        Assert.True((await write).IsCanceled);
        bytes.AsSpan().Clear();
        ValueTask<FlushResult> flush = _output.FlushAsync();
        var taken = new List<byte>();
        while (taken.Count < 3000)
        {
            taken.AddRange(Take(_buffer.Count));
        }

        Assert.False((await flush).IsCanceled);
        Assert.Equal(expected, taken);
        _output.CancelPendingFlush();
        Assert.True((await _output.FlushAsync()).IsCanceled);
        Assert.False((await _output.FlushAsync()).IsCanceled);
    }

    [Fact]
    public async Task A_token_ends_the_wait_of_a_flush_and_the_bytes_stay_written()
    {
        using var cancellation = new CancellationTokenSource();
        ValueTask<FlushResult> write = _output.WriteAsync(Bytes(1500), cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await write);
        Assert.Equal(Bytes(1500)[..1000], Take(1000));
        Assert.Equal(Bytes(1500)[1000..], Take(500));
    }

    [Fact]
    public async Task The_owner_hears_of_the_end_when_all_bytes_are_in_the_send_buffer()
    {
        _output.Write(Bytes(1300));
        await _output.CompleteAsync();
        Assert.Empty(_owner.OutputCompletions);
        Assert.False(_output.IsCompleted);
        Assert.Equal(1, _owner.DataReadyCalls);
        Take(300);
        Assert.Null(Assert.Single(_owner.OutputCompletions));
        Assert.True(_output.IsCompleted);
        Assert.Equal(1000, _buffer.Count);
        Assert.Throws<InvalidOperationException>(() => _output.GetMemory());
        Assert.Throws<InvalidOperationException>(() => { _ = _output.WriteAsync(Bytes(1)); });
        _output.Complete();
        Take(1000);
        Assert.Single(_owner.OutputCompletions);
    }

    [Fact]
    public void An_end_with_an_error_is_announced_at_once()
    {
        _output.Write(Bytes(1300));
        _output.Complete(new IOException("abort"));
        Assert.Equal("abort", Assert.Single(_owner.OutputCompletions)!.Message);
    }

    [Fact]
    public async Task A_failed_connection_ends_the_waiting_flush_and_drops_what_is_written()
    {
        ValueTask<FlushResult> write = _output.WriteAsync(Bytes(1500));
        _output.CloseOutput(new IOException("reset"));
        await Assert.ThrowsAsync<IOException>(async () => await write);
        _buffer.Dispose();
        _output.Write(Bytes(100));
        SocketException next = await Assert.ThrowsAsync<SocketException>(async () => await _output.FlushAsync());
        Assert.Equal(SocketError.Shutdown, next.SocketErrorCode);
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public async Task A_connection_closed_without_an_error_says_that_it_is_completed()
    {
        ValueTask<FlushResult> write = _output.WriteAsync(Bytes(1500));
        _output.CloseOutput();
        Assert.True((await write).IsCompleted);
        Assert.True((await _output.WriteAsync(Bytes(10))).IsCompleted);
    }

    [Fact]
    public async Task A_second_flush_while_one_waits_is_refused_and_so_is_advancing_too_far()
    {
        ValueTask<FlushResult> write = _output.WriteAsync(Bytes(1500));
        Assert.Throws<InvalidOperationException>(() => { _ = _output.FlushAsync(); });
        Take(1000);
        Take(500);
        await write;
        Memory<byte> memory = _output.GetMemory();
        Assert.Throws<ArgumentOutOfRangeException>(() => _output.Advance(memory.Length + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _output.Advance(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _output.GetMemory(-1));
        _output.Advance(0);
        Assert.Throws<ArgumentOutOfRangeException>(() => _output.Advance(1));
    }

    [Fact]
    public async Task It_is_a_stream_too()
    {
        Stream stream = _output.AsStream();
        await stream.WriteAsync(Bytes(500));
        await stream.DisposeAsync();
        Assert.Equal(Bytes(500), Take(500));
        Assert.Single(_owner.OutputCompletions);
    }

    [Fact]
    public void Waiting_and_writing_allocate_nothing()
    {
        byte[] bytes = Bytes(1500);
        long allocated = Engine.Buffers.AllocationMeter.Measure(() =>
        {
            ValueTask<FlushResult> write = _output.WriteAsync(bytes);
            Drop(1000);
            Drop(500);
            _ = write.Result;
            bytes.AsSpan(0, 20).CopyTo(_output.GetSpan(20));
            _output.Advance(20);
            _ = _output.FlushAsync().Result;
            Drop(20);
        });
        Assert.Equal(0, allocated);
        Assert.Equal(0, _buffer.Count);
    }

    private static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }

    /// <summary>The peer acknowledges bytes: the owner frees them and says so.</summary>
    private byte[] Take(int count)
    {
        byte[] bytes = new byte[count];
        _buffer.CopyTo(_buffer.Una, bytes);
        Drop(count);
        return bytes;
    }

    private void Drop(int count)
    {
        _buffer.FreeTo(_buffer.Una + count);
        _output.NotifyWritable();
    }
}
