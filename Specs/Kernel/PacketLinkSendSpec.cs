using System.Buffers.Binary;
using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Netlink;
using Xunit;

namespace TcpActors.Specs.Kernel;

public sealed unsafe class PacketLinkSendSpec
{
    private readonly RxFrame[] _frames = new RxFrame[64];

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void A_super_segment_is_taken_by_the_peers_kernel(AddressFamily family)
    {
        using var bench = new PacketLinkBench();
        using Socket listener = bench.Hosts.Server.Listen(family, PacketLinkBench.ServerPort);
        using Socket client = bench.Hosts.Client.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
        client.Connect(listener.LocalEndPoint!);
        using Socket server = listener.Accept();
        client.Send([1]);
        Assert.Equal(1, server.Receive(new byte[1]));

        // The client's kernel has shown the next segment's numbers; the segment itself comes from the link.
        byte[] seen = LastSegment(bench);
        int tcp = family == AddressFamily.InterNetwork ? 34 : 54;
        byte[] header = seen[..(tcp + 20 + (((seen[tcp + 12] >> 4) - 5) * 4))];
        byte[] payload = new byte[60_000];
        new Random(3).NextBytes(payload);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(tcp + 4), BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(tcp + 4)) + 1);
        SetLength(header, tcp, payload.Length);
        Assert.Equal(1, bench.Send(header, payload, segmentSize: 1400));

        byte[] received = new byte[payload.Length];
        server.ReceiveTimeout = 5000;
        for (int at = 0; at < received.Length;)
        {
            at += server.Receive(received.AsSpan(at));
        }

        Assert.Equal(payload, received);
    }

    [EthtoolFact]
    public void Without_the_devices_offloads_the_kernel_cuts_super_segments_and_completes_checksums()
    {
        using var bench = new PacketLinkBench();
        EthtoolFactAttribute.SwitchOffloadsOff(bench.Hosts.Client);
        EthtoolFactAttribute.SwitchOffloadsOff(bench.Hosts.Server);
        byte[] payload = new byte[30_001];
        new Random(4).NextBytes(payload);
        Assert.Equal(1, bench.Send(bench.Header(payload.Length), payload[..1001], payload[1001..], segmentSize: 1400));

        var received = new List<byte>();
        while (received.Count < payload.Length)
        {
            RxFrame frame = bench.Receive();
            Assert.InRange(frame.Length, 55, 1454);
            Assert.Equal(0, frame.SegmentSize);
            Assert.Equal(ChecksumStatus.Unverified, frame.Checksum);
            Assert.True(PacketLinkBench.HasGoodChecksum(frame.Bytes));
            received.AddRange(frame.Bytes[54..]);
            frame.Return();
        }

        Assert.Equal(payload, received);
    }

    [KernelFact]
    public void The_mark_passes_the_fence_that_stops_other_marks()
    {
        using var bench = new PacketLinkBench();
        SpecHost client = bench.Hosts.Client;
        using FlowSetSteering fence = client.Run(() => new FlowSetSteering(client.Link, PacketLinkBench.ClientMark));
        fence.Claim(new FlowKey(
            InternetAddress.From(client.IPv4),
            InternetAddress.From(bench.Hosts.Server.IPv4),
            PacketLinkBench.ClientPort,
            PacketLinkBench.ServerPort));
        using PacketLink stale = PacketLinkBench.Open(client, PacketLinkBench.ClientMark + 1);
        Assert.Equal(0, bench.Send(bench.Header(1), [9], link: stale));
        Assert.Equal(1, stale.Counters.TxDropped);
        Assert.Equal(1, bench.Send(bench.Header(1), [7]));
        Assert.Equal(7, bench.Receive().Bytes[^1]);
    }

    [KernelFact]
    public void A_refused_frame_does_not_stop_those_after_it()
    {
        using var bench = new PacketLinkBench();
        byte[] good = bench.Header(0);
        byte[] tooLong = new byte[3000];
        fixed (byte* g = good, l = tooLong)
        {
            TxFrame small = new() { Header = g, HeaderLength = good.Length };
            TxFrame large = new() { Header = l, HeaderLength = tooLong.Length };
            Assert.Equal(2, bench.Client.Send([small, large, small]));
        }

        Assert.Equal(1, bench.Client.Counters.TxDropped);
        Assert.Equal(2, bench.Client.Counters.TxFrames);
        bench.Receive().Return();
        bench.Receive().Return();
    }

    [KernelFact]
    public void Frames_of_one_call_arrive_in_order_and_whole_beyond_one_batch()
    {
        using var bench = new PacketLinkBench(ringSlots: 256, slotSize: 2048);
        byte[] header = bench.Header(1);
        byte[] payload = [.. Enumerable.Range(0, 200).Select(i => (byte)i)];
        TxFrame[] frames = new TxFrame[200];
        fixed (byte* h = header, p = payload)
        {
            for (int i = 0; i < frames.Length; i++)
            {
                frames[i] = new TxFrame { Header = h, HeaderLength = header.Length, Payload0 = p + i, Payload0Length = 1 };
            }

            Assert.Equal(200, bench.Client.Send(frames));
        }

        for (int i = 0; i < 200; i++)
        {
            RxFrame frame = bench.Receive();
            Assert.Equal(i, frame.Bytes[^1]);
            frame.Return();
        }
    }

    [KernelFact]
    public void Sending_and_receiving_allocate_nothing()
    {
        using var bench = new PacketLinkBench();
        byte[] header = bench.Header(0);
        fixed (byte* h = header)
        {
            TxFrame frame = new() { Header = h, HeaderLength = header.Length };
            Exchange(bench, frame);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++)
            {
                Exchange(bench, frame);
            }

            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    [KernelFact]
    public void A_link_whose_interface_goes_down_says_so_and_works_again_when_it_is_up()
    {
        using var bench = new PacketLinkBench();
        SpecHost client = bench.Hosts.Client;
        client.Netlink.SetLinkUp(client.LinkIndex, up: false);
        Assert.Equal(0, bench.Send(bench.Header(1), [9]));
        Assert.False(bench.Client.IsUp);
        Assert.Equal(1, bench.Client.Counters.TxDropped);

        // The server's end has lost its carrier: no error tells of that.
        Assert.True(bench.Server.IsUp);
        bench.Server.Refresh();
        Assert.False(bench.Server.IsUp);

        client.Netlink.SetLinkUp(client.LinkIndex);
        bench.Client.Refresh();
        bench.Server.Refresh();
        Assert.True(bench.Client.IsUp);
        Assert.Equal(1, bench.Send(bench.Header(1), [7]));
        Assert.Equal(7, bench.Receive().Bytes[^1]);
    }

    [KernelFact]
    public void A_waiting_receive_notices_that_its_interface_went_down()
    {
        using var bench = new PacketLinkBench();
        SpecHost server = bench.Hosts.Server;
        server.Netlink.SetLinkUp(server.LinkIndex, up: false);
        Assert.Equal(0, bench.Server.Receive(_frames, Microseconds.FromMilliseconds(50)));
        Assert.False(bench.Server.IsUp);
    }

    [KernelFact]
    public void A_removed_interface_is_down_for_good()
    {
        using var bench = new PacketLinkBench();
        bench.Hosts.Client.Netlink.DeleteLink(bench.Hosts.Client.LinkIndex);
        Assert.Equal(0, bench.Send(bench.Header(1), [9]));
        Assert.False(bench.Client.IsUp);
        bench.Client.Refresh();
        Assert.False(bench.Client.IsUp);
        Assert.Equal(0, bench.Client.Receive(_frames, Microseconds.FromMilliseconds(1)));
    }

    [KernelFact]
    public void Address_and_MTU_follow_the_interface()
    {
        using var bench = new PacketLinkBench();
        SpecHost server = bench.Hosts.Server;
        Assert.Equal(server.Mac, bench.Server.Address);
        Assert.Equal(1500, bench.Server.Mtu);
        server.Netlink.SetLinkMtu(server.LinkIndex, 1400);
        bench.Server.Refresh();
        Assert.Equal(1400, bench.Server.Mtu);
    }

    [KernelFact]
    public void What_cannot_be_opened_is_refused_with_what_to_do()
    {
        using var hosts = new TwoHosts();
        hosts.Server.Run(() =>
        {
            var options = new PacketLinkOptions { OwnedMark = 1 };
            Assert.Contains("There are: lo, server0.", Refusal("eth9", options), StringComparison.Ordinal);
            Assert.Contains("There is no interface", Refusal("a-name-longer-than-15-bytes", options), StringComparison.Ordinal);
            Assert.Contains("loopback", Refusal("lo", options), StringComparison.Ordinal);
            Assert.Contains("OwnedMark", Refusal("server0", options with { OwnedMark = 0 }), StringComparison.Ordinal);
            Assert.Contains("SlotSize", Refusal("server0", options with { SlotSize = 2050 }), StringComparison.Ordinal);
            Assert.Contains("RingSlots", Refusal("server0", options with { RingSlots = 1 }), StringComparison.Ordinal);
        });
    }

    private static string Refusal(string name, PacketLinkOptions options) =>
        Assert.Throws<LinkException>(() => PacketLink.Open(name, options)).Message;

    private void Exchange(PacketLinkBench bench, TxFrame frame)
    {
        bench.Client.Send(new ReadOnlySpan<TxFrame>(in frame));
        for (int count = bench.Server.Receive(_frames, PacketLinkBench.Deadline); count > 0; count--)
        {
            _frames[count - 1].Return();
        }
    }

    private byte[] LastSegment(PacketLinkBench bench)
    {
        byte[] last = [];
        for (int count; (count = bench.Server.Receive(_frames, Microseconds.Zero)) > 0;)
        {
            foreach (RxFrame frame in _frames.AsSpan(0, count))
            {
                // The data segment is the only one with PSH.
                int tcp = frame.Bytes[12] == 0x08 ? 34 : 54;
                last = (frame.Bytes[tcp + 13] & 0x08) != 0 ? frame.Bytes.ToArray() : last;
                frame.Return();
            }
        }

        return last;
    }

    private static void SetLength(byte[] header, int tcp, int payloadLength)
    {
        if (tcp == 34)
        {
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(16), (ushort)(header.Length - 14 + payloadLength));
            header.AsSpan(24, 2).Clear();
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(24), (ushort)~PacketLinkBench.Sum(header.AsSpan(14, 20)));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(18), (ushort)(header.Length - 54 + payloadLength));
        }
    }
}
