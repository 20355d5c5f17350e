using TcpActors.Engine.State;
using TcpActors.Transport.Links;
using Xunit;

namespace TcpActors.Specs.Transport;

public sealed unsafe class LinkMemorySpec
{
    private readonly RxFrame[] _frames = new RxFrame[16];

    [Fact]
    public void What_one_end_sends_the_other_receives_in_order_and_gathered()
    {
        using var pair = new InMemoryLinkPair();
        Assert.Equal(1, Send(pair.A, [1, 2, 3], [4, 5], [6]));
        Assert.Equal(1, Send(pair.A, [7], [], [8, 9]));

        Assert.Equal(2, pair.B.Receive(_frames, Microseconds.Zero));
        Assert.Equal([1, 2, 3, 4, 5, 6], _frames[0].Bytes.ToArray());
        Assert.Equal([7, 8, 9], _frames[1].Bytes.ToArray());
        Assert.Equal(0, pair.A.Receive(_frames, Microseconds.Zero));
    }

    [Fact]
    public void A_super_segment_and_its_unfinished_checksum_arrive_as_they_were_sent()
    {
        using var pair = new InMemoryLinkPair();
        byte[] payload = [.. Enumerable.Range(0, 65000).Select(i => (byte)i)];
        Assert.Equal(1, Send(pair.A, new byte[54], payload, [], segmentSize: 1446, checksumPartial: true));

        Assert.Equal(1, pair.B.Receive(_frames, Microseconds.Zero));
        Assert.Equal(1446, _frames[0].SegmentSize);
        Assert.Equal(ChecksumStatus.Good, _frames[0].Checksum);
        Assert.True(_frames[0].Bytes[54..].SequenceEqual(payload));
    }

    [Fact]
    public void A_complete_checksum_is_left_to_the_receiver()
    {
        using var pair = new InMemoryLinkPair();
        Send(pair.A, new byte[54], [1], []);
        pair.B.Receive(_frames, Microseconds.Zero);
        Assert.Equal(ChecksumStatus.Unverified, _frames[0].Checksum);
    }

    [Fact]
    public void An_offload_that_the_link_does_not_have_is_refused()
    {
        using var pair = new InMemoryLinkPair(new InMemoryLinkOptions { Capabilities = LinkCapabilities.None });
        Assert.Equal(1500, pair.A.MaxSuperSegment);
        Assert.Throws<ArgumentException>(() => Send(pair.A, new byte[54], new byte[10], [], segmentSize: 5));
        Assert.Throws<ArgumentException>(() => Send(pair.A, new byte[54], [], [], checksumPartial: true));
    }

    [Fact]
    public void A_packet_beyond_the_MTU_is_lost_and_counted_and_a_VLAN_tag_does_not_count()
    {
        using var pair = new InMemoryLinkPair(new InMemoryLinkOptions { Mtu = 600 });
        byte[] tagged = new byte[58];
        (tagged[12], tagged[13]) = (0x81, 0x00);

        Assert.Equal(1, Send(pair.A, new byte[54], new byte[560], []));
        Assert.Equal(0, Send(pair.A, new byte[54], new byte[561], []));
        Assert.Equal(1, Send(pair.A, tagged, new byte[560], []));
        Assert.Equal(0, Send(pair.A, tagged, new byte[561], []));
        Assert.Equal(0, Send(pair.A, new byte[54], new byte[2000], [], segmentSize: 561));
        Assert.Equal(3, pair.A.Counters.TxDropped);
    }

    [Fact]
    public void A_full_queue_drops_and_counts_until_a_frame_is_returned()
    {
        using var pair = new InMemoryLinkPair(new InMemoryLinkOptions { QueueLength = 2 });
        Assert.Equal(1, Send(pair.A, [1], [], []));
        Assert.Equal(1, Send(pair.A, [2], [], []));
        Assert.Equal(0, Send(pair.A, [3], [], []));

        Assert.Equal(2, pair.B.Receive(_frames, Microseconds.Zero));
        Assert.Equal(0, Send(pair.A, [4], [], []));
        _frames[1].Return();
        Assert.Equal(1, Send(pair.A, [5], [], []));
        Assert.Equal([1], _frames[0].Bytes.ToArray());

        Assert.Equal(new LinkCounters(0, 0, 0, 3, 3, 2), pair.A.Counters);
        Assert.Equal(new LinkCounters(2, 2, 2, 0, 0, 0), pair.B.Counters);
    }

    [Fact]
    public void A_frame_is_returned_once()
    {
        using var pair = new InMemoryLinkPair();
        Send(pair.A, [1], [], []);
        pair.B.Receive(_frames, Microseconds.Zero);
        _frames[0].Return();
        Assert.Throws<InvalidOperationException>(() => _frames[0].Return());
    }

    [Fact]
    public void A_wake_up_ends_the_next_wait_and_is_not_taken_by_a_receive_that_does_not_wait()
    {
        using var pair = new InMemoryLinkPair();
        pair.A.Wake();
        Assert.Equal(0, pair.A.Receive(_frames, Microseconds.Zero));
        Assert.Equal(0, pair.A.Receive(_frames, Microseconds.Never));
        Assert.Equal(0, pair.A.Receive(_frames, new Microseconds(1)));
    }

    [Fact]
    public void A_pulled_cable_loses_what_is_in_flight_and_takes_nothing()
    {
        using var pair = new InMemoryLinkPair();
        Send(pair.A, [1], [], []);
        pair.HasCarrier = false;
        Assert.False(pair.A.IsUp);
        Assert.Equal(0, pair.B.Receive(_frames, Microseconds.Zero));
        Assert.Equal(0, Send(pair.A, [2], [], []));
        pair.HasCarrier = true;
        Assert.Equal(1, Send(pair.A, [3], [], []));
        Assert.Equal(1, pair.B.Receive(_frames, Microseconds.Zero));
        Assert.Equal([3], _frames[0].Bytes.ToArray());
    }

    [Fact]
    public void Two_threads_pass_a_hundred_thousand_frames_in_order()
    {
        const int Total = 100_000;
        using var pair = new InMemoryLinkPair(new InMemoryLinkOptions { QueueLength = 64 });
        var sender = new Thread(() =>
        {
            for (int i = 0; i < Total;)
            {
                i += Send(pair.A, BitConverter.GetBytes(i), [], []);
            }
        });
        sender.Start();

        for (int expected = 0; expected < Total;)
        {
            int count = pair.B.Receive(_frames, Microseconds.Never);
            for (int i = 0; i < count; i++)
            {
                Assert.Equal(expected++, BitConverter.ToInt32(_frames[i].Bytes));
                _frames[i].Return();
            }
        }

        sender.Join();
    }

    [Fact]
    public void A_steady_stream_allocates_nothing()
    {
        using var pair = new InMemoryLinkPair();
        byte[] header = new byte[54];
        RoundTrip(pair, header);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            RoundTrip(pair, header);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private void RoundTrip(InMemoryLinkPair pair, byte[] header)
    {
        Send(pair.A, header, [], []);
        pair.B.Receive(_frames, Microseconds.Zero);
        _frames[0].Return();
    }

    private static int Send(
        ILink link,
        byte[] header,
        ReadOnlySpan<byte> payload0,
        ReadOnlySpan<byte> payload1,
        int segmentSize = 0,
        bool checksumPartial = false)
    {
        fixed (byte* h = header, p0 = payload0, p1 = payload1)
        {
            return link.Send([new TxFrame
            {
                Header = h,
                HeaderLength = header.Length,
                Payload0 = p0,
                Payload0Length = payload0.Length,
                Payload1 = p1,
                Payload1Length = payload1.Length,
                SegmentSize = segmentSize,
                TransportOffset = 34,
                IsIPv4 = true,
                ChecksumPartial = checksumPartial,
            }]);
        }
    }
}
