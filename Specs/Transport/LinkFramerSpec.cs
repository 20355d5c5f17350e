using System.Buffers.Binary;
using System.Net;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
using TcpActors.Transport.Transmit;
using Xunit;
using IPv4Packet = PacketDotNet.IPv4Packet;
using Packet = PacketDotNet.Packet;
using TcpPacket = PacketDotNet.TcpPacket;

namespace TcpActors.Specs.Transport;

public sealed class LinkFramerSpec : IDisposable
{
    private const int Mss = 1448;
    private static readonly SeqNum Start = new(0xffff_fc00);

    private readonly ManagedChunkPool _pool = new();
    private readonly SendBuffer _buffer;
    private readonly TransmitQueue _queue = new();
    private readonly byte[] _stream = new byte[300_000];
    private readonly RxFrame[] _frames = new RxFrame[512];

    public LinkFramerSpec()
    {
        new Random(5).NextBytes(_stream);
        _buffer = new SendBuffer(_pool, 1 << 20);
        _buffer.Rebase(Start);
        Assert.Equal(_stream.Length, _buffer.Write(_stream));
    }

    public void Dispose() => _buffer.Dispose();

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Without_segmentation_offload_a_run_is_a_frame_per_segment_that_another_parser_finds_right(bool isIPv6, bool isTagged)
    {
        using var pair = new InMemoryLinkPair(new InMemoryLinkOptions { Capabilities = LinkCapabilities.None, Mtu = 1508 });
        SegmentFramer framer = Framer(pair, isIPv6, isTagged);
        const int Length = (100 * Mss) + 17;
        Append(Length, TcpFlags.Ack | TcpFlags.Psh | TcpFlags.Fin);

        Assert.Equal(101, framer.Flush(_queue, _buffer));
        Assert.Equal(0, _queue.Count);
        Assert.Equal(101, pair.B.Receive(_frames, Microseconds.Zero));
        var received = new List<byte>();
        for (int i = 0; i < 101; i++)
        {
            var packet = Packet.ParsePacket(PacketDotNet.LinkLayers.Ethernet, _frames[i].Bytes.ToArray());
            TcpPacket tcp = packet.Extract<TcpPacket>();
            Assert.True(tcp.ValidTcpChecksum);
            Assert.Equal((Start + (i * Mss)).Value, tcp.SequenceNumber);
            Assert.Equal(i == 100, tcp.Push);
            Assert.Equal(i == 100, tcp.Finished);
            Assert.True(tcp.Acknowledgment);
            received.AddRange(tcp.PayloadData);
            if (packet.Extract<IPv4Packet>() is { } ip)
            {
                Assert.True(ip.ValidIPChecksum);
                Assert.Equal((ushort)(65500 + i), ip.Id);
            }

            Assert.Equal(isTagged, packet.Extract<PacketDotNet.Ieee8021QPacket>() is not null);
            Assert.Equal(0, _frames[i].SegmentSize);
            _frames[i].Return();
        }

        Assert.True(received.SequenceEqual(_stream[..Length]));
    }

    [Fact]
    public void With_segmentation_offload_a_run_of_64_KiB_is_one_frame_and_a_longer_one_is_cut_between_segments()
    {
        using var pair = new InMemoryLinkPair();
        SegmentFramer framer = Framer(pair);
        Append(200_000, TcpFlags.Ack | TcpFlags.Psh);

        // 45 segments are the most that go into an IP packet of 65,535 bytes.
        const int Most = 45 * Mss;
        Assert.Equal(4, framer.Flush(_queue, _buffer));
        Assert.Equal(4, pair.B.Receive(_frames, Microseconds.Zero));
        for (int i = 0; i < 4; i++)
        {
            TcpSegment segment = Parse(_frames[i]);
            Assert.Equal(Start + (i * Most), segment.Seq);
            Assert.Equal(i == 3, segment.Has(TcpFlags.Psh));
            Assert.True(segment.Payload.SequenceEqual(_stream.AsSpan(i * Most, Math.Min(Most, 200_000 - (i * Most)))));
            Assert.Equal(Mss, _frames[i].SegmentSize);
            Assert.Equal(ChecksumStatus.Good, _frames[i].Checksum);
            Assert.True(IpFrame.TryParse(_frames[i].Bytes, out IpFrame frame));
            ushort id = BinaryPrimitives.ReadUInt16BigEndian(_frames[i].Bytes[(frame.NetworkOffset + 4)..]);
            Assert.Equal((ushort)(65500 + (i * 45)), id);
        }
    }

    [Fact]
    public void The_last_segment_of_a_cut_run_is_no_super_segment_when_it_is_alone()
    {
        using var pair = new InMemoryLinkPair();
        Append((45 * Mss) + 1, TcpFlags.Ack);
        Assert.Equal(2, Framer(pair).Flush(_queue, _buffer));
        Assert.Equal(2, pair.B.Receive(_frames, Microseconds.Zero));
        Assert.Equal(0, _frames[1].SegmentSize);
        Assert.Equal(1, Parse(_frames[1]).Payload.Length);
    }

    [Fact]
    public void A_keep_alive_probe_before_the_buffer_and_an_ACK_with_SACK_blocks_have_no_payload()
    {
        using var pair = new InMemoryLinkPair();
        ref OutgoingSegment probe = ref _queue.Append();
        (probe.Seq, probe.Flags) = (Start - 1, TcpFlags.Ack);
        ref OutgoingSegment ack = ref _queue.Append();
        (ack.Seq, ack.Flags) = (Start, TcpFlags.Ack);
        ack.Sack.Add(new SackBlock(new SeqNum(10), new SeqNum(20)));

        Assert.Equal(2, Framer(pair).Flush(_queue, _buffer));
        Assert.Equal(2, pair.B.Receive(_frames, Microseconds.Zero));
        Assert.Equal(Start - 1, Parse(_frames[0]).Seq);
        Assert.True(Parse(_frames[0]).Payload.IsEmpty);
        Assert.Equal(new SackBlock(new SeqNum(10), new SeqNum(20)), Parse(_frames[1]).Options.Sack[0]);
    }

    [Fact]
    public void More_than_a_batch_of_segments_leaves_in_order()
    {
        using var pair = new InMemoryLinkPair();
        for (int i = 0; i < 200; i++)
        {
            ref OutgoingSegment segment = ref _queue.Append();
            (segment.Seq, segment.Length, segment.SegmentSize, segment.Flags) = (Start + (i * 100), 100, Mss, TcpFlags.Ack);
        }

        Assert.Equal(200, Framer(pair).Flush(_queue, _buffer));
        Assert.Equal(200, pair.B.Receive(_frames, Microseconds.Zero));
        for (int i = 0; i < 200; i++)
        {
            Assert.Equal(Start + (i * 100), Parse(_frames[i]).Seq);
        }
    }

    [Fact]
    public void Small_chunks_make_smaller_super_segments()
    {
        using var pair = new InMemoryLinkPair();
        using var buffer = new SendBuffer(new ManagedChunkPool(chunkSize: 4096), 1 << 20);
        buffer.Rebase(Start);
        buffer.Write(_stream);
        Append(10_000, TcpFlags.Ack);
        Assert.Equal(4, Framer(pair).Flush(_queue, buffer));
        Assert.Equal(4, pair.B.Receive(_frames, Microseconds.Zero));
        Assert.True(Parse(_frames[3]).Payload.SequenceEqual(_stream.AsSpan(6 * Mss, 10_000 - (6 * Mss))));
    }

    [Fact]
    public void What_the_buffer_does_not_hold_is_an_error_that_leaves_the_queue_empty()
    {
        using var pair = new InMemoryLinkPair();
        Append(_stream.Length + 1, TcpFlags.Ack);
        Assert.Throws<ArgumentOutOfRangeException>(() => Framer(pair).Flush(_queue, _buffer));
        Assert.Equal(0, _queue.Count);
    }

    [Fact]
    public void Framing_allocates_nothing()
    {
        using var pair = new InMemoryLinkPair();
        SegmentFramer framer = Framer(pair);
        RoundTrip();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            RoundTrip();
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void RoundTrip()
        {
            Append(100_000, TcpFlags.Ack);
            framer.Flush(_queue, _buffer);
            for (int count = pair.B.Receive(_frames, Microseconds.Zero); count > 0; count--)
            {
                _frames[count - 1].Return();
            }
        }
    }

    private static TcpSegment Parse(in RxFrame frame)
    {
        Assert.True(IpFrame.TryParse(frame.Bytes, out IpFrame ip));
        Assert.True(TcpSegment.TryParse(ip.PayloadOf(frame.Bytes), out TcpSegment segment));
        return segment;
    }

    private static SegmentFramer Framer(InMemoryLinkPair pair, bool isIPv6 = false, bool isTagged = false)
    {
        (string local, string remote) = isIPv6 ? ("fd00::1", "fd00::2") : ("10.0.0.1", "10.0.0.2");
        var connection = new ConnectionInvariants
        {
            Flow = FlowKey.From(new IPEndPoint(IPAddress.Parse(local), 7000), new IPEndPoint(IPAddress.Parse(remote), 40000)),
            InitialSendSequence = Start - 1,
            InitialReceiveSequence = new SeqNum(1),
        };
        var invariants = new SegmentInvariants
        {
            Neighbor = new Neighbor
            {
                SourceMac = pair.A.Address,
                Mac = pair.B.Address,
                Encapsulation = isTagged ? new MacEncapsulation(IsTagged: true, VlanId: 5, Priority: 3) : MacEncapsulation.EthernetII,
            },
            Path = new NetworkPath { Mtu = 1508 },
            EffectiveMss = Mss,
        };
        return new SegmentFramer(pair.A, new HeaderTemplate(connection, invariants));
    }

    private void Append(int length, TcpFlags flags)
    {
        ref OutgoingSegment run = ref _queue.Append();
        (run.Seq, run.Ack, run.Length, run.SegmentSize) = (Start, new SeqNum(2), length, Mss);
        (run.Flags, run.Window, run.IpId) = (flags, 100, 65500);
    }
}
