using System.Buffers.Binary;

namespace TcpActors.Bench.Serving;

/// <summary>
/// The server's half of a bulk stream. It sends <see cref="Ready"/> when it may be measured and gets one byte: <see cref="Measure"/>,
/// <see cref="Check"/> or <see cref="Move"/>. A sink answers the end of the stream with the number of bytes it got; a source sends blocks until it gets another
/// byte, and then the number of bytes it sent.
/// </summary>
internal static class BulkServing
{
    public const byte Ready = 1;
    public const byte Measure = 2;
    public const byte Check = 3;

    /// <summary>For a source: move the connection to the kernel and back every <see cref="MoveInterval"/>.</summary>
    public const byte Move = 4;

    public static readonly TimeSpan MoveInterval = TimeSpan.FromMilliseconds(50);

    public static async Task SinkAsync(IServerConnection connection, bool copy)
    {
        bool check = await BeginAsync(connection) == Check;
        long total = 0;
        while (true)
        {
            long at = check ? total : -1;
            int count = await (copy ? connection.DiscardCopyAsync(at) : connection.DiscardAsync(at));
            if (count == 0)
            {
                await connection.WriteAsync(Number(total));
                return;
            }

            total += count;
        }
    }

    /// <returns>How often the connection was moved to and fro.</returns>
    public static async Task<int> SourceAsync(IServerConnection connection)
    {
        byte order = await BeginAsync(connection);
        Task<bool> stop = connection.ReadMessageAsync(new byte[1]).AsTask();
        Task<int> moving = order == Move ? MoveAsync(connection, stop) : Task.FromResult(0);
        long total = 0;
        while (!stop.IsCompleted)
        {
            await connection.WriteAsync(Content.At(total));
            total += Content.BlockLength;
        }

        int moves = await moving;
        await connection.WriteAsync(Number(total));
        return moves;
    }

    private static async Task<int> MoveAsync(IServerConnection connection, Task until)
    {
        using var timer = new PeriodicTimer(MoveInterval);
        int moves = 0;
        while (!until.IsCompleted)
        {
            await timer.WaitForNextTickAsync();
            await connection.MoveAsync();
            moves++;
        }

        return moves;
    }

    private static async Task<byte> BeginAsync(IServerConnection connection)
    {
        await connection.WriteAsync(new[] { Ready });
        byte[] order = new byte[1];
        await connection.ReadMessageAsync(order);
        return order[0];
    }

    private static byte[] Number(long value)
    {
        byte[] bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        return bytes;
    }
}
