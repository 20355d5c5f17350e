using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
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

    private byte[] Send(int seed)
    {
        byte[] payload = new byte[Length];
        new Random(seed).NextBytes(payload);
        Assert.Equal(1, _bench.Send(_bench.Header(Length), payload, segmentSize: 1440));
        return payload;
    }
}
