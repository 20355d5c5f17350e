using System.Net;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;
using Xunit;

namespace TcpActors.Specs.Transport;

/// <summary>A flow's queue: how much it holds, and that no segment waits without its owner being told.</summary>
public sealed unsafe class FlowQueueSpecs
{
    private readonly FlowEntry _flow = new(FlowKey.From(IPEndPoint.Parse("10.0.0.1:80"), IPEndPoint.Parse("10.0.0.2:40000")));
    private readonly Ring _ring = new();
    private readonly HeapFrames _heap = new();

    [Theory]
    [InlineData(1514, 1024)]
    [InlineData(9014, 512)]
    [InlineData(65535, 113)]
    public void A_flow_without_an_owner_keeps_at_most_8_MiB(int length, int kept)
    {
        for (int i = 0; i < kept; i++)
        {
            Assert.Equal(Delivery.Queued, Deliver(length));
            _flow.Evacuate(_heap);
        }

        Assert.Equal(Delivery.Overflow, Deliver(length));
        Assert.Equal(0, _ring.Lent);

        // What is taken makes room again.
        Span<QueuedSegment> segments = new QueuedSegment[2];
        Assert.Equal(2, _flow.Dequeue(segments));
        segments[0].Frame.Return();
        segments[1].Frame.Return();
        Assert.Equal((Delivery.Queued, Delivery.Queued, Delivery.Overflow), (Deliver(length), Deliver(length), Deliver(length)));
        Assert.Equal(kept, _flow.Count);
    }

    [Fact]
    public void An_owner_that_stops_taking_rings_itself_unless_a_doorbell_is_on_its_way()
    {
        Assert.False(_flow.TryRing());
        Deliver(100);
        Assert.False(_flow.TryRing());
        var owner = new Owner();
        _flow.Attach(owner);
        Assert.Equal((1, false), (owner.Rung, _flow.TryRing()));
        _flow.AnswerDoorbell();
        Assert.True(_flow.TryRing());
        Assert.Equal((Delivery.Queued, false), (Deliver(100), _flow.TryRing()));
        _flow.AnswerDoorbell();
        Assert.Equal((Delivery.QueuedRing, false), (Deliver(100), _flow.TryRing()));
        _flow.AnswerDoorbell();
        Assert.Equal(3, _flow.Dequeue(new QueuedSegment[4]));
        Assert.False(_flow.TryRing());
        Assert.Equal(Delivery.QueuedRing, Deliver(100));
        _flow.Detach();
        Assert.False(_flow.TryRing());
    }

    [Fact]
    public void A_packet_that_its_sink_throws_at_is_lost_and_no_other()
    {
        foreach (byte number in new byte[] { 1, 2 })
        {
            QueuedSegment segment = Packet(number);
            _flow.KeepUnconsumed(in segment);
            segment.Frame.Return();
        }

        _flow.Deliver(Packet(3));
        _flow.Deliver(Packet(4));
        var handed = new List<int>();

        int lost = _flow.ForwardTo(packet =>
        {
            handed.Add(packet.Length);
            if (packet.Length % 2 == 1)
            {
                throw new ArgumentOutOfRangeException(nameof(packet));
            }
        });

        Assert.Equal(2, lost);
        Assert.Equal((Delivery.Lost, Delivery.Forwarded), (_flow.Deliver(Packet(5)), _flow.Deliver(Packet(6))));
        Assert.Equal([1, 2, 3, 4, 5, 6], handed);
        Assert.Equal((0, 0), (_ring.Lent, _flow.Count));
    }

    [Theory]
    [InlineData(60, 64)]
    [InlineData(65535, 4)]
    public void What_is_kept_unconsumed_is_bounded_by_number_and_by_memory(int length, int kept)
    {
        for (int i = 0; i < 100; i++)
        {
            QueuedSegment segment = Packet(length);
            _flow.KeepUnconsumed(in segment);
        }

        int handed = 0;
        _flow.ForwardTo(_ => handed++);
        Assert.Equal(kept, handed);
    }

    [Fact]
    public void What_cannot_be_copied_out_of_the_ring_is_lost_and_the_others_keep_their_order()
    {
        _flow.Deliver(Packet(1));
        _flow.Deliver(Packet(HeapFrames.Largest + 1));
        QueuedSegment taken = Packet(500);
        (taken.Frame.Missing, taken.Frame.Rest) = (1, new TakenBefore());
        _flow.Deliver(taken);
        _flow.Deliver(Packet(2));

        Assert.Equal(2, _flow.Evacuate(_heap));

        Assert.Equal(0, _ring.Lent);
        var segments = new QueuedSegment[4];
        Assert.Equal(2, _flow.Dequeue(segments));
        Assert.Equal([1, 2], segments[..2].Select(segment => segment.IpLength));
        Assert.All(segments[..2], segment => Assert.Same(_heap, segment.Frame.Owner));
    }

    [Fact]
    public void A_frame_longer_than_any_buffer_is_refused_and_returned()
    {
        Assert.False(_heap.TryCopy(_ring.Lend(HeapFrames.Largest + 1), out _));
        Assert.Equal(0, _ring.Lent);
        Assert.True(_heap.TryCopy(_ring.Lend(HeapFrames.Largest), out RxFrame copy));
        Assert.Equal(0, _ring.Lent);
        copy.Return();
    }

    private Delivery Deliver(int length) => _flow.Deliver(new QueuedSegment { Frame = _ring.Lend(length) });

    private QueuedSegment Packet(int length) => new() { Frame = _ring.Lend(length), IpLength = length };

    private sealed class Ring : IRxFrameOwner
    {
        private readonly byte[] _memory = GC.AllocateArray<byte>(2 * HeapFrames.Largest, pinned: true);

        public int Lent { get; private set; }

        public RxFrame Lend(int length)
        {
            Lent++;
            return new RxFrame
            {
                Data = (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _memory[0]),
                Length = length,
                Owner = this,
            };
        }

        public void Return(int token) => Lent--;
    }

    private sealed class TakenBefore : IFrameBytes
    {
        public void CopyTo(int token, int offset, ReadOnlySpan<MemorySlice> places) => throw new InvalidOperationException("taken before");
    }

    private sealed class Owner : IFlowReceiver
    {
        public int Rung { get; private set; }

        public void SegmentsReady() => Rung++;

        public void PathTooBig(int mtu, SeqNum quoted)
        {
        }

        public void FragmentSeen(SeqNum seq)
        {
        }
    }
}
