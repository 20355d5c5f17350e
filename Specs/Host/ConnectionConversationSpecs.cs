using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>Whole conversations; where the semantics coincide, a stock <see cref="Pipe"/> is the oracle.</summary>
public class ConnectionConversationSpecs
{
    private static readonly PipeOptions Stock = new(
        readerScheduler: PipeScheduler.Inline,
        writerScheduler: PipeScheduler.Inline,
        pauseWriterThreshold: 0,
        useSynchronizationContext: false);

    private readonly ManagedChunkPool _pool = new(chunkSize: 64, limit: 1 << 24);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Reading_behaves_as_with_a_stock_pipe_whatever_the_order_of_calls(int seed)
    {
        for (int round = 0; round < 300; round++)
        {
            var random = new Random((seed * 1000) + round);
            var buffer = new ReceiveBuffer(_pool, limit: 1 << 20);
            buffer.Rebase(new SeqNum(uint.MaxValue - 300));
            var input = new ConnectionInput(buffer, new RecordingOwner(), PipeScheduler.Inline);
            var pipe = new Pipe(Stock);
            ValueTask<ReadResult>? ours = null;
            ValueTask<ReadResult>? stock = null;
            bool ended = false;
            bool keepsExamined = false;
            for (int step = 0; step < 100; step++)
            {
                switch (random.Next(8))
                {
                    case 0 or 1 when !ended:
                        byte[] bytes = new byte[random.Next(1, 150)];
                        random.NextBytes(bytes);
                        await pipe.Writer.WriteAsync(bytes);
                        Assert.True(buffer.TryWrite(buffer.Committed, bytes));
                        buffer.Commit(buffer.Committed + bytes.Length);
                        input.NotifyReadable();
                        break;
                    case 2 when random.Next(20) == 0 && !ended:
                        ended = true;
                        await pipe.Writer.CompleteAsync();
                        input.CompleteInput();
                        break;
                    case 3 when random.Next(4) == 0:
                        pipe.Reader.CancelPendingRead();
                        input.CancelPendingRead();
                        break;
                    case 4 when ours is null:
                        bool stockHas = pipe.Reader.TryRead(out ReadResult stockResult);
                        Assert.Equal(stockHas, input.TryRead(out ReadResult result));
                        if (stockHas)
                        {
                            keepsExamined = AdvanceBoth(pipe.Reader, stockResult, input, result, random);
                        }

                        break;
                    case 5 when ours is null:
                        // A stock pipe's minimum counts bytes after the examined ones; ours counts all, as PipeReader's documentation says.
                        int minimum = keepsExamined ? 0 : random.Next(300);
                        stock = minimum < 150 ? pipe.Reader.ReadAsync() : pipe.Reader.ReadAtLeastAsync(minimum);
                        ours = minimum < 150 ? input.ReadAsync() : input.ReadAtLeastAsync(minimum);
                        break;
                }

                if (ours is { } pending && stock is { } expected)
                {
                    Assert.Equal(expected.IsCompleted, pending.IsCompleted);
                    if (expected.IsCompleted)
                    {
                        (ours, stock) = (null, null);
                        keepsExamined = AdvanceBoth(pipe.Reader, await expected, input, await pending, random);
                    }
                }
            }

            input.Complete();
            buffer.Dispose();
        }

        Assert.Equal(0, _pool.RentedBytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Writing_gives_the_bytes_that_a_stock_pipe_gives_whatever_the_order_of_calls(int seed)
    {
        for (int round = 0; round < 200; round++)
        {
            var random = new Random((seed * 1000) + round);
            var buffer = new SendBuffer(_pool, limit: random.Next(1, 700));
            buffer.Rebase(new SeqNum(uint.MaxValue - 300));
            var owner = new RecordingOwner();
            var output = new ConnectionOutput(buffer, owner, PipeScheduler.Inline);
            var pipe = new Pipe(Stock);
            var sent = new ArrayBufferWriter<byte>();
            ValueTask<FlushResult>? flush = null;
            for (int step = 0; step < 100; step++)
            {
                byte[] bytes = new byte[random.Next(300)];
                random.NextBytes(bytes);
                switch (random.Next(6))
                {
                    case 0 when flush is null:
                        WriteBySpan(pipe.Writer, bytes, random.Next(2));
                        WriteBySpan(output, bytes, random.Next(2));
                        break;
                    case 1 when flush is null:
                        await pipe.Writer.WriteAsync(bytes);
                        flush = output.WriteAsync(bytes);
                        break;
                    case 2 when flush is null:
                        await pipe.Writer.FlushAsync();
                        flush = output.FlushAsync();
                        break;
                    case 3 when random.Next(5) == 0 && flush is { IsCompleted: false } waiting:
                        output.CancelPendingFlush();
                        Assert.True((await waiting).IsCanceled);
                        flush = null;
                        break;
                    default:
                        Send(buffer, random.Next(buffer.Count + 1), sent, output);
                        break;
                }

                if (flush is { IsCompleted: true } done)
                {
                    Assert.Equal(default, await done);
                    flush = null;
                }
            }

            if (flush is null)
            {
                output.Complete();
            }

            for (int left = buffer.Count; left != 0; left = buffer.Count)
            {
                Send(buffer, left, sent, output);
            }

            Assert.Equal(flush is null, output.IsCompleted);
            await pipe.Writer.CompleteAsync();
            using var expected = new MemoryStream();
            await pipe.Reader.CopyToAsync(expected);
            Assert.True(expected.ToArray().AsSpan().SequenceEqual(sent.WrittenSpan));
            buffer.Dispose();
        }

        Assert.Equal(0, _pool.RentedBytes);
    }

    [Theory]
    [InlineData(5, true)]
    [InlineData(6, false)]
    public async Task An_application_and_an_owner_on_threads_of_their_own_lose_no_byte_and_no_wake_up(int seed, bool receiveLikeASocket)
    {
        const int total = 16 << 20;
        var pool = new ManagedChunkPool(chunkSize: 4096, limit: 4 << 20);
        using var acknowledged = new SemaphoreSlim(0);
        using var consumed = new SemaphoreSlim(0);
        using var sendBuffer = new SendBuffer(pool, limit: 60_000);
        using var receiveBuffer = new ReceiveBuffer(pool, limit: 60_000);
        var owner = new RecordingOwner { OnDataReady = () => acknowledged.Release(), OnWindowOpened = () => consumed.Release() };
        var output = new ConnectionOutput(sendBuffer, owner);
        var input = new ConnectionInput(receiveBuffer, owner);

        Task<byte[]> writer = Task.Run(async () => await WriteAll(output, total, seed));
        Task<byte[]> reader = Task.Run(async () => await (receiveLikeASocket ? ReceiveAll(input, seed) : ReadAll(input, seed)));

        // The owner: moves bytes from the one buffer to the other, as a wire with an echo would, and sleeps only on its doorbells.
        byte[] wire = new byte[5000];
        var random = new Random(seed);
        for (int moved = 0; moved < total;)
        {
            int count = Math.Min(Math.Min(sendBuffer.Count, receiveBuffer.Free), random.Next(wire.Length) + 1);
            if (count == 0)
            {
                SemaphoreSlim doorbell = sendBuffer.Count == 0 ? acknowledged : consumed;
                Assert.True(await doorbell.WaitAsync(TimeSpan.FromSeconds(30)), "no doorbell");
                continue;
            }

            sendBuffer.CopyTo(sendBuffer.Una, wire.AsSpan(0, count));
            Assert.True(receiveBuffer.TryWrite(receiveBuffer.Committed, wire.AsSpan(0, count)));
            receiveBuffer.Commit(receiveBuffer.Committed + count);
            input.NotifyReadable();
            sendBuffer.FreeTo(sendBuffer.Una + count);
            output.NotifyWritable();
            moved += count;
        }

        input.CompleteInput();
        Assert.Equal(await writer.WaitAsync(TimeSpan.FromSeconds(30)), await reader.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(0, pool.RentedBytes);
    }

    private static bool AdvanceBoth(PipeReader stock, ReadResult expected, ConnectionInput ours, ReadResult actual, Random random)
    {
        Assert.Equal((expected.IsCanceled, expected.IsCompleted), (actual.IsCanceled, actual.IsCompleted));
        Assert.Equal(expected.Buffer.ToArray(), actual.Buffer.ToArray());
        int examined = random.Next((int)expected.Buffer.Length + 1);
        int consumed = random.Next(examined + 1);
        // After a cancelled read that examines less than the one before, a stock pipe's TryRead and ReadAsync disagree.
        if (random.Next(3) == 0 || expected.IsCanceled)
        {
            examined = (int)expected.Buffer.Length;
        }

        stock.AdvanceTo(expected.Buffer.GetPosition(consumed), expected.Buffer.GetPosition(examined));
        ours.AdvanceTo(actual.Buffer.GetPosition(consumed), actual.Buffer.GetPosition(examined));
        return examined != consumed;
    }

    private static void WriteBySpan(PipeWriter writer, byte[] bytes, int way)
    {
        if (way == 0)
        {
            writer.Write(bytes);
            return;
        }

        bytes.CopyTo(writer.GetSpan(bytes.Length));
        writer.Advance(bytes.Length);
    }

    private static void Send(SendBuffer buffer, int count, ArrayBufferWriter<byte> sent, ConnectionOutput output)
    {
        buffer.CopyTo(buffer.Una, sent.GetSpan(count)[..count]);
        sent.Advance(count);
        buffer.FreeTo(buffer.Una + count);
        output.NotifyWritable();
    }

    private static async Task<byte[]> WriteAll(ConnectionOutput output, int total, int seed)
    {
        var random = new Random(seed);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] bytes = new byte[100_000];
        for (int written = 0; written < total;)
        {
            int count = Math.Min(random.Next(4) == 0 ? random.Next(bytes.Length) : random.Next(2000), total - written);
            random.NextBytes(bytes.AsSpan(0, count));
            hash.AppendData(bytes, 0, count);
            if (random.Next(2) == 0)
            {
                await output.WriteAsync(bytes.AsMemory(0, count));
            }
            else
            {
                output.Write(bytes.AsSpan(0, count));
                await output.FlushAsync();
            }

            written += count;
        }

        await output.CompleteAsync();
        return hash.GetHashAndReset();
    }

    private static async Task<byte[]> ReadAll(ConnectionInput input, int seed)
    {
        var random = new Random(seed + 1);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        while (true)
        {
            ReadResult result = await (random.Next(3) == 0 ? input.ReadAtLeastAsync(random.Next(40_000)) : input.ReadAsync());
            ReadOnlySequence<byte> taken = result.IsCompleted
                ? result.Buffer
                : result.Buffer.Slice(0, random.NextInt64(result.Buffer.Length + 1));
            foreach (ReadOnlyMemory<byte> memory in taken)
            {
                hash.AppendData(memory.Span);
            }

            input.AdvanceTo(taken.End, random.Next(2) == 0 ? result.Buffer.End : taken.End);
            if (result.IsCompleted)
            {
                return hash.GetHashAndReset();
            }
        }
    }

    private static async Task<byte[]> ReceiveAll(ConnectionInput input, int seed)
    {
        var random = new Random(seed + 1);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] bytes = new byte[20_000];
        while (true)
        {
            int count = await input.ReceiveAsync(bytes.AsMemory(0, random.Next(bytes.Length) + 1));
            if (count == 0)
            {
                return hash.GetHashAndReset();
            }

            hash.AppendData(bytes, 0, count);
        }
    }
}
