using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Security.Cryptography;
using TcpActors.HostSide;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// What one end saw of one direction of a connection: bytes, their hash, and the longest time nothing came. Written by one task.
/// </summary>
internal sealed class TrafficStream : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _bytes;
    private long _last;

    public long Bytes => Volatile.Read(ref _bytes);

    public TimeSpan LongestGap { get; private set; }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        long now = Stopwatch.GetTimestamp();
        if (_last != 0 && Stopwatch.GetElapsedTime(_last, now) is var gap && gap > LongestGap)
        {
            LongestGap = gap;
        }

        _last = now;
        _hash.AppendData(bytes);
        Volatile.Write(ref _bytes, _bytes + bytes.Length);
    }

    /// <summary>Both ends of a direction saw the same.</summary>
    public static void AssertEqual(TrafficStream sent, TrafficStream received)
    {
        Assert.Equal(sent.Bytes, received.Bytes);
        Assert.Equal(sent._hash.GetHashAndReset(), received._hash.GetHashAndReset());
    }

    /// <summary>A kernel socket sends random blocks until told to stop, then its FIN.</summary>
    public Task SendAsync(Socket socket, Func<bool> more, int seed, int block = 65536) =>
        SendAsync(socket, () => Task.FromResult(more()), seed, block);

    /// <inheritdoc cref="SendAsync(Socket, Func{bool}, int, int)"/>
    public async Task SendAsync(Socket socket, Func<Task<bool>> more, int seed, int block = 65536)
    {
        var blocks = new TrafficBlocks(seed, block);
        while (await more())
        {
            ReadOnlyMemory<byte> rest = blocks.Next();
            Append(rest.Span);
            while (!rest.IsEmpty)
            {
                rest = rest[await socket.SendAsync(rest)..];
            }
        }

        socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>A kernel socket receives until the peer's FIN.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="ready">Awaited before each read: a reader that does not always want to.</param>
    public async Task ReceiveAsync(Socket socket, Func<Task>? ready = null)
    {
        byte[] bytes = new byte[256 << 10];
        while (true)
        {
            if (ready is not null)
            {
                await ready();
            }

            int count = await socket.ReceiveAsync(bytes);
            if (count == 0)
            {
                return;
            }

            Append(bytes.AsSpan(0, count));
        }
    }

    /// <summary>The served connection sends random blocks until told to stop, then its FIN.</summary>
    public Task SendAsync(Connection connection, Func<bool> more, int seed) =>
        SendAsync(connection, () => Task.FromResult(more()), seed);

    /// <inheritdoc cref="SendAsync(Connection, Func{bool}, int)"/>
    public async Task SendAsync(Connection connection, Func<Task<bool>> more, int seed)
    {
        var blocks = new TrafficBlocks(seed, 65536);
        while (await more())
        {
            ReadOnlyMemory<byte> bytes = blocks.Next();
            Append(bytes.Span);
            await connection.Output.WriteAsync(bytes);
        }

        await connection.Output.CompleteAsync();
    }

    /// <summary>The served connection receives until the client's FIN.</summary>
    public async Task ReceiveAsync(Connection connection)
    {
        byte[] bytes = new byte[256 << 10];
        for (int count; (count = await connection.ReceiveAsync(bytes)) > 0;)
        {
            Append(bytes.AsSpan(0, count));
        }
    }

    /// <summary>The served connection sends back what it receives, to its end.</summary>
    public static async Task EchoAsync(Connection connection)
    {
        while (true)
        {
            ReadResult read = await connection.Input.ReadAsync();
            foreach (ReadOnlyMemory<byte> piece in read.Buffer)
            {
                await connection.Output.WriteAsync(piece);
            }

            connection.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                break;
            }
        }

        await connection.Output.CompleteAsync();
    }

    /// <summary>Waits for something that nobody announces; looks every few milliseconds. The caller has the deadline.</summary>
    public static async Task UntilAsync(Func<bool> happened)
    {
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!happened())
        {
            await look.WaitForNextTickAsync();
        }
    }

    public void Dispose() => _hash.Dispose();
}
