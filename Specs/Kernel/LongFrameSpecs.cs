using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
using TcpActors.Transport.Linux;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>Frames longer than a slot: the headers in the ring, the rest taken from the socket, once, to where it belongs.</summary>
public sealed unsafe class LongFrameSpecs : IDisposable
{
    private const int Headers = 54;
    private const int Length = 40_000;

    private readonly PacketLinkBench _bench = new();
    private readonly RxFrame[] _frames = new RxFrame[8];

    public void Dispose() => _bench.Dispose();

    [KernelFact]
    public void The_payload_goes_to_its_places_in_one_copy()
    {
        byte[] payload = Send(seed: 1);
        RxFrame frame = _bench.Receive();
        Assert.InRange(frame.Bytes.Length, 1000, 2048);
        byte[] place = new byte[Length + 2];
        fixed (byte* start = place)
        {
            frame.Slice(Headers, Length).CopyTo([new MemorySlice(start + 1, 17_000), new MemorySlice(start + 17_001, Length - 17_000)]);
        }

        Assert.Equal([0, .. payload, 0], place);
        frame.Return();
    }

    [KernelFact]
    public void Bytes_that_were_taken_are_not_there_any_more()
    {
        Send(seed: 1);
        RxFrame frame = _bench.Receive();
        frame.Slice(Headers, Length).ToArray();
        Assert.Throws<InvalidOperationException>(() => frame.Slice(Headers, Length).ToArray());
        frame.Return();
    }

    [KernelFact]
    public void A_part_can_be_taken_and_then_the_rest()
    {
        byte[] payload = Send(seed: 1);
        RxFrame frame = _bench.Receive();
        Assert.Equal(payload[5000..9000], frame.Slice(Headers + 5000, 4000).ToArray());
        Assert.Equal(payload[9000..], frame.Slice(Headers + 9000, Length - 9000).ToArray());
        Assert.Equal(payload[..9000], frame.Slice(Headers, 9000).ToArray());
        frame.Return();
    }

    [KernelFact]
    public void Frames_can_be_taken_and_returned_in_any_order()
    {
        byte[][] payloads = [.. Enumerable.Range(0, 6).Select(Send)];
        RxFrame[] frames = [.. Enumerable.Range(0, 6).Select(_ => _bench.Receive())];
        foreach (int i in new[] { 3, 0, 5 })
        {
            Assert.Equal(payloads[i], frames[i].Slice(Headers, Length).ToArray());
        }

        frames[2].Return();
        frames[5].Return();
        Assert.Equal(payloads[4], frames[4].Slice(Headers, Length).ToArray());
        Assert.Equal(payloads[1], frames[1].Slice(Headers, Length).ToArray());
        foreach (int i in new[] { 4, 3, 1, 0 })
        {
            frames[i].Return();
        }

        byte[] next = Send(seed: 99);
        Assert.Equal(next, _bench.Receive().Slice(Headers, Length).ToArray());
    }

    [KernelFact]
    public void One_that_nobody_wanted_is_not_in_the_way_of_the_next()
    {
        for (int i = 0; i < 200; i++)
        {
            // More than the ring has slots.
            byte[] payload = Send(i);
            RxFrame frame = _bench.Receive();
            if (i % 3 == 0)
            {
                Assert.Equal(payload, frame.Slice(Headers, Length).ToArray());
            }

            frame.Return();
        }

        Assert.Equal(0, _bench.Server.Counters.RxDropped);
    }

    [KernelFact]
    public void What_the_socket_has_no_memory_for_is_dropped_and_counted()
    {
        using var bench = new PacketLinkBench(longFrameMemory: 1 << 18);
        byte[] payload = new byte[Length];
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(1, bench.Send(bench.Header(Length), payload, segmentSize: 1440));
        }

        bench.Send(bench.Header(1), [7]);
        int count = 0;
        for (int taken = 1; taken > 0;)
        {
            taken = bench.Server.Receive(_frames, Microseconds.Zero);
            count += taken;
        }

        Assert.InRange(count, 4, 20);
        Assert.Equal(21 - count, bench.Server.Counters.RxDropped);
    }

    [KernelFact]
    public void After_the_link_is_closed_the_rest_of_a_frame_is_lost_and_its_return_still_works()
    {
        Send(seed: 1);
        Send(seed: 2);
        RxFrame frame = _bench.Receive();
        RxFrame unwanted = _bench.Receive();
        _bench.Server.Dispose();
        Assert.Throws<IOException>(() => frame.Slice(Headers, Length).ToArray());
        unwanted.Return();
        frame.Return();
    }

    [KernelFact]
    public void An_interface_that_goes_down_does_not_lose_what_it_had_received()
    {
        byte[] payload = Send(seed: 1);
        RxFrame frame = _bench.Receive();
        _bench.Hosts.Server.Netlink.SetLinkUp(_bench.Hosts.Server.LinkIndex, up: false);
        Assert.Equal(payload, frame.Slice(Headers, Length).ToArray());
        frame.Return();
    }

    [KernelFact]
    public void When_one_cannot_be_copied_no_other_gets_its_bytes_or_gives_it_its_own()
    {
        RxFrame[] frames = [.. Enumerable.Range(0, 6).Select(seed => SendAndReceive(seed))];

        // Nothing is there: EFAULT, after the kernel has taken the frame out of its queue.
        Assert.Throws<IOException>(() => frames[0].Slice(Headers, Length).CopyTo([new MemorySlice((byte*)8, Length)]));

        foreach (RxFrame frame in frames)
        {
            Assert.Throws<IOException>(() => frame.Slice(Headers, Length).ToArray());
            frame.Return();
        }

        byte[] next = Send(seed: 99);
        Assert.Equal(next, _bench.Receive().Slice(Headers, Length).ToArray());
    }

    [KernelFact]
    public void After_one_has_gone_from_the_socket_those_that_were_in_it_are_lost_and_the_next_is_not()
    {
        using PacketInterface device = _bench.Hosts.Server.Run(() => PacketInterface.Open(_bench.Hosts.Server.Link));
        using PacketRing ring = OpenRing(device);
        Enumerable.Range(0, 3).ToList().ForEach(seed => Send(seed));
        RxFrame[] frames = Take(ring, 3);
        byte nothing = 0;
        var vector = new PacketSystemCalls.IoVector { Base = &nothing };
        var message = new PacketSystemCalls.MessageHeader { Vectors = &vector, VectorCount = 1 };
        PacketSystemCalls.ReceiveMessage(ring.Socket, &message, PacketSystemCalls.DoNotWait);

        // Two more are in the socket when a short one behind them has come, and nobody has looked at their slots yet.
        Send(seed: 3);
        Send(seed: 4);
        _bench.Send(_bench.Header(1), [7]);
        for (int i = 0; i < 6; i++)
        {
            _bench.Receive();
        }

        Assert.Throws<IOException>(() => frames[0].Slice(Headers, Length).ToArray());

        RxFrame[] later = Take(ring, 3);
        Assert.Equal(7, later[2].Bytes[^1]);
        foreach (RxFrame frame in frames.Concat(later[..2]))
        {
            Assert.Throws<IOException>(() => frame.Slice(Headers, Length).ToArray());
            frame.Return();
        }

        byte[] next = Send(seed: 5);
        Assert.Equal(next, Take(ring, 1)[0].Slice(Headers, Length).ToArray());
    }

    [KernelFact]
    public void After_one_too_many_was_in_the_socket_those_that_were_in_it_are_lost_and_the_next_is_not()
    {
        using PacketInterface device = _bench.Hosts.Server.Run(() => PacketInterface.Open(_bench.Hosts.Server.Link));
        using PacketRing ring = OpenRing(device);
        var rest = new LongFrames(ring.Socket, ring.Slots);
        Enumerable.Range(0, 3).ToList().ForEach(seed => Send(seed));
        RxFrame[] frames = Take(ring, 3);
        byte[] bytes = new byte[Length];
        fixed (byte* start = bytes)
        {
            var place = new MemorySlice(start, Length);
            rest.Add(frames[1].Token, frames[1].Length, frames[1].Bytes);
            rest.Add(frames[2].Token, frames[2].Length, frames[2].Bytes);
            Assert.Throws<IOException>(() => rest.CopyTo(frames[1].Token, Headers, [place]));
            Assert.Throws<IOException>(() => rest.CopyTo(frames[2].Token, Headers, [place]));

            byte[] next = Send(seed: 3);
            RxFrame frame = Take(ring, 1)[0];
            rest.Add(frame.Token, frame.Length, frame.Bytes);
            rest.CopyTo(frame.Token, Headers, [place]);
            Assert.Equal(next, bytes);
        }
    }

    private RxFrame SendAndReceive(int seed)
    {
        Send(seed);
        return _bench.Receive();
    }

    /// <summary>A ring beside the link's: it gets the same frames.</summary>
    private PacketRing OpenRing(PacketInterface device) => _bench.Hosts.Server.Run(() => new PacketRing(
        device,
        PacketSystemCalls.EtherTypeIPv4,
        PacketFilter.ForIPv4(PacketLinkBench.ServerMark),
        new PacketLinkOptions { OwnedMark = PacketLinkBench.ServerMark, RingSlots = 64 }));

    private static RxFrame[] Take(PacketRing ring, int count)
    {
        var frames = new RxFrame[count];
        long deadline = Environment.TickCount64 + 10_000;
        for (int taken = 0; taken < count; taken += ring.Take(frames.AsSpan(taken)))
        {
            Assert.True(Environment.TickCount64 < deadline, $"{taken} of {count} frames came");
            Thread.Yield();
        }

        return frames;
    }

    private byte[] Send(int seed)
    {
        byte[] payload = new byte[Length];
        new Random(seed).NextBytes(payload);
        Assert.Equal(1, _bench.Send(_bench.Header(Length), payload, segmentSize: 1440));
        return payload;
    }
}
