using System.Buffers.Binary;
using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.Transport.Links;
using TcpActors.Transport.Linux;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>A packet link with several receive queues.</summary>
public sealed class ReceiveQueueSpecs
{
    private const int Queues = 4;
    private const int Flows = 64;
    private const int EachFlow = 20;

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void Every_frame_comes_out_of_one_queue_those_of_a_flow_of_the_same_one_in_order(AddressFamily family)
    {
        using var bench = new PacketLinkBench(ringSlots: 4096, queues: Queues);
        for (int i = 0; i < EachFlow; i++)
        {
            for (int flow = 0; flow < Flows; flow++)
            {
                // A kernel that connects takes every second port.
                byte[] header = bench.Header(2, family);
                int transport = family == AddressFamily.InterNetwork ? 34 : 54;
                BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(transport), (ushort)(PacketLinkBench.ClientPort + (2 * flow)));
                Assert.Equal(1, bench.Send(header, [(byte)flow, (byte)i]));
            }
        }

        IReceiveQueue[] queues = [bench.Server, .. bench.Server.FurtherQueues];
        Assert.Equal(Queues, queues.Length);
        int[] next = new int[Flows];
        int[] queueOf = new int[Flows];
        Array.Fill(queueOf, -1);
        var frames = new RxFrame[64];
        for (int queue = 0; queue < Queues; queue++)
        {
            for (int count; (count = queues[queue].Receive(frames, Microseconds.Zero)) > 0;)
            {
                foreach (RxFrame frame in frames[..count])
                {
                    (int flow, int number) = (frame.Bytes[^2], frame.Bytes[^1]);
                    Assert.Equal(next[flow]++, number);
                    Assert.True(queueOf[flow] < 0 || queueOf[flow] == queue, $"flow {flow} comes out of {queueOf[flow]} and {queue}");
                    queueOf[flow] = queue;
                    frame.Return();
                }
            }
        }

        Assert.All(next, count => Assert.Equal(EachFlow, count));

        // That one of four gets none of 64 flows has a chance of 1 in 10^7.
        Assert.Equal(Queues, queueOf.Distinct().Count());
        Assert.Equal(Flows * EachFlow, bench.Server.Counters.RxFrames);
        Assert.Equal(0, bench.Server.Counters.RxDropped);
    }

    [KernelFact]
    public void Frames_that_the_link_sends_itself_come_out_of_no_queue()
    {
        // A group has a switch of its own for outgoing frames.
        using var bench = new PacketLinkBench(queues: Queues);
        Assert.Equal(1, bench.Send(bench.Header(1), [1], link: bench.Server));
        var frames = new RxFrame[1];
        Assert.All<IReceiveQueue>(
            [bench.Server, .. bench.Server.FurtherQueues], queue => Assert.Equal(0, queue.Receive(frames, Microseconds.Zero)));
    }

    [KernelFact]
    public void A_wake_up_ends_the_wait_of_its_own_queue()
    {
        using var bench = new PacketLinkBench(queues: 2);
        var frames = new RxFrame[1];
        IReceiveQueue second = bench.Server.FurtherQueues[0];
        second.Wake();
        Assert.Equal(0, second.Receive(frames, PacketLinkBench.Deadline));

        bench.Server.Wake();
        Assert.Equal(0, second.Receive(frames, Microseconds.FromMilliseconds(1)));
        Assert.Equal(0, bench.Server.Receive(frames, PacketLinkBench.Deadline));
    }

    [KernelFact]
    public void Two_links_on_one_interface_have_queues_of_their_own()
    {
        using var bench = new PacketLinkBench(queues: 2);
        using PacketLink another = PacketLinkBench.Open(bench.Hosts.Server, PacketLinkBench.ServerMark, queues: 3);
        Assert.Equal(1, bench.Send(bench.Header(1), [7]));
        var frames = new RxFrame[1];
        foreach (PacketLink link in new[] { bench.Server, another })
        {
            int count = 0;
            foreach (IReceiveQueue queue in new IReceiveQueue[] { link }.Concat(link.FurtherQueues))
            {
                if (queue.Receive(frames, Microseconds.Zero) == 1)
                {
                    count++;
                    frames[0].Return();
                }
            }

            Assert.Equal(1, count);
        }
    }

    [KernelTheory]
    [InlineData(0)]
    [InlineData(65)]
    public void A_number_of_queues_out_of_range_is_refused(int queues)
    {
        using var hosts = new TwoHosts();
        Assert.Equal(
            $"Queues is {queues}: 1 to 64.",
            Assert.Throws<LinkException>(() => PacketLinkBench.Open(hosts.Server, PacketLinkBench.ServerMark, queues: queues)).Message);
    }
}
