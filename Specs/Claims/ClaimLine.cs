using System.Security.Cryptography;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using TcpActors.Specs.Kernel;
using Xunit;

namespace TcpActors.Specs.Claims;

/// <summary>One connection of the host under test, with its peer. It moves only when the spec says so.</summary>
internal sealed class ClaimLine(ClaimWorld world, Connection served, ClaimPeer peer) : IAsyncDisposable
{
    private int _seed = 7;

    /// <summary>The application's end at the host under test.</summary>
    public Connection Served => served;

    public ClaimPeer Peer => peer;

    /// <summary>
    /// What the owner of this moment has published last. After an upload, until the next offload: the segment-variant variables as the TOE
    /// gave them back, times as times remaining.
    /// </summary>
    public SegmentVariants Committed => served.Memory.Slot.Read(out _);

    /// <summary>What the host's list says of the connection.</summary>
    public async Task<ConnectionReport> ReportAsync() =>
        (await world.Host.ListAsync().WaitAsync(ClaimWorld.Patience)).Single(report => report.Id == served.Id);

    /// <summary>Waits until the list says something of the connection.</summary>
    public async Task<ConnectionReport> UntilAsync(Func<ConnectionReport, bool> wanted, string what)
    {
        ConnectionReport? seen = null;
        await ClaimWorld.UntilAsync(async () => wanted(seen = await ReportAsync()), what);
        return seen!;
    }

    /// <summary>Moves to the TOE, which may not refuse.</summary>
    public async Task OffloadAsync()
    {
        MoveResult result = await served.OffloadAsync().WaitAsync(ClaimWorld.Patience);
        Assert.True(result is { Moved: 1, Refused.Count: 0 }, result.ToString());
    }

    public async Task UploadAsync()
    {
        MoveResult result = await served.UploadAsync().WaitAsync(ClaimWorld.Patience);
        Assert.True(result is { Moved: 1, Refused.Count: 0 }, result.ToString());
    }

    /// <summary>So many random bytes each way at the same time; what arrives has the hash of what was sent.</summary>
    public Task ExchangeAsync(long toPeer, long toHost) => Task.WhenAll(SendAsync(toPeer), ReceiveAsync(toHost)).WaitAsync(ClaimWorld.Patience);

    /// <summary>The host's application sends, and the peer gets just that.</summary>
    public Task SendAsync(long bytes) => StreamAsync(bytes, static () => false, WriteAsync, peer.ReceiveAsync);

    /// <summary>The peer sends, and the host's application gets just that.</summary>
    public Task ReceiveAsync(long bytes) => StreamAsync(bytes, static () => false, peer.SendAsync, ReadAsync);

    /// <summary>The host's application sends until something is over, and the peer gets just that.</summary>
    public Task SendUntilAsync(Func<bool> isOver) => StreamAsync(long.MaxValue, isOver, WriteAsync, peer.ReceiveAsync);

    /// <summary>The peer sends until something is over, and the host's application gets just that.</summary>
    public Task ReceiveUntilAsync(Func<bool> isOver) => StreamAsync(long.MaxValue, isOver, peer.SendAsync, ReadAsync);

    public async ValueTask DisposeAsync()
    {
        await peer.DisposeAsync();
        await served.DisposeAsync();
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> bytes) => await served.Output.WriteAsync(bytes);

    private async Task<int> ReadAsync(Memory<byte> memory) => await served.ReceiveAsync(memory);

    private async Task StreamAsync(
        long limit, Func<bool> isOver, Func<ReadOnlyMemory<byte>, Task> send, Func<Memory<byte>, Task<int>> receive)
    {
        using var sent = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var received = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var blocks = new TrafficBlocks(Interlocked.Increment(ref _seed), 64 << 10);
        long total = limit;
        Task sending = Task.Run(async () =>
        {
            for (long count = 0; count < Volatile.Read(ref total);)
            {
                ReadOnlyMemory<byte> block = blocks.Next();
                block = block[..(int)Math.Min(block.Length, Volatile.Read(ref total) - count)];
                count += block.Length;
                if (isOver())
                {
                    // Before the last block leaves: whoever waits for more knows that it is the last.
                    Volatile.Write(ref total, count);
                }

                sent.AppendData(block.Span);
                await send(block);
            }
        });
        Task receiving = Task.Run(async () =>
        {
            byte[] memory = new byte[256 << 10];
            for (long count = 0; count < Volatile.Read(ref total);)
            {
                int got = await receive(memory.AsMemory(0, (int)Math.Min(memory.Length, Volatile.Read(ref total) - count)));
                Assert.True(got > 0, $"the stream ended after {count} bytes");
                received.AppendData(memory.AsSpan(0, got));
                count += got;
            }
        });
        await await Task.WhenAny(sending, receiving).WaitAsync(ClaimWorld.Patience);
        await Task.WhenAll(sending, receiving).WaitAsync(ClaimWorld.Patience);
        Assert.Equal(sent.GetHashAndReset(), received.GetHashAndReset());
    }
}
