using System.Buffers;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Buffers;

/// <summary>An application's own memory under a receive buffer.</summary>
public class PostedReceiveSpecs
{
    private static readonly SeqNum s_start = new(uint.MaxValue - 50);
    private readonly ManagedChunkPool _pool = new(chunkSize: 64, limit: 1 << 20);
    private readonly ReceiveBuffer _buffer;
    private readonly byte[] _memory = GC.AllocateArray<byte>(200, pinned: true);
    private readonly uint _owner;

    public PostedReceiveSpecs()
    {
        _buffer = new ReceiveBuffer(_pool, limit: 2000);
        _buffer.Rebase(s_start);
        _owner = _buffer.BeginOwnership();
    }

    // Fails when TryPlace copies into chunks, or rents any.
    [Fact]
    public void What_comes_in_order_goes_straight_there_and_takes_no_chunk()
    {
        Post(200);
        Assert.True(_buffer.TryWriteNext(_owner, s_start, Bytes(0, 150)));
        Assert.Equal((0, 0L, s_start + 150), (_buffer.PlacedBytes, _pool.RentedBytes, _buffer.Taken));
        _buffer.Commit(s_start + 150);
        Assert.Equal((150, 0L, s_start + 150, 0), (_buffer.PlacedBytes, _pool.RentedBytes, _buffer.Read, _buffer.Unread));
        Assert.Equal(Bytes(0, 150), _memory[..150]);
        Assert.False(_buffer.OwesNotice);
        Assert.True(_buffer.TryTakeBack());
    }

    // Fails when TryPlace does not fill chunks with the rest.
    [Fact]
    public void What_does_not_fit_follows_in_chunks()
    {
        Post(100);
        Assert.True(_buffer.TryWriteNext(_owner, s_start, Bytes(0, 90)));
        Assert.False(_buffer.IsPostedFull);
        Assert.True(_buffer.TryWriteNext(_owner, s_start + 90, Bytes(90, 110)));
        Assert.True(_buffer.IsPostedFull);
        _buffer.Commit(s_start + 200);
        Assert.True(_buffer.OwesNotice);
        Assert.Equal((100, 100), (_buffer.PlacedBytes, _buffer.Unread));
        Assert.True(_buffer.TryTakeBack());
        Assert.Equal(Bytes(0, 100), _memory[..100]);
        Assert.Equal(Bytes(100, 100), _buffer.GetReadable().ToArray());
        _buffer.Consume(100);
        Assert.Equal(0, _pool.RentedBytes);
    }

    // Fails when TryPlace does not ask whether the place is the next one.
    [Fact]
    public void What_waited_behind_a_hole_stays_in_chunks_and_ends_the_receive()
    {
        Post(200);
        Assert.True(_buffer.TryWriteBeyond(s_start + 50, Bytes(50, 50), s_start, beyond: 0));
        Assert.True(_buffer.TryWriteNext(_owner, s_start, Bytes(0, 50)));
        Assert.True(_buffer.TryWriteNext(_owner, s_start + 100, Bytes(100, 50)));
        _buffer.Commit(s_start + 150);
        Assert.True(_buffer.OwesNotice);
        Assert.Equal((50, 100), (_buffer.PlacedBytes, _buffer.Unread));
        Assert.True(_buffer.TryTakeBack());
        Assert.Equal(Bytes(0, 50), _memory[..50]);
        Assert.Equal(Bytes(50, 100), _buffer.GetReadable().ToArray());
    }

    // Fails when TryPost accepts memory while bytes are unread, or OwesNotice does not see what the batch had written before.
    [Fact]
    public void Memory_that_is_posted_within_a_batch_does_not_get_what_comes_behind_it()
    {
        Assert.True(_buffer.TryWriteNext(_owner, s_start, Bytes(0, 50)));
        Post(200);
        Assert.True(_buffer.TryWriteNext(_owner, s_start + 50, Bytes(50, 50)));
        _buffer.Commit(s_start + 100);
        Assert.True(_buffer.OwesNotice);
        Assert.Equal((0, 100), (_buffer.PlacedBytes, _buffer.Unread));
        Assert.True(_buffer.TryTakeBack());
        Assert.False(TryPost(200));
        Assert.Equal(Bytes(0, 100), _buffer.GetReadable().ToArray());
    }

    // Fails when TryTakeBack does not look at what is not committed.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Memory_with_uncommitted_bytes_is_given_back_when_their_fate_is_known(bool isCommitted)
    {
        Post(200);
        Assert.True(_buffer.TryWriteNext(_owner, s_start, Bytes(0, 50)));
        Assert.False(_buffer.TryTakeBack());
        Assert.True(_buffer.TryWriteNext(_owner, s_start + 50, Bytes(50, 20)));
        Assert.False(_buffer.OwesNotice);
        if (isCommitted)
        {
            _buffer.Commit(s_start + 70);
        }
        else
        {
            _buffer.DiscardBeyond(s_start);
        }

        Assert.True(_buffer.OwesNotice);
        Assert.True(_buffer.TryAcceptGivenBack());
        Assert.False(_buffer.OwesNotice);
        Assert.Equal(isCommitted ? (50, 20) : (0, 0), (_buffer.PlacedBytes, _buffer.Unread));
        Assert.True(_buffer.TryWriteNext(_owner, _buffer.Committed, Bytes(0, 3)));
        Assert.Equal(new byte[150], _memory[50..]);
    }

    // Fails when ForgetPlacedBeyond does nothing.
    [Fact]
    public void What_a_failed_batch_has_placed_is_overwritten()
    {
        Post(200);
        Assert.True(_buffer.TryWriteNext(_owner, s_start, Bytes(0, 50)));
        _buffer.Commit(s_start + 50);
        Assert.True(_buffer.TryWriteNext(_owner, s_start + 50, new byte[100]));
        uint next = _buffer.BeginOwnership();
        Assert.Equal((50, s_start + 50), (_buffer.PlacedBytes, _buffer.Taken));
        Assert.True(_buffer.TryWriteNext(next, s_start + 50, Bytes(50, 150)));
        _buffer.Commit(s_start + 200);
        Assert.Equal((200, 0L), (_buffer.PlacedBytes, _pool.RentedBytes));
        Assert.Equal(Bytes(0, 200), _memory);
    }

    // Fails when TryPlace does not ask who writes.
    [Fact]
    public void An_owner_whose_time_is_over_writes_there_no_more()
    {
        Post(200);
        uint next = _buffer.BeginOwnership();
        Assert.False(_buffer.TryWriteNext(_owner, s_start, Bytes(0, 50)));
        Assert.Equal(new byte[200], _memory);
        Assert.True(_buffer.TryWriteNext(next, s_start, Bytes(0, 50)));
        Assert.Equal(Bytes(0, 50), _memory[..50]);
    }

    // Fails when TryGetMemory does not lend what is posted, or TryTakeBack gives back what is lent.
    [Fact]
    public void The_kernel_receives_straight_into_it()
    {
        Post(100);
        Assert.True(_buffer.TryGetMemory(out Memory<byte> lent));
        Assert.Equal(100, lent.Length);
        Bytes(0, 60).CopyTo(lent);
        _buffer.Produce(60);
        Assert.Equal((60, 0, 0L, s_start + 60), (_buffer.PlacedBytes, _buffer.Unread, _pool.RentedBytes, _buffer.Committed));
        Assert.True(_buffer.TryGetMemory(out lent));
        Assert.Equal(40, lent.Length);
        Assert.False(_buffer.TryTakeBack());
        _buffer.Produce(0);
        Assert.True(_buffer.TryAcceptGivenBack());
        Assert.Equal((60, Bytes(0, 60).Length), (_buffer.PlacedBytes, _memory.AsSpan().IndexOf(Bytes(0, 60)) + 60));
        Assert.True(_buffer.TryGetMemory(out lent));
        Assert.NotEqual(40, lent.Length);
        _buffer.Produce(0);
        Assert.Equal(0, _pool.RentedBytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void In_whatever_order_things_happen_the_stream_is_whole(int seed)
    {
        var run = new PostedReceiveRun(seed);
        run.Go();
        Assert.True(run.Direct > 20_000, $"only {run.Direct} bytes went straight to their place");
        Assert.True(run.Deferred > 10, $"memory was wanted back within a batch {run.Deferred} times only");
    }

    [Fact]
    public void Posting_and_placing_allocate_nothing()
    {
        SeqNum next = s_start;
        byte[] bytes = Bytes(0, 150);
        Assert.Equal(0, AllocationMeter.Measure(() =>
        {
            Post(200);
            _buffer.TryWriteNext(_owner, next, bytes);
            _buffer.Commit(next += 150);
            _buffer.TryTakeBack();
        }));
    }

    private static byte[] Bytes(int from, int count) => [.. Enumerable.Range(from, count).Select(i => (byte)(i + 1))];

    private void Post(int length) => Assert.True(TryPost(length));

    private bool TryPost(int length) => _buffer.TryPost(_memory.AsMemory(0, length));
}
