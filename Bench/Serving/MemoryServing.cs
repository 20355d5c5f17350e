using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Serving;

/// <summary>
/// A server whose connections take a number of bytes, give as many back and then wait for more, and which tells on request what memory its
/// process uses. A connection's first byte says which it is.
/// </summary>
internal sealed class MemoryServing : IServing
{
    public const byte Exchange = 1;
    public const byte Tell = 2;

    /// <summary>Bytes each way.</summary>
    public const int Bytes = 1 << 20;

    /// <summary>Numbers in the answer to <see cref="Tell"/>: connections that wait, managed bytes, resident bytes.</summary>
    public const int Told = 3;

    private readonly ConnectionServing _serving;
    private int _waiting;

    public MemoryServing(Contender on) => _serving = new ConnectionServing(IServer.Start(on), ServeAsync);

    public IPEndPoint EndPoint => _serving.EndPoint;

    public ValueTask DisposeAsync() => _serving.DisposeAsync();

    private async Task ServeAsync(IServerConnection connection)
    {
        byte[] order = new byte[1];
        if (!await connection.ReadMessageAsync(order))
        {
            return;
        }

        if (order[0] == Exchange)
        {
            order = null!;
            await ExchangeAsync(connection);
            Interlocked.Increment(ref _waiting);
            await WaitAsync(connection);
            return;
        }

        do
        {
            await connection.WriteAsync(MemoryInUse());
        }
        while (await connection.ReadMessageAsync(order));
    }

    private static async Task ExchangeAsync(IServerConnection connection)
    {
        for (int got = 0; got < Bytes;)
        {
            int count = await connection.DiscardAsync(got);
            got += count > 0 ? count : throw new IOException("The stream ended early.");
        }

        for (int sent = 0; sent < Bytes; sent += Content.BlockLength)
        {
            await connection.WriteAsync(Content.At(sent));
        }
    }

    private async Task WaitAsync(IServerConnection connection)
    {
        try
        {
            await connection.DiscardAsync(-1);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private byte[] MemoryInUse()
    {
        GC.Collect(generation: 2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(generation: 2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        byte[] told = new byte[Told * sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(told, Volatile.Read(ref _waiting));
        BinaryPrimitives.WriteInt64LittleEndian(told.AsSpan(8), GC.GetTotalMemory(forceFullCollection: true));
        BinaryPrimitives.WriteInt64LittleEndian(told.AsSpan(16), Resident());
        return told;
    }

    private static long Resident()
    {
        string line = File.ReadLines("/proc/self/smaps_rollup").First(each => each.StartsWith("Rss:", StringComparison.Ordinal));
        return 1024 * long.Parse(line[4..^2], CultureInfo.InvariantCulture);
    }
}
