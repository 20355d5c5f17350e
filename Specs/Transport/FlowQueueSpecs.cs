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

    private Delivery Deliver(int length) => _flow.Deliver(new QueuedSegment { Frame = _ring.Lend(length) });

    private sealed class Ring : IRxFrameOwner
    {
        private readonly byte[] _memory = GC.AllocateArray<byte>(65536, pinned: true);

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
