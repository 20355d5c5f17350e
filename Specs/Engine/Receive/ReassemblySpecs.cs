using TcpActors.Engine.Buffers;
using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using Xunit;

namespace TcpActors.Specs.Engine.Receive;

/// <summary>The index of what has arrived beyond RCV_NXT, and what happens when there is more of it than it holds.</summary>
public class ReassemblySpecs
{
    private const int Buffer = 64 * 1024;

    private static readonly ConnectionInvariants WithSack = Setup.Connection with { SackPermitted = true, ReceiveWindowScale = 2 };

    // Every second one of the segments of the size that everybody can take (RFC 9293 3.7.1) is lost.
    [Fact]
    public void Every_second_segment_of_a_window_may_be_missing()
    {
        const int size = 536;
        const int window = 4 << 20;
        using Conversation link = new(WithSack with { ReceiveWindowScale = 7 }, receiveBuffer: window);
        for (int at = size; at + size <= window; at += 2 * size)
        {
            Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: at, length: size)));
        }

        Assert.Equal(window / (2 * size), link.Engine.RangesBeyond);
        for (int at = 0; at + size <= window; at += 2 * size)
        {
            link.Receives(1.s, link.Data(seq: at, length: size));
        }

        Assert.Equal(0, link.Engine.RangesBeyond);
        Assert.Equal(0, link.Engine.Counters.DroppedReassemblyFull);
        link.Reads(1.s, window / (2 * size) * 2 * size);
    }

    // RFC 2018 4: as many blocks as there is room for.
    [Fact]
    public void Where_the_latest_ranges_have_become_one_the_older_ones_are_reported_again()
    {
        using Conversation link = new(WithSack, receiveBuffer: Buffer);
        foreach (int at in (int[])[100, 300, 500, 700, 900])
        {
            link.Receives(1.s, link.Data(seq: at, length: 100));
        }

        link.Receives(1.s, link.Data(seq: 400, length: 100), link.Data(seq: 600, length: 100));
        link.Forgets();
        link.Receives(1.s, link.Data(seq: 800, length: 100));
        link.Sends(1.s, ack: 0, sack: [(300, 1000), (100, 200)]);
    }

    // RFC 2018 8
    [Fact]
    public void When_it_is_full_the_range_furthest_away_is_given_up_for_a_nearer_one()
    {
        int capacity = Reassembly.CapacityFor(Buffer);
        using Conversation link = new(WithSack, receiveBuffer: Buffer);
        for (int i = 0; i < capacity; i++)
        {
            Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: 1001 + (4 * i), length: 1)));
        }

        int last = 1001 + (4 * (capacity - 1));
        link.Forgets();
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: 500, length: 1)));
        link.Sends(1.s, ack: 0, sack: [(500, 501), (last - 4, last - 3), (last - 8, last - 7), (last - 12, last - 11)]);
        Assert.Equal(capacity, link.Engine.RangesBeyond);
        Assert.Equal(1, link.Engine.Counters.DroppedReassemblyFull);

        // The peer sends again what is reported no more.
        link.Receives(1.s, link.Data(seq: 0, length: 500), link.Data(seq: 501, length: 500));
        for (int at = 1002; at < last; at += 4)
        {
            link.Receives(1.s, link.Data(seq: at, length: 3));
        }

        Assert.Equal(0, link.Engine.RangesBeyond);
        Assert.Equal(new SeqNum(Conversation.Theirs) + last, link.V.RcvNxt);
        link.Receives(1.s, link.Data(seq: last, length: 1));
        link.Reads(1.s, last + 1);
    }

    [Fact]
    public void When_it_is_full_what_lies_beyond_all_is_dropped_and_answered()
    {
        int capacity = Reassembly.CapacityFor(Buffer);
        using Conversation link = new(WithSack, receiveBuffer: Buffer);
        for (int i = 0; i < capacity; i++)
        {
            link.Receives(1.s, link.Data(seq: 1 + (2 * i), length: 1));
        }

        int end = 2 * capacity;
        link.Forgets();
        Assert.Equal(Verdict.Dropped, link.Receives(1.s, link.Data(seq: end + 1, length: 1)));
        Assert.Equal(1, link.Engine.Counters.DroppedReassemblyFull);
        Assert.Equal(4, link.Sends(1.s, ack: 0).Sack.Count);

        // What goes on where the furthest ends needs no range of its own.
        Assert.Equal(Verdict.Consumed, link.Receives(1.s, link.Data(seq: end, length: 1)));
        Assert.Equal(capacity, link.Engine.RangesBeyond);
        Assert.Equal(1, link.Engine.Counters.DroppedReassemblyFull);
    }

    [Fact]
    public void What_is_given_up_gives_its_memory_back()
    {
        ManagedChunkPool pool = new(4096);
        using Conversation link = new(WithSack, receiveBuffer: Buffer, pool: pool);
        int capacity = Reassembly.CapacityFor(Buffer);
        link.Receives(1.s, link.Data(seq: 40_000, length: 4000));
        for (int i = 1; i < capacity; i++)
        {
            link.Receives(1.s, link.Data(seq: 2 * i, length: 1));
        }

        long held = pool.RentedBytes;
        link.Receives(1.s, link.Data(seq: 2 * capacity, length: 1));
        Assert.Equal(1, link.Engine.Counters.DroppedReassemblyFull);
        Assert.True(pool.RentedBytes < held, $"{pool.RentedBytes} bytes are held, {held} were.");
    }

    // Eight bytes each: less than a hundredth of a buffer that is not tiny.
    [Theory]
    [InlineData(1000, 64)]
    [InlineData(1 << 20, 1024)]
    [InlineData(4 << 20, 4096)]
    [InlineData(1 << 30, 16384)]
    public void Its_size_follows_from_the_receive_buffer(int buffer, int ranges) => Assert.Equal(ranges, Reassembly.CapacityFor(buffer));

    // Sixteen thousand may be remembered; a connection with a few pays for a few.
    [Fact]
    public void Memory_is_taken_as_ranges_come()
    {
        Reassembly index = new(capacity: 16_384);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 1; i <= 20; i++)
        {
            index.Add(new SeqNum((uint)i * 1000), new SeqNum(((uint)i * 1000) + 1));
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 1000);
    }

    // Against a set of octets, around the wrap of the sequence space, with and without room.
    [Theory]
    [InlineData(1000)]
    [InlineData(5)]
    public void The_index_equals_a_set_of_octets(int capacity) => Seeded.Run(1, random =>
    {
        for (int run = 0; run < 300; run++)
        {
            Reassembly index = new(capacity);
            HashSet<uint> octets = [];
            SeqNum rcvNxt = new((uint)random.Next(-200, 200));
            for (int step = 0; step < 60; step++)
            {
                if (random.Next(5) == 0)
                {
                    rcvNxt += random.Next(1, 30);
                    while (octets.Contains(rcvNxt.Value))
                    {
                        rcvNxt += 1;
                    }

                    // In order data ends anywhere; what it touches is part of it.
                    Assert.Equal(rcvNxt, index.Advance(rcvNxt));
                    octets.RemoveWhere(octet => new SeqNum(octet) < rcvNxt);
                }

                SeqNum left = rcvNxt + random.Next(1, 300);
                SeqNum right = left + random.Next(1, 20);
                bool isBeyondAll = index.Count > 0 && left > index.End;
                Assert.Equal(index.Count < capacity || !isBeyondAll, index.CanAdd(left));
                if (!index.CanAdd(left))
                {
                    continue;
                }

                int before = index.Count;
                SeqNum end = index.Count == 0 ? right : SeqNum.Max(index.End, right);
                bool isOneGivenUp = index.Add(left, right);
                Assert.Equal(isOneGivenUp, index.End != end);
                Assert.True(!isOneGivenUp || (before == capacity && index.Count == capacity));
                octets.RemoveWhere(octet => new SeqNum(octet) >= index.End);
                for (SeqNum octet = left; octet < right; octet += 1)
                {
                    octets.Add(octet.Value);
                }

                AssertSame(index, octets, rcvNxt);
                SackBlock newest = index.Report(4)[0];
                Assert.True(newest.Left <= left && newest.Right >= right);
            }
        }
    });

    private static void AssertSame(Reassembly index, HashSet<uint> octets, SeqNum rcvNxt)
    {
        SackBlock[] ranges = new SackBlock[index.Count];
        int count = index.CopyTo(ranges);
        int total = 0;
        for (int i = 0; i < count; i++)
        {
            Assert.True(ranges[i].Left > (i == 0 ? rcvNxt : ranges[i - 1].Right));
            for (SeqNum octet = ranges[i].Left; octet < ranges[i].Right; octet += 1)
            {
                Assert.Contains(octet.Value, octets);
                total++;
            }
        }

        Assert.Equal(octets.Count, total);
        Assert.Equal(total, index.Bytes);
    }
}
