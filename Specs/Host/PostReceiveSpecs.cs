using System.IO.Pipelines;
using TcpActors.Engine.Buffers;
using TcpActors.HostSide;
using TcpActors.Specs.Engine.Buffers;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>A receive into memory that the application posts, as the application and the owner see it.</summary>
public class PostReceiveSpecs
{
    private readonly ManagedChunkPool _pool = new(chunkSize: 64, limit: 1 << 20);
    private readonly RecordingOwner _owner = new();
    private readonly ReceiveBuffer _buffer;
    private readonly ConnectionInput _input;
    private readonly uint _ownership;
    private readonly byte[] _memory = new byte[100];
    private byte _next;

    public PostReceiveSpecs()
    {
        _buffer = new ReceiveBuffer(_pool, limit: 1000);
        _input = new ConnectionInput(_buffer, _owner, PipeScheduler.Inline);
        _ownership = _buffer.BeginOwnership();
    }

    // Fails when PostReceiveAsync does not post the memory: then a chunk is rented.
    [Fact]
    public async Task It_completes_when_what_has_come_is_handed_up()
    {
        ValueTask<int> receive = _input.PostReceiveAsync(_memory);
        Commit(30);
        Assert.False(receive.IsCompleted);
        Commit(30);
        _input.NotifyReadable();
        Assert.True(receive.IsCompleted);
        Assert.Equal((60, 0L), (await receive, _pool.RentedBytes));
        Assert.Equal(Bytes(0, 60), _memory[..60]);
    }

    // Fails when OwesNotice does not look whether the memory is full.
    [Fact]
    public async Task Its_owner_tells_when_the_memory_is_just_full()
    {
        ValueTask<int> receive = _input.PostReceiveAsync(_memory);
        Commit(99);
        Assert.False(_buffer.OwesNotice);
        Commit(1);
        Assert.True(_buffer.OwesNotice);
        _input.NotifyReadable();
        Assert.Equal(100, await receive);
    }

    // Fails when OwesNotice does not look for unread bytes beyond the memory, or these are lost.
    [Fact]
    public async Task What_does_not_fit_is_read_as_ever()
    {
        ValueTask<int> receive = _input.PostReceiveAsync(_memory);
        Commit(130);
        Assert.True(_buffer.OwesNotice);
        _input.NotifyReadable();
        Assert.Equal(100, await receive);
        ReadResult rest = await _input.ReadAsync();
        Assert.Equal(30, rest.Buffer.Length);
        _input.AdvanceTo(rest.Buffer.End);
        Assert.Equal(0, _pool.RentedBytes);
    }

    // Fails when bytes that wait do not come first.
    [Fact]
    public async Task Bytes_that_are_there_are_returned_at_once()
    {
        Commit(30);
        Assert.Equal(30, await _input.PostReceiveAsync(_memory));
        Assert.Equal(Bytes(0, 30), _memory[..30]);
    }

    // Fails when a cancelled receive leaves its memory posted.
    [Fact]
    public async Task Nothing_is_written_after_a_cancel()
    {
        using var cancel = new CancellationTokenSource();
        ValueTask<int> receive = _input.PostReceiveAsync(_memory, cancel.Token);
        cancel.Cancel();
        OperationCanceledException canceled = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await receive);
        Assert.Equal(cancel.Token, canceled.CancellationToken);
        Commit(30);
        Assert.Equal(new byte[100], _memory);
        Assert.Equal(30, await _input.ReceiveAsync(_memory));
    }

    // Fails when a cancel completes the receive while the owner has uncommitted bytes in the memory.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_cancel_within_a_batch_waits_for_its_commit(bool byToken)
    {
        using var cancel = new CancellationTokenSource();
        ValueTask<int> receive = _input.PostReceiveAsync(_memory, cancel.Token);
        Write(30);
        if (byToken)
        {
            cancel.Cancel();
        }
        else
        {
            _input.CancelPendingRead();
        }

        Assert.False(receive.IsCompleted);
        _buffer.Commit(_buffer.Taken);
        _input.NotifyReadable();
        Assert.Equal(30, await receive);

        // The wait was what was cancelled, and not the next one.
        Assert.False(_input.PostReceiveAsync(_memory).IsCompleted);
    }

    [Fact]
    public async Task A_batch_that_is_lost_gives_the_memory_back_too()
    {
        ValueTask<int> receive = _input.PostReceiveAsync(_memory);
        Write(30);
        _input.CancelPendingRead();
        _buffer.DiscardBeyond(_buffer.Committed);
        _input.NotifyReadable();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await receive);
    }

    // Fails when the count of what was placed is given up for the failure.
    [Fact]
    public async Task What_came_before_a_failure_is_returned_before_it_is_thrown()
    {
        ValueTask<int> receive = _input.PostReceiveAsync(_memory);
        Commit(30);
        _input.CompleteInput(new IOException("reset"));
        Assert.Equal(30, await receive);
        await Assert.ThrowsAsync<IOException>(async () => await _input.PostReceiveAsync(_memory));
        Assert.Equal(0, await _input.PostReceiveAsync(_memory));
    }

    [Fact]
    public async Task The_end_of_the_stream_is_zero_bytes()
    {
        ValueTask<int> receive = _input.PostReceiveAsync(_memory);
        _input.CompleteInput();
        Assert.Equal(0, await receive);
    }

    [Fact]
    public async Task One_read_at_a_time()
    {
        ValueTask<int> receive = _input.PostReceiveAsync(_memory);
        Assert.Throws<InvalidOperationException>(() => _input.TryRead(out _));
        Assert.Throws<InvalidOperationException>(() => { _ = _input.PostReceiveAsync(_memory); });
        Commit(10);
        _input.NotifyReadable();
        Assert.Equal(10, await receive);
        Assert.False(_input.TryRead(out _));
    }

    [Fact]
    public async Task Completing_the_reader_ends_a_receive_that_waits()
    {
        ValueTask<int> receive = _input.PostReceiveAsync(_memory);
        _input.Complete();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await receive);
        Commit(30);
        Assert.Equal(new byte[100], _memory);
    }

    [Fact]
    public async Task With_empty_memory_it_waits_until_there_is_something_to_read()
    {
        ValueTask<int> receive = _input.PostReceiveAsync(Memory<byte>.Empty);
        Commit(30);
        _input.NotifyReadable();
        Assert.Equal(0, await receive);
        Assert.Equal(30, _buffer.Unread);
    }

    [Fact]
    public void Posting_waiting_and_completing_allocate_nothing()
    {
        byte[] bytes = Bytes(0, 50);
        Assert.Equal(0, AllocationMeter.Measure(() =>
        {
            ValueTask<int> receive = _input.PostReceiveAsync(_memory);
            _buffer.TryWriteNext(_ownership, _buffer.Committed, bytes);
            _buffer.Commit(_buffer.Taken);
            _input.NotifyReadable();
            receive.GetAwaiter().GetResult();
        }));
    }

    private static byte[] Bytes(int from, int count) => [.. Enumerable.Range(from, count).Select(i => (byte)(i + 1))];

    private void Write(int count)
    {
        Assert.True(_buffer.TryWriteNext(_ownership, _buffer.Taken, Bytes(_next, count)));
        _next += (byte)count;
    }

    private void Commit(int count)
    {
        TcpActors.Engine.State.SeqNum end = _buffer.Committed + count;
        Write(count);
        _buffer.Commit(end);
    }
}
