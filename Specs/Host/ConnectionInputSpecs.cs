using System.IO.Pipelines;
using TcpActors.Engine.Buffers;
using TcpActors.HostSide;
using Xunit;

namespace TcpActors.Specs.Host;

public class ConnectionInputSpecs
{
    private readonly ManagedChunkPool _pool = new(chunkSize: 64, limit: 1 << 20);
    private readonly RecordingOwner _owner = new();
    private readonly ReceiveBuffer _buffer;
    private readonly ConnectionInput _input;

    public ConnectionInputSpecs()
    {
        _buffer = new ReceiveBuffer(_pool, limit: 1000);
        _input = new ConnectionInput(_buffer, _owner, PipeScheduler.Inline);
    }

    [Fact]
    public async Task A_read_that_waits_is_woken_by_the_owner_and_not_by_the_commit()
    {
        ValueTask<ReadResult> read = _input.ReadAsync();
        Assert.Equal(1, _buffer.Requested);
        Commit(10);
        Assert.False(read.IsCompleted);
        _input.NotifyReadable();
        Assert.True(read.IsCompleted);
        Assert.Equal(0, _buffer.Requested);
        ReadResult result = await read;
        Assert.Equal((10L, false, false), (result.Buffer.Length, result.IsCanceled, result.IsCompleted));
        _input.AdvanceTo(result.Buffer.End);
        Assert.Equal((0, 0L), (_buffer.Unread, _pool.RentedBytes));
    }

    [Fact]
    public async Task A_read_after_everything_was_examined_waits_for_more_and_then_shows_all_of_it()
    {
        Commit(10);
        ReadResult result = await _input.ReadAsync();
        _input.AdvanceTo(result.Buffer.GetPosition(3), result.Buffer.End);
        Assert.False(_input.TryRead(out _));
        ValueTask<ReadResult> read = _input.ReadAsync();
        _input.NotifyReadable();
        Assert.False(read.IsCompleted);
        Commit(1);
        _input.NotifyReadable();
        Assert.Equal(8, (await read).Buffer.Length);
    }

    [Fact]
    public async Task ReadAtLeast_waits_for_its_minimum_and_says_so()
    {
        ValueTask<ReadResult> read = _input.ReadAtLeastAsync(100);
        Assert.Equal(100, _buffer.Requested);
        Commit(99);
        _input.NotifyReadable();
        Assert.False(read.IsCompleted);
        Commit(1);
        _input.NotifyReadable();
        Assert.Equal(100, (await read).Buffer.Length);
    }

    [Fact]
    public async Task A_reader_that_waits_for_more_than_the_buffer_may_hold_gets_a_larger_one()
    {
        ValueTask<ReadResult> read = _input.ReadAtLeastAsync(3000);
        Assert.Equal((6000, 1), (_buffer.Limit, _owner.WindowOpenedCalls));
        Commit(3000);
        _input.NotifyReadable();
        _input.AdvanceTo((await read).Buffer.End);

        Commit(5999);
        ReadResult result = await _input.ReadAsync();
        _input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        int calls = _owner.WindowOpenedCalls;
        _ = _input.ReadAsync();
        Assert.Equal((11998, calls + 1), (_buffer.Limit, _owner.WindowOpenedCalls));
    }

    // What the owner allows may be far less than the limit.
    [Fact]
    public async Task A_reader_that_keeps_most_of_what_is_allowed_and_waits_is_allowed_more()
    {
        _buffer.Allowance = 100;
        Commit(60);
        ReadResult result = await _input.ReadAsync();
        _input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        ValueTask<ReadResult> read = _input.ReadAsync();
        Assert.False(read.IsCompleted);
        Assert.Equal((120, 1000, 1), (_buffer.Allowance, _buffer.Limit, _owner.WindowOpenedCalls));

        // For good: an owner that begins anew allows no less.
        _buffer.Allowance = 100;
        Assert.Equal(120, _buffer.Allowance);
    }

    [Fact]
    public async Task A_reader_that_polls_and_keeps_what_it_has_is_allowed_more()
    {
        _buffer.Allowance = 100;
        Commit(60);
        ReadResult result = await _input.ReadAsync();
        _input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        Assert.False(_input.TryRead(out _));
        Assert.False(_input.TryRead(out _));
        Assert.Equal((120, 1), (_buffer.Allowance, _owner.WindowOpenedCalls));
    }

    [Fact]
    public async Task The_owner_hears_of_room_in_steps_that_are_small_beside_what_it_allows()
    {
        _buffer.Allowance = 100;
        Commit(90);
        ReadResult result = await _input.ReadAsync();
        _input.AdvanceTo(result.Buffer.GetPosition(24));
        Assert.Equal(0, _owner.WindowOpenedCalls);
        result = await _input.ReadAsync();
        _input.AdvanceTo(result.Buffer.GetPosition(1));
        Assert.Equal(1, _owner.WindowOpenedCalls);
    }

    [Fact]
    public async Task The_owner_hears_at_once_of_room_where_there_was_none()
    {
        _buffer.Allowance = 100;
        Commit(100);
        ReadResult result = await _input.ReadAsync();
        _input.AdvanceTo(result.Buffer.GetPosition(1));
        Assert.Equal(1, _owner.WindowOpenedCalls);
    }

    [Fact]
    public async Task The_end_of_the_stream_comes_with_and_after_the_last_bytes()
    {
        Commit(5);
        _input.CompleteInput();
        ReadResult result = await _input.ReadAsync();
        Assert.Equal((5L, true), (result.Buffer.Length, result.IsCompleted));
        _input.AdvanceTo(result.Buffer.End);
        result = await _input.ReadAsync();
        Assert.Equal((0L, true), (result.Buffer.Length, result.IsCompleted));
        _input.AdvanceTo(result.Buffer.End);
        Assert.Equal(0, await _input.ReceiveAsync(new byte[10]));
    }

    [Fact]
    public async Task A_failure_is_thrown_once_when_all_bytes_before_it_are_read_and_then_the_stream_is_at_its_end()
    {
        Commit(5);
        _input.CompleteInput(new IOException("reset"));
        _input.CompleteInput();
        ReadResult result = await _input.ReadAsync();
        Assert.Equal((5L, false), (result.Buffer.Length, result.IsCompleted));
        _input.AdvanceTo(result.Buffer.End);
        Assert.Equal("reset", (await Assert.ThrowsAsync<IOException>(async () => await _input.ReadAsync())).Message);
        Assert.Equal(0, await _input.ReceiveAsync(new byte[1]));
    }

    [Fact]
    public async Task A_failure_before_the_minimum_is_there_is_thrown_and_the_bytes_can_still_be_read()
    {
        Commit(5);
        ValueTask<ReadResult> read = _input.ReadAtLeastAsync(10);
        _input.CompleteInput(new IOException("reset"));
        await Assert.ThrowsAsync<IOException>(async () => await read);
        Assert.Equal(5, (await _input.ReadAsync()).Buffer.Length);
    }

    [Fact]
    public async Task A_waiting_read_ends_when_its_token_is_cancelled_and_the_next_one_is_as_new()
    {
        using var cancellation = new CancellationTokenSource();
        ValueTask<ReadResult> read = _input.ReadAsync(cancellation.Token);
        await cancellation.CancelAsync();
        var exception = await Assert.ThrowsAsync<OperationCanceledException>(async () => await read);
        Assert.Equal(cancellation.Token, exception.CancellationToken);
        Assert.Equal(0, _buffer.Requested);
        Assert.True(_input.ReadAsync(cancellation.Token).IsCanceled);
        ValueTask<ReadResult> next = _input.ReadAsync();
        Commit(1);
        _input.NotifyReadable();
        Assert.Equal(1, (await next).Buffer.Length);
    }

    [Fact]
    public async Task A_receive_takes_what_is_there_and_announces_how_much_it_wants_while_it_waits()
    {
        byte[] bytes = new byte[100];
        ValueTask<int> receive = _input.ReceiveAsync(bytes);
        Assert.Equal(100, _buffer.Requested);
        Commit(30, 7);
        _input.NotifyReadable();
        Assert.Equal(30, await receive);
        Assert.Equal((7, 0, 0), (bytes[29], bytes[30], _buffer.Requested));
        Commit(150);
        Assert.Equal(100, await _input.ReceiveAsync(bytes));
        Assert.Equal(50, await _input.ReceiveAsync(bytes));
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Fact]
    public async Task A_receive_into_nothing_waits_until_there_is_something()
    {
        ValueTask<int> receive = _input.ReceiveAsync(Memory<byte>.Empty);
        Assert.Equal(1, _buffer.Requested);
        Commit(3);
        _input.NotifyReadable();
        Assert.Equal((0, 3), (await receive, _buffer.Unread));
    }

    [Fact]
    public async Task A_cancelled_receive_throws_and_loses_nothing()
    {
        ValueTask<int> receive = _input.ReceiveAsync(new byte[10]);
        _input.CancelPendingRead();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await receive);
        Commit(4);
        Assert.Equal(4, await _input.ReceiveAsync(new byte[10]));
    }

    [Fact]
    public async Task The_window_doorbell_rings_for_quarters_of_the_buffer_and_not_for_bytes()
    {
        Commit(900);
        for (int i = 0; i < 249; i++)
        {
            Assert.Equal(1, await _input.ReceiveAsync(new byte[1]));
        }

        Assert.Equal(0, _owner.WindowOpenedCalls);
        await _input.ReceiveAsync(new byte[1]);
        Assert.Equal(1, _owner.WindowOpenedCalls);
        await _input.ReceiveAsync(new byte[650]);
        Assert.Equal(2, _owner.WindowOpenedCalls);
    }

    [Fact]
    public async Task The_window_doorbell_rings_when_the_buffer_was_full()
    {
        Commit(1000);
        await _input.ReceiveAsync(new byte[1]);
        Assert.Equal(1, _owner.WindowOpenedCalls);
        await _input.ReceiveAsync(new byte[1]);
        Assert.Equal(1, _owner.WindowOpenedCalls);
    }

    [Fact]
    public async Task Completing_the_reader_ends_its_loan_and_leaves_what_was_unread_to_the_host()
    {
        Commit(10);
        await _input.ReadAsync();
        _buffer.Dispose();
        Assert.NotEqual(0, _pool.RentedBytes);
        _input.Complete(new IOException("gone"));
        _input.Complete();
        Assert.Equal(("gone", 10, 0L), (Assert.Single(_owner.InputCompletions)?.Message, _buffer.Unread, _pool.RentedBytes));
        Assert.True(_input.IsCompleted);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await _input.ReadAsync());
        Assert.Throws<InvalidOperationException>(() => _input.TryRead(out _));
        Assert.Throws<InvalidOperationException>(() => _input.AdvanceTo(default));
    }

    [Fact]
    public async Task Reads_out_of_turn_are_refused()
    {
        Assert.Throws<InvalidOperationException>(() => _input.AdvanceTo(default));
        ValueTask<ReadResult> read = _input.ReadAsync();
        Assert.Throws<InvalidOperationException>(() => _input.TryRead(out _));
        Assert.Throws<InvalidOperationException>(() => { _ = _input.ReadAsync(); });
        Assert.Throws<InvalidOperationException>(() => { _ = _input.ReceiveAsync(new byte[1]); });
        Commit(4);
        _input.NotifyReadable();
        ReadResult result = await read;
        Assert.Throws<InvalidOperationException>(() => { _ = _input.ReadAsync(); });
        Assert.Throws<InvalidOperationException>(() => _input.AdvanceTo(result.Buffer.End, result.Buffer.Start));
        _input.AdvanceTo(result.Buffer.End);
    }

    [Fact]
    public async Task It_is_a_stream_too()
    {
        Commit(100, 3);
        _input.CompleteInput();
        using var copy = new MemoryStream();
        await _input.AsStream().CopyToAsync(copy);
        Assert.Equal(100, copy.Length);
        Assert.All(copy.ToArray(), value => Assert.Equal(3, value));
    }

    [Fact]
    public void Waiting_and_reading_allocate_nothing()
    {
        byte[] bytes = new byte[100];
        long allocated = Engine.Buffers.AllocationMeter.Measure(() =>
        {
            ValueTask<ReadResult> read = _input.ReadAsync();
            Commit(100);
            _input.NotifyReadable();
            _input.AdvanceTo(read.Result.Buffer.End);
            ValueTask<int> receive = _input.ReceiveAsync(bytes);
            Commit(50);
            _input.NotifyReadable();
            _ = receive.Result;
        });
        Assert.Equal(0, allocated);
    }

    [Fact]
    public async Task By_default_a_reader_goes_on_in_the_thread_pool()
    {
        var input = new ConnectionInput(_buffer, _owner);
        Task<bool> onPool = Task.Run(async () =>
        {
            await input.ReadAsync();
            return Thread.CurrentThread.IsThreadPoolThread;
        });
        SpinWait.SpinUntil(() => _buffer.Requested == 1);
        Commit(1);
        var notifier = new Thread(input.NotifyReadable);
        notifier.Start();
        Assert.True(await onPool);
        notifier.Join();
    }

    private void Commit(int count, byte value = 0)
    {
        byte[] bytes = count <= 200 ? Zeros[count] : new byte[count];
        if (value != 0)
        {
            bytes = new byte[count];
            bytes.AsSpan().Fill(value);
        }

        _buffer.TryWrite(_buffer.Committed, bytes);
        _buffer.Commit(_buffer.Committed + count);
    }

    private static readonly byte[][] Zeros = [.. Enumerable.Range(0, 201).Select(count => new byte[count])];
}
