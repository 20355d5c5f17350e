using System.Buffers;
using System.Runtime.CompilerServices;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using TcpActors.HostSide.Managed;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>Two managed stacks in real time: receiving threads, applications on the pool, and moves on a worker, all at once.</summary>
public sealed class ManagedThreadsSpecs
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(41)]
    public async Task Transfers_survive_moves_from_another_thread_and_close_in_order(int seed)
    {
        using var pair = new ManagedPair(new ManagedPairOptions
        {
            Change = static options => options with { TimeWait = Microseconds.FromMilliseconds(50) },
        }, system: null, TimeProvider.System);
        pair.A.Tap.Records = pair.B.Tap.Records = false;
        pair.A.Loop.Start();
        pair.B.Loop.Start();
        using var cancellation = new CancellationTokenSource(Patience);
        Task<ManagedHalf> connecting = pair.B.Stack.ConnectAsync(pair.Listener.Local, cancellation.Token);
        var a = new Application(pair.A, await pair.Listener.AcceptAsync(cancellation.Token), seed);
        var b = new Application(pair.B, await connecting, seed + 1);

        Task<byte[]> atA = a.ReceiveAsync(cancellation.Token);
        Task<byte[]> atB = b.ReceiveAsync(cancellation.Token);
        int moves = 0;
        Task<byte[]> fromA = a.SendAsync(4 << 20, () => Volatile.Read(ref moves), cancellation.Token);
        Task<byte[]> fromB = b.SendAsync(4 << 20, () => Volatile.Read(ref moves), cancellation.Token);
        while (moves < 2000 && !(fromA.IsCompleted && fromB.IsCompleted))
        {
            Move(pair.A, a.Half);
            Move(pair.B, b.Half);
            Interlocked.Increment(ref moves);
            await Task.Yield();
        }

        byte[] sentByA = await fromA;
        byte[] sentByB = await fromB;
        a.Half.ShutdownSend();
        b.Half.ShutdownSend();
        Assert.True((await atB).AsSpan().SequenceEqual(sentByA), $"seed {seed}, {moves} moves");
        Assert.True((await atA).AsSpan().SequenceEqual(sentByB), $"seed {seed}, {moves} moves");
        Assert.True(moves > 30, $"seed {seed}: {moves} moves");

        a.Half.Close();
        b.Half.Close();
        await a.Gone.WaitAsync(Patience, CancellationToken.None);
        await b.Gone.WaitAsync(Patience, CancellationToken.None);
        Assert.True(SpinWait.SpinUntil(() => pair.A.Stack.Count + pair.B.Stack.Count == 0, Patience));
    }

    private static void Move(ManagedSide side, ManagedHalf half)
    {
        if (half.TakeOutAlone(side.Gate) is TakeOut.Taken taken)
        {
            half.PutBackAlone(new HandBack(taken.Connection, taken.Segment, taken.Variants), side.Gate);
        }
    }

    private sealed class Application : IHostHalfEvents
    {
        private readonly SemaphoreSlim _readable = new(0);
        private readonly SemaphoreSlim _writable = new(0);
        private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly SendBuffer _send;
        private readonly ReceiveBuffer _receive;
        private readonly Random _random;
        private volatile bool _isEnd;

        public Application(ManagedSide side, ManagedHalf half, int seed)
        {
            _random = new Random(seed);
            _send = new SendBuffer(side.Pool, 1 << 20);
            _receive = new ReceiveBuffer(side.Pool, side.Stack.Options.ReceiveBufferLimit);
            Half = half;
            half.Attach(_send, _receive, this, new StrongBox<EngineCounters>());
            half.Start();
        }

        public ManagedHalf Half { get; }

        public Task Gone => _gone.Task;

        /// <summary>Sends no faster than a move with every 100,000 bytes.</summary>
        public async Task<byte[]> SendAsync(int count, Func<int> moves, CancellationToken cancellation)
        {
            byte[] bytes = new byte[count];
            _random.NextBytes(bytes);
            for (int sent = 0; sent < count;)
            {
                while (moves() < sent / 100_000)
                {
                    cancellation.ThrowIfCancellationRequested();
                    await Task.Yield();
                }

                int taken = _send.Write(bytes.AsSpan(sent, Math.Min(count - sent, 50_000)));
                sent += taken;
                Half.DataReady();
                if (taken == 0)
                {
                    await _writable.WaitAsync(cancellation);
                }
            }

            return bytes;
        }

        public async Task<byte[]> ReceiveAsync(CancellationToken cancellation)
        {
            using var received = new MemoryStream();
            while (true)
            {
                bool isEnd = _isEnd;
                ReadOnlySequence<byte> readable = _receive.GetReadable();
                received.Write(readable.ToArray());
                _receive.Consume((int)readable.Length);
                Half.WindowOpened();
                if (isEnd && readable.IsEmpty)
                {
                    return received.ToArray();
                }

                if (readable.IsEmpty)
                {
                    await _readable.WaitAsync(cancellation);
                }
            }
        }

        public void Readable() => _readable.Release();

        public void Writable() => _writable.Release();

        public void EndOfInput(Exception? error)
        {
            _isEnd = true;
            _readable.Release();
        }

        public void EndOfOutput(Exception error) => _writable.Release();

        public void Closed() => _gone.TrySetResult();
    }
}
