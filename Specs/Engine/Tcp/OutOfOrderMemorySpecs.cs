using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

/// <summary>What a peer may make us hold behind a hole that it never fills.</summary>
public class OutOfOrderMemorySpecs
{
    private const int Chunk = 4096;

    private static readonly ConnectionInvariants WithSack = Setup.Connection with { SackPermitted = true, ReceiveWindowScale = 7 };

    // RFC 9293 3.10.7.4: segments beyond RCV.NXT MAY be held; RFC 5681 4.2: those that are not are answered all the same.
    [Fact]
    public void Bytes_strewn_over_the_window_take_little_memory()
    {
        ManagedChunkPool pool = new();
        using Conversation link = new(WithSack, receiveBuffer: 4 << 20, pool: pool);
        const int segments = 63;
        for (int i = 1; i <= segments; i++)
        {
            link.Receives(1.s, link.Data(seq: i * pool.ChunkSize, length: 1));
            link.Sends(1.s, ack: 0);
        }

        Assert.True(pool.RentedBytes <= 5 * pool.ChunkSize, $"{pool.RentedBytes} bytes are held for {segments}.");
        Assert.Equal(segments - (pool.RentedBytes / pool.ChunkSize), link.Engine.Counters.DroppedNoMemoryBeyond);
        link.Receives(1.s, link.Data(seq: 0, length: pool.ChunkSize));
        link.Sends(1.s, ack: pool.ChunkSize + 1);
        link.Reads(1.s, pool.ChunkSize + 1);
    }

    // An honest sender's segments come one after the other, however many were lost before them.
    [Fact]
    public void A_full_window_behind_a_wide_hole_is_held()
    {
        ManagedChunkPool pool = new();
        using Conversation link = new(WithSack, receiveBuffer: 4 << 20, pool: pool);
        const int hole = 1 << 20;
        for (int at = hole; at < 4 << 20; at += 1024)
        {
            Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: at, length: 1024)));
        }

        for (int at = 0; at < hole; at += 32768)
        {
            link.Receives(1.s, link.Data(seq: at, length: 32768));
        }

        link.Reads(1.s, 4 << 20);
    }

    // RFC 9293 3.10.7.4: what comes in order is what the others wait for.
    [Fact]
    public void When_memory_is_scarce_only_data_in_order_gets_some()
    {
        ManagedChunkPool pool = new(Chunk, limit: 16 * Chunk);
        using Conversation link = new(WithSack, pool: pool);
        var others = new Stack<Chunk>();
        for (int i = 0; i < 13; i++)
        {
            others.Push(pool.Rent());
        }

        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Data(seq: Chunk, length: 1000)));
        link.Sends(1.s, ack: 0, sack: []);
        Assert.Equal(1, link.Engine.Counters.DroppedNoMemoryBeyond);
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: 0, length: 1000)));

        // Within memory that is there already it costs nothing.
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: 2000, length: 1000)));
        pool.Return(others.Pop());
        pool.Return(others.Pop());
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: Chunk, length: 1000)));
    }

    // RFC 2018 8: data reported by SACK may be discarded when memory runs out, and is not reported any more.
    [Fact]
    public void Data_in_order_gets_the_memory_of_what_waits_behind_the_hole()
    {
        ManagedChunkPool pool = new(Chunk, limit: 16 * Chunk);
        using Conversation link = new(WithSack, pool: pool);
        link.Receives(1.s, link.Data(seq: Chunk, length: 3 * Chunk));
        link.Sends(1.s, ack: 0, sack: [(Chunk, 4 * Chunk)]);
        while (pool.TryRent(out _))
        {
        }

        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: 0, length: 1000), link.Data(seq: 1000, length: 1000)));
        link.Sends(1.s, ack: 2000, sack: []);
        Assert.Equal(1, link.Engine.Counters.Reneged);
        Assert.Equal(0, link.Engine.RangesBeyond);
        link.Receives(1.s, link.Data(seq: 2000, length: (3 * Chunk) - 2000));
        link.Reads(1.s, 3 * Chunk);
    }
}
