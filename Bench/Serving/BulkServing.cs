using System.Buffers.Binary;

namespace TcpActors.Bench.Serving;

/// <summary>
/// The server's half of a bulk stream. It sends <see cref="Ready"/> when it may be measured and gets one byte: <see cref="Measure"/> or
/// <see cref="Check"/>. A sink answers the end of the stream with the number of bytes it got; a source sends blocks until it gets another
/// byte, and then the number of bytes it sent.
/// </summary>
internal static class BulkServing
{
    public const byte Ready = 1;
    public const byte Measure = 2;
    public const byte Check = 3;

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

    public static async Task SourceAsync(IServerConnection connection)
    {
        await BeginAsync(connection);
        Task<bool> stop = connection.ReadMessageAsync(new byte[1]).AsTask();
        long total = 0;
        while (!stop.IsCompleted)
        {
            await connection.WriteAsync(Content.At(total));
            total += Content.BlockLength;
        }

        await connection.WriteAsync(Number(total));
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
