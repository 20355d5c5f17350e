using System.Net;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Host;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;
using Xunit;

namespace TcpActors.Specs.Transport;

/// <summary>What breaks in the middle of a batch costs the frame or the bell that it was about, and nothing else.</summary>
public sealed class RxDispatcherSpecs
{
    private static readonly FlowKey s_flow = FlowKey.From(IPEndPoint.Parse("10.0.0.1:80"), IPEndPoint.Parse("10.0.0.2:40000"));
    private static readonly FlowKey s_other = FlowKey.From(IPEndPoint.Parse("10.0.0.1:80"), IPEndPoint.Parse("10.0.0.2:40001"));
    private static readonly FlowKey s_unknown = FlowKey.From(IPEndPoint.Parse("10.0.0.1:80"), IPEndPoint.Parse("10.0.0.2:40002"));

    private readonly FlowTable _flows = new();
    private readonly Ring _ring = new();

    [Fact]
    public void A_frame_that_its_receiver_throws_at_is_returned_once_and_the_next_is_dispatched()
    {
        var dispatcher = new RxDispatcher(_flows, new BrokenStack(), static () => { }, lendingDepth: 2 * RxBatch.Capacity);
        FlowEntry entry = _flows.Claim(in s_flow);

        Write(dispatcher, _ring.Lend(s_unknown), _ring.Lend(s_flow));

        Assert.Equal((1, 1, 1), (dispatcher.Counters.Failures, dispatcher.Counters.UnknownFlow, dispatcher.Counters.Delivered));
        Assert.Equal([1, 0], _ring.Returned);
        Assert.Equal(1, entry.Count);
    }

    [Fact]
    public void A_packet_that_the_host_throws_at_is_returned_once_and_counted()
    {
        var dispatcher = new RxDispatcher(_flows, host: null, static () => { });
        _flows.Claim(in s_flow).ForwardTo(static _ => throw new InvalidOperationException("the host broke"));

        Write(dispatcher, _ring.Lend(s_flow));

        Assert.Equal((1, 0), (dispatcher.Counters.Failures, dispatcher.Counters.Forwarded));
        Assert.Equal([1], _ring.Returned);
    }

    [Fact]
    public void An_owner_whose_bell_breaks_is_rung_again_and_the_others_are_rung()
    {
        int drained = 0;
        var dispatcher = new RxDispatcher(_flows, host: null, () => drained++);
        var broken = new Owner { Throws = 1 };
        var owner = new Owner();
        _flows.Claim(in s_flow).Attach(broken);
        _flows.Claim(in s_other).Attach(owner);

        Write(dispatcher, _ring.Lend(s_flow), _ring.Lend(s_other));
        Assert.Equal((1, 1, 1, 1), (broken.Rung, owner.Rung, drained, dispatcher.Counters.Failures));

        Write(dispatcher, _ring.Lend(s_flow));
        Assert.Equal((2, 2, 1), (broken.Rung, drained, dispatcher.Counters.Failures));
        Assert.False(dispatcher.Completion.IsCompleted);
    }

    // RFC 3168 5: the rest of the byte is the differentiated services code point.
    [Fact]
    public void Of_the_traffic_class_the_owner_gets_the_ECN_bits()
    {
        var dispatcher = new RxDispatcher(_flows, host: null, static () => { }, lendingDepth: 2 * RxBatch.Capacity);
        FlowEntry entry = _flows.Claim(in s_flow);

        Write(dispatcher, _ring.Lend(s_flow, tos: 0xbb), _ring.Lend(s_flow, tos: 0xb8));

        QueuedSegment[] segments = new QueuedSegment[2];
        Assert.Equal(2, entry.Dequeue(segments));
        Assert.Equal((3, 0), (segments[0].Ecn, segments[1].Ecn));
    }

    // RFC 9293 3.1, MUST-3: unless who received the frame has checked it already.
    [Fact]
    public void A_segment_with_a_wrong_checksum_reaches_nobody_and_is_counted()
    {
        var dispatcher = new RxDispatcher(_flows, host: null, static () => { }, lendingDepth: 2 * RxBatch.Capacity);
        FlowEntry entry = _flows.Claim(in s_flow);
        RxFrame wrong = _ring.Lend(s_flow);
        _ring.Damage(wrong.Token);
        RxFrame known = _ring.Lend(s_flow);
        _ring.Damage(known.Token);
        known.Checksum = ChecksumStatus.Good;

        Write(dispatcher, wrong, known, _ring.Lend(s_flow));

        Assert.Equal((1, 2), (dispatcher.Counters.BadChecksum, dispatcher.Counters.Delivered));
        Assert.Equal([1, 0, 0], _ring.Returned);
        Assert.Equal(2, entry.Count);
    }

    [Fact]
    public void What_runs_after_the_doorbells_may_break_and_runs_again()
    {
        int drained = 0;
        var dispatcher = new RxDispatcher(
            _flows, host: null, () => throw new InvalidOperationException($"the owners broke, {++drained}"), lendingDepth: RxBatch.Capacity);
        _flows.Claim(in s_flow);

        Write(dispatcher, _ring.Lend(s_flow));
        Write(dispatcher, _ring.Lend(s_flow));

        Assert.Equal((2, 2), (drained, dispatcher.Counters.Failures));
        Assert.False(dispatcher.Completion.IsCompleted);

        // What the owner has not taken was copied nevertheless.
        Assert.Equal([1, 1], _ring.Returned);
    }

    [Fact]
    public void A_frame_whose_rest_cannot_be_had_is_lost_and_those_of_other_flows_are_copied()
    {
        var dispatcher = new RxDispatcher(_flows, host: null, static () => { }, lendingDepth: RxBatch.Capacity);
        FlowEntry first = _flows.Claim(in s_flow);
        FlowEntry second = _flows.Claim(in s_other);
        RxFrame lost = _ring.Lend(s_flow);
        (lost.Missing, lost.Length, lost.Rest, lost.Checksum) = (1, lost.Length + 1, new TakenBefore(), ChecksumStatus.Good);

        Write(dispatcher, lost, _ring.Lend(s_flow), _ring.Lend(s_other));

        Assert.Equal((1, 1, 1), (first.Count, second.Count, dispatcher.Counters.Failures));
        Assert.Equal([1, 1, 1], _ring.Returned);
        Assert.False(dispatcher.Completion.IsCompleted);
    }

    [Fact]
    public async Task A_dispatcher_that_ended_by_an_exception_ends_the_receiving_thread_which_tells_it()
    {
        using var pair = new ManagedPair();
        var told = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.A.Loop.OnFailure = told.SetResult;
        pair.A.Dispatcher.TryWrite(new RxBatch { Count = RxBatch.Capacity + 1 });
        pair.A.Loop.Start();

        pair.B.SendRaw(new byte[60]);

        Exception failure = await told.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Same(failure, Assert.Single(pair.A.Dispatcher.Completion.Exception!.InnerExceptions));
        pair.A.Loop.Dispose();
        Assert.Same(failure, pair.A.Loop.Failure);
    }

    private static void Write(RxDispatcher dispatcher, params ReadOnlySpan<RxFrame> frames)
    {
        var batch = new RxBatch { Count = frames.Length };
        frames.CopyTo(batch.Frames);
        Assert.True(dispatcher.TryWrite(batch));
        Assert.Equal(0, batch.Count);
    }

    /// <summary>Lends segments, and counts how often each is returned.</summary>
    private sealed unsafe class Ring : IRxFrameOwner
    {
        private readonly List<byte[]> _memory = [];

        public List<int> Returned { get; } = [];

        public RxFrame Lend(FlowKey receiver, byte tos = 0)
        {
            byte[] frame = new FrameBuilder
            {
                Flow = new FlowKey(receiver.RemoteAddress, receiver.LocalAddress, receiver.RemotePort, receiver.LocalPort),
                Tos = tos,
                Flags = TcpFlags.Ack,
                Payload = new byte[100],
            }.ToArray();
            byte[] pinned = GC.AllocateArray<byte>(frame.Length, pinned: true);
            frame.CopyTo(pinned, 0);
            _memory.Add(pinned);
            Returned.Add(0);
            return new RxFrame
            {
                Data = (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref pinned[0]),
                Length = frame.Length,
                Token = Returned.Count - 1,
                Owner = this,
            };
        }

        /// <summary>Changes the last byte of a segment's payload on its way.</summary>
        public void Damage(int token) => _memory[token][^1] ^= 0x10;

        public void Return(int token) => Returned[token]++;
    }

    private sealed class BrokenStack : IHostStackInput
    {
        public bool IsAddressee(in RxFrame frame, in IpFrame ip) => true;

        public void FrameReceived(in RxFrame frame) => throw new InvalidOperationException("the stack broke");
    }

    private sealed class TakenBefore : IFrameBytes
    {
        public void CopyTo(int token, int offset, ReadOnlySpan<MemorySlice> places) => throw new InvalidOperationException("taken before");
    }

    private sealed class Owner : IFlowReceiver
    {
        public int Throws { get; set; }

        public int Rung { get; private set; }

        public void SegmentsReady()
        {
            if (++Rung <= Throws)
            {
                throw new InvalidOperationException("the owner broke");
            }
        }

        public void PathTooBig(int mtu, SeqNum quoted)
        {
        }

        public void FragmentSeen(SeqNum seq)
        {
        }
    }
}
