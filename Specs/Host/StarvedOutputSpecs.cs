using System.Buffers;
using System.IO.Pipelines;
using TcpActors.Engine.Buffers;
using TcpActors.HostSide;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>
/// A writer that finds no buffer memory. RFC 9293 3.10.2 lets a SEND fail for insufficient resources; as with a socket, a shortage that
/// others cause and that passes is back-pressure and not the end of the connection.
/// </summary>
public sealed class StarvedOutputSpecs
{
    private const int Chunk = 64;

    private readonly ManagedChunkPool _pool = new(Chunk, limit: 4 * Chunk);
    private readonly RecordingOwner _owner = new();
    private readonly RetryTime _time = new();
    private readonly SendBuffer _buffer;
    private readonly ConnectionOutput _output;

    public StarvedOutputSpecs()
    {
        _buffer = new SendBuffer(_pool, limit: 1000);
        _output = new ConnectionOutput(_buffer, _owner, PipeScheduler.Inline, _time);
    }

    [Fact]
    public async Task A_write_waits_for_memory_and_loses_and_repeats_nothing()
    {
        byte[] bytes = [.. Enumerable.Range(0, 200).Select(i => (byte)i)];
        Stack<Chunk> others = Take(3);
        _output.Write(bytes.AsSpan(0, 50));
        _output.Write(bytes.AsSpan(50, 100));
        ValueTask<FlushResult> write = _output.WriteAsync(bytes.AsMemory(150));
        Assert.Equal((false, Chunk, 1), (write.IsCompleted, _buffer.Count, _owner.DataReadyCalls));
        _time.Pass();
        Assert.False(write.IsCompleted);
        _pool.Return(others.Pop());
        _time.Pass();
        Assert.Equal((false, 2 * Chunk, 2), (write.IsCompleted, _buffer.Count, _owner.DataReadyCalls));
        _pool.Return(others.Pop());
        _pool.Return(others.Pop());
        _time.Pass();
        Assert.False((await write).IsCompleted);
        byte[] sent = new byte[200];
        _buffer.CopyTo(_buffer.Una, sent);
        Assert.Equal(bytes, sent);
        Assert.Equal((3, 0), (_owner.DataReadyCalls, _time.Running));
    }

    [Fact]
    public async Task An_end_waits_for_memory_too()
    {
        Stack<Chunk> others = Take(4);
        _output.GetSpan(10)[..10].Clear();
        _output.Advance(10);
        await _output.CompleteAsync();
        _time.Pass();
        Assert.Empty(_owner.OutputCompletions);
        _pool.Return(others.Pop());
        _time.Pass();
        Assert.Null(Assert.Single(_owner.OutputCompletions));
        Assert.Equal((10, 0), (_buffer.Count, _time.Running));
    }

    [Fact]
    public async Task A_connection_that_ends_looks_for_memory_no_more()
    {
        Take(4);
        ValueTask<FlushResult> write = _output.WriteAsync(new byte[10]);
        Assert.Equal(1, _time.Running);
        _output.CloseOutput(new IOException("reset"));
        await Assert.ThrowsAsync<IOException>(async () => await write);
        Assert.Equal(0, _time.Running);
    }

    private Stack<Chunk> Take(int chunks) => new(Enumerable.Range(0, chunks).Select(_ => _pool.Rent()));

    /// <summary>Time that passes by one retry when the spec says so.</summary>
    private sealed class RetryTime : TimeProvider
    {
        private readonly List<RetryTimer> _timers = [];

        public int Running => _timers.Count;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new RetryTimer(_timers, () => callback(state));
            _timers.Add(timer);
            return timer;
        }

        public void Pass()
        {
            foreach (RetryTimer timer in _timers.ToArray())
            {
                timer.Fire();
            }
        }
    }

    private sealed class RetryTimer(List<RetryTimer> timers, Action fire) : ITimer
    {
        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException("It is periodic.");

        public void Dispose() => timers.Remove(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
