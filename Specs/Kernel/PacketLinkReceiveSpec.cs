using System.Globalization;
using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.Transport.Links;
using Xunit;

namespace TcpActors.Specs.Kernel;

public sealed class PacketLinkReceiveSpec
{
    private readonly RxFrame[] _frames = new RxFrame[64];

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void A_small_frame_arrives_whole(AddressFamily family)
    {
        using var bench = new PacketLinkBench();
        Assert.Equal(1, bench.Send(bench.Header(3, family: family), [1, 2], [3]));

        RxFrame frame = bench.Receive();
        Assert.Equal([1, 2, 3], frame.Bytes[^3..].ToArray());
        Assert.Equal(0, frame.SegmentSize);
        Assert.Equal(ChecksumStatus.Good, frame.Checksum);
        frame.Return();
        Assert.Equal(1, bench.Server.Counters.RxFrames);
        Assert.Equal(1, bench.Client.Counters.TxFrames);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, 2048)]
    [InlineData(AddressFamily.InterNetworkV6, 2048)]
    [InlineData(AddressFamily.InterNetwork, 128 * 1024)]
    [InlineData(AddressFamily.InterNetworkV6, 128 * 1024)]
    public void The_largest_super_segment_arrives_as_one_frame_with_its_segment_size(AddressFamily family, int slotSize)
    {
        using var bench = new PacketLinkBench(slotSize: slotSize);
        int length = bench.Client.MaxSuperSegment - (family == AddressFamily.InterNetwork ? 40 : 60);
        byte[] payload = new byte[length];
        new Random(1).NextBytes(payload);
        Assert.Equal(1, bench.Send(bench.Header(length, family: family), payload[..30_001], payload[30_001..], segmentSize: 1440));

        RxFrame frame = bench.Receive();
        Assert.Equal(1440, frame.SegmentSize);
        Assert.Equal(ChecksumStatus.Good, frame.Checksum);
        Assert.Equal(slotSize < length, frame.Missing > 0);
        Assert.Equal(payload, frame.Slice(frame.Length - length, length).ToArray());
        frame.Return();
    }

    [KernelFact]
    public void Frames_without_the_mark_are_not_received()
    {
        using var bench = new PacketLinkBench();
        bench.Unmark();
        bench.Send(bench.Header(1), [9]);
        bench.Mark();
        bench.Send(bench.Header(1), [7]);
        Assert.Equal(7, bench.Receive().Bytes[^1]);
        Assert.Equal(0, bench.Server.Receive(_frames, Microseconds.Zero));
    }

    [KernelFact]
    public void An_owned_frame_to_another_station_is_not_received()
    {
        using var bench = new PacketLinkBench();
        byte[] elsewhere = bench.Header(1);
        elsewhere[5] ^= 1;
        bench.Send(elsewhere, [9]);
        bench.Send(bench.Header(1), [7]);
        Assert.Equal(7, bench.Receive().Bytes[^1]);
    }

    [KernelFact]
    public void Errors_that_tell_a_path_MTU_and_fragments_of_TCP_are_received_unmarked_and_other_ICMP_is_not()
    {
        using var bench = new PacketLinkBench();
        byte[] icmp = bench.Header(8)[..42];
        icmp[23] = 1;
        (icmp[34], icmp[35]) = (3, 1);
        bench.SendRaw(icmp);
        icmp[35] = 4;
        bench.SendRaw(icmp);
        byte[] fragment = bench.Header(0);
        fragment[20] = 0x20;
        bench.SendRaw(fragment);
        fragment[23] = 17;
        bench.SendRaw(fragment);

        byte[] icmp6 = bench.Header(8, family: AddressFamily.InterNetworkV6)[..62];
        icmp6[20] = 58;
        icmp6[54] = 1;
        bench.SendRaw(icmp6);
        icmp6[54] = 2;
        bench.SendRaw(icmp6);
        byte[] fragment6 = bench.Header(8, family: AddressFamily.InterNetworkV6);
        fragment6[20] = 44;
        fragment6[54] = 6;
        bench.SendRaw(fragment6);
        fragment6[54] = 60;
        bench.SendRaw(fragment6);
        fragment6[54] = 17;
        bench.SendRaw(fragment6);
        foreach (byte extension in new byte[] { 0, 43, 60, 51, 59 })
        {
            foreach (byte next in new byte[] { 44, 17, 60 })
            {
                (fragment6[20], fragment6[54]) = (extension, next);
                bench.SendRaw(fragment6);
            }
        }

        bench.Send(bench.Header(1), [7]);
        var kinds = new List<string>();
        while (kinds.Count < 9)
        {
            RxFrame frame = bench.Receive();
            kinds.Add((frame.Bytes[12], frame.Bytes[23], frame.Bytes[20]) switch
            {
                (0x08, 1, _) => $"ICMP {frame.Bytes[34]}/{frame.Bytes[35]}",
                (0x08, 6, 0x20) => "fragment of TCP",
                (0x08, 6, _) => "owned segment",
                (0x86, _, 58) => $"ICMPv6 {frame.Bytes[54]}",
                (_, _, var next) => $"IPv6 header {next} before {frame.Bytes[54]}",
            });
            frame.Return();
        }

        kinds.Sort(StringComparer.Ordinal);
        const string Expected = "ICMP 3/4, ICMPv6 2, IPv6 header 0 before 44, IPv6 header 43 before 44, IPv6 header 44 before 6, " +
            "IPv6 header 44 before 60, IPv6 header 60 before 44, fragment of TCP, owned segment";
        Assert.Equal(Expected, string.Join(", ", kinds));
        Assert.Equal(0, bench.Server.Receive(_frames, Microseconds.Zero));
    }

    [KernelTheory]
    [InlineData(16, 128 * 1024)]
    [InlineData(60, 2048)]
    [InlineData(7, 40 * 1024 + 16)]
    public void The_ring_wraps_over_thousands_of_frames_returned_out_of_order(int slots, int slotSize)
    {
        using var bench = new PacketLinkBench(slots, slotSize);
        byte[] header = bench.Header(4);
        var random = new Random(2);
        int sent = 0;
        int seen = 0;
        while (seen < 20_000)
        {
            for (int i = random.Next(1, slots); i > 0; i--)
            {
                Assert.Equal(1, bench.Send(header, BitConverter.GetBytes(sent++)));
            }

            int count = 0;
            while (count < sent - seen)
            {
                int more = bench.Server.Receive(_frames.AsSpan(count), PacketLinkBench.Deadline);
                Assert.NotEqual(0, more);
                count += more;
            }

            for (int i = 0; i < count; i++)
            {
                Assert.Equal(seen++, BitConverter.ToInt32(_frames[i].Bytes[^4..]));
            }

            random.Shuffle(_frames.AsSpan(0, count));
            foreach (RxFrame frame in _frames.AsSpan(0, count))
            {
                frame.Return();
            }
        }

        Assert.Equal(0, bench.Server.Counters.RxDropped);
        Assert.Equal(sent, bench.Server.Counters.RxFrames);
    }

    [KernelFact]
    public void A_lent_slot_is_never_taken_for_a_new_frame_and_what_finds_no_slot_is_counted()
    {
        using var bench = new PacketLinkBench(ringSlots: 4, slotSize: 128 * 1024);
        byte[] header = bench.Header(1);
        for (byte i = 0; i < 6; i++)
        {
            bench.Send(header, [i]);
        }

        Assert.Equal(4, bench.Server.Receive(_frames, PacketLinkBench.Deadline));
        Assert.Equal(0, bench.Server.Receive(_frames.AsSpan(4), Microseconds.FromMilliseconds(20)));
        Assert.Equal(2, bench.Server.Counters.RxDropped);

        // The kernel waits for the slot after the one it filled last, whatever else is free.
        _frames[2].Return();
        bench.Send(header, [6]);
        Assert.Equal(0, bench.Server.Receive(_frames.AsSpan(4), Microseconds.FromMilliseconds(20)));
        Assert.Equal(3, bench.Server.Counters.RxDropped);
        _frames[0].Return();
        bench.Send(header, [7]);
        Assert.Equal(7, bench.Receive().Bytes[^1]);
        Assert.Equal([1, 3], [_frames[1].Bytes[^1], _frames[3].Bytes[^1]]);
        Assert.Throws<InvalidOperationException>(() => _frames[2].Return());
    }

    [KernelFact]
    public void Waiting_with_a_lent_frame_sleeps_also_after_much_work_without_a_sleep()
    {
        using var bench = new PacketLinkBench();
        for (int i = 0; i < 200; i++)
        {
            bench.Send(bench.Header(1), [1]);
            bench.Receive().Return();
        }

        bench.Send(bench.Header(1), [1]);
        RxFrame lent = bench.Receive();
        TimeSpan spent = Hold(bench);
        lent.Return();
        Assert.True(spent < TimeSpan.FromMilliseconds(25), $"{spent} of processor time in a wait of 200 ms");

        TimeSpan Hold(PacketLinkBench held)
        {
            TimeSpan before = TimeSpan.Zero;
            TimeSpan after = TimeSpan.Zero;
            var thread = new Thread(() =>
            {
                before = ThreadTime();
                held.Server.Receive(_frames, Microseconds.FromMilliseconds(200));
                after = ThreadTime();
            });
            thread.Start();
            thread.Join();
            return after - before;
        }
    }

    [KernelFact]
    public void A_frame_ends_a_wait_also_after_much_work_without_a_sleep()
    {
        using var bench = new PacketLinkBench();
        for (int i = 0; i < 200; i++)
        {
            bench.Send(bench.Header(1), [(byte)i]);
            RxFrame frame = bench.Receive();
            Assert.Equal((byte)i, frame.Bytes[^1]);
            frame.Return();
        }

        var sender = new Thread(() => bench.Send(bench.Header(1), [222]));
        Assert.Equal(0, bench.Server.Receive(_frames, Microseconds.FromMilliseconds(1)));
        sender.Start();
        Assert.Equal(222, bench.Receive().Bytes[^1]);
        sender.Join();
    }

    [KernelFact]
    public void A_wake_up_ends_a_wait_from_another_thread()
    {
        using var bench = new PacketLinkBench();
        for (int i = 0; i < 1000; i++)
        {
            var waker = new Thread(bench.Server.Wake);
            waker.Start();
            Assert.Equal(0, bench.Server.Receive(_frames, Microseconds.Never));
            waker.Join();
        }
    }

    [KernelFact]
    public void A_lent_frame_outlives_its_link()
    {
        using var bench = new PacketLinkBench();
        bench.Send(bench.Header(1), [7]);
        RxFrame frame = bench.Receive();
        bench.Server.Dispose();
        Assert.Equal(7, frame.Bytes[^1]);
        frame.Return();
        Assert.Throws<ObjectDisposedException>(() => bench.Server.Receive(_frames, Microseconds.Zero));
    }

    [KernelFact]
    public void Merged_segments_of_a_kernel_sender_keep_their_segment_size()
    {
        using var bench = new PacketLinkBench(ringSlots: 1024);
        using Socket listener = bench.Hosts.Server.Listen(port: PacketLinkBench.ServerPort);
        using Socket client = bench.Hosts.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        client.Connect(listener.LocalEndPoint!);
        using Socket server = listener.Accept();
        byte[] payload = new byte[1 << 18];
        client.Send(payload);
        for (int received = 0; received < payload.Length;)
        {
            received += server.Receive(payload);
        }

        int largest = 0;
        for (int count; (count = bench.Server.Receive(_frames, Microseconds.Zero)) > 0;)
        {
            foreach (RxFrame frame in _frames.AsSpan(0, count))
            {
                if (frame.Length > 1514)
                    Assert.Equal(1448, frame.SegmentSize);
                largest = Math.Max(largest, frame.Length);
                frame.Return();
            }
        }

        Assert.True(largest > 10_000, $"The largest frame had {largest} bytes.");
    }

    // The first field is what the thread has run, in nanoseconds, to the switch.
    private static TimeSpan ThreadTime()
    {
        string[] fields = File.ReadAllText("/proc/thread-self/schedstat").Split(' ');
        return TimeSpan.FromMicroseconds(long.Parse(fields[0], CultureInfo.InvariantCulture) / 1000);
    }
}
