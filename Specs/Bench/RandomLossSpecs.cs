using System.Buffers.Binary;
using System.Net.Sockets;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Measuring;
using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Specs.Kernel;
using TcpActors.Transport.Linux.Netlink;
using Xunit;

namespace TcpActors.Specs.Bench;

/// <summary>What rows under loss rely on: that what is lost is lost for the engine too, and that what was sent twice is seen.</summary>
public sealed class RandomLossSpecs
{
    private const ushort IPv4 = 0x0800;
    private const ushort EveryProtocol = 0x0003;
    private const int Microseconds = 1_000_000;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [KernelFact]
    public void A_segment_that_is_lost_at_ingress_reaches_no_packet_socket_of_its_protocol()
    {
        using var hosts = new TwoHosts();
        using KernelConnection connection = hosts.Connect();
        using Socket packets = PacketSocket(hosts.Server, IPv4);
        using Socket everything = PacketSocket(hosts.Server, EveryProtocol);
        using (hosts.Server.Run(() => RandomLoss.At(hosts.Server.Link, oneOf: 1)))
        {
            connection.Client.Send("lost"u8);

            byte[] frame = new byte[2048];
            while (!frame.AsSpan(0, everything.Receive(frame)).EndsWith("lost"u8))
            {
            }

            Assert.False(packets.Poll(Microseconds / 10, SelectMode.SelectRead));
        }

        Assert.True(packets.Poll(10 * Microseconds, SelectMode.SelectRead), "what TCP sends again is not seen");
    }

    [KernelFact]
    public void A_segment_that_comes_twice_is_counted_in_the_capture_and_by_the_kernel()
    {
        using var hosts = new TwoHosts();
        using KernelConnection connection = hosts.Connect();
        using DuplicateCapture capture = hosts.Client.Run(() => new DuplicateCapture(hosts.Client.Link));
        KernelCounts before = hosts.Server.Run(KernelCounts.Read);

        // The acknowledgement is lost until the segment was sent again.
        OwnedTable loss = hosts.Client.Run(() => RandomLoss.At(hosts.Client.Link, oneOf: 1));
        connection.Client.Send(new byte[1000]);
        Until(() => hosts.Server.Run(KernelCounts.Read).Since(before).DuplicatesReported > 0);
        loss.Dispose();

        DuplicateReports reports = default;
        Until(() => (reports = capture.Take()).Count > 0);
        Assert.Equal(1000, reports.Bytes / reports.Count);

        void Until(Func<bool> isSo)
        {
            long start = TimeProvider.System.GetTimestamp();
            while (!isSo())
            {
                Assert.True(TimeProvider.System.GetElapsedTime(start) < s_patience, "nothing came twice");
                connection.Server.Poll(Microseconds / 100, SelectMode.SelectError);
            }
        }
    }

    [Theory]
    [InlineData(2000, new uint[] { 1000, 2000 }, true)]
    [InlineData(2000, new uint[] { 1000, 2000, 3000, 4000 }, true)]
    [InlineData(2000, new uint[] { 3000, 4000 }, false)]
    [InlineData(2000, new uint[] { 3000, 4000, 3000, 5000 }, true)]
    [InlineData(2000, new uint[] { 3000, 4000, 5000, 6000 }, false)]
    [InlineData(2000, new uint[] { 2500, 4000, 3000, 5000 }, false)]
    [InlineData(100, new uint[] { 0xffff_fff0, 10 }, true)]
    [InlineData(0xffff_ff00, new uint[] { 0xffff_fff0, 10 }, false)]
    [InlineData(2000, new uint[] { }, false)]
    public void A_first_block_below_the_acknowledgement_or_within_the_second_reports_a_duplicate(uint ack, uint[] edges, bool isReport)
    {
        SackBlocks blocks = default;
        foreach (uint[] edge in edges.Chunk(2))
        {
            blocks.Add(new SackBlock(new SeqNum(edge[0]), new SeqNum(edge[1])));
        }

        Assert.Equal(isReport, DuplicateCapture.IsDuplicateReport(new SeqNum(ack), blocks));
    }

    private static Socket PacketSocket(SpecHost host, ushort protocol) => host.Run(() => new Socket(
        AddressFamily.Packet, SocketType.Raw, (ProtocolType)BinaryPrimitives.ReverseEndianness(protocol))
    { ReceiveTimeout = 10_000 });
}
