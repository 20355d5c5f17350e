using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using TcpActors.HostSide.Statistics;
using TcpActors.Transport.Linux.Tcp;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>What is counted of a connection that kernel and TOE own in turn, against what its peer's kernel counts at the other end.</summary>
public sealed class KernelStatisticsSpecs(ITestOutputHelper output)
{
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Counts_go_on_over_every_stay_in_the_kernel_and_with_the_TOE(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        long received = 0;
        long sent = 0;
        for (int round = 0; round < 3; round++)
        {
            await ExchangeAsync(100_001, 50_003);
            await line.OffloadAsync();
            await ExchangeAsync(300_007, 70_009);
            await line.UploadAsync();
        }

        await ExchangeAsync(1, 1);
        line.Client.Shutdown(SocketShutdown.Send);
        Assert.True((await line.Served.Input.ReadAsync().AsTask().WaitAsync(TrafficConnection.Patience)).IsCompleted);

        ConnectionStatistics end = await StatisticsAsync();
        Assert.Equal((received, sent), (end.Received.Bytes, end.Sent.Bytes));
        Assert.Equal(6, end.Moves.Count);
        Assert.Equal((1, true, false), (end.State.TcpChanges, end.State.IsInputEnded, end.State.IsOutputEnded));

        // The peer's kernel has counted every segment of the connection's life, on the same wire. A SYN is not a socket's before it is
        // accepted, and of the last ones some may be under way.
        TcpInfo peer = line.Client.GetTcpInfo();
        output.WriteLine($"received {end.Received.Segments} of {peer.SegmentsSent}, sent {end.Sent.Segments} of {peer.SegmentsReceived}");
        Assert.InRange(end.Received.Segments, peer.SegmentsSent - 4, peer.SegmentsSent);
        Assert.InRange(end.Sent.Segments, peer.SegmentsReceived - 4, peer.SegmentsReceived + 4);

        async Task ExchangeAsync(int toServer, int toClient)
        {
            Task<int> sending = line.Client.SendAsync(new byte[toServer], SocketFlags.None);
            for (long left = toServer; left > 0;)
            {
                ReadResult read = await line.Served.Input.ReadAsync().AsTask().WaitAsync(TrafficConnection.Patience);
                left -= read.Buffer.Length;
                line.Served.Input.AdvanceTo(read.Buffer.End);
            }

            Assert.Equal(toServer, await sending);
            ValueTask<FlushResult> writing = line.Served.Output.WriteAsync(new byte[toClient]);
            byte[] bytes = ArrayPool<byte>.Shared.Rent(toClient);
            for (int left = toClient; left > 0;)
            {
                left -= await line.Client.ReceiveAsync(bytes.AsMemory(0, left)).AsTask().WaitAsync(TrafficConnection.Patience);
            }

            await writing;
            ArrayPool<byte>.Shared.Return(bytes);
            (received, sent) = (received + toServer, sent + toClient);
            ConnectionStatistics now = await StatisticsAsync();
            Assert.Equal((received, sent), (now.Received.Bytes, now.Sent.Bytes));
        }

        async Task<ConnectionStatistics> StatisticsAsync() =>
            Assert.Single((await line.Host!.ReportAsync().WaitAsync(TrafficConnection.Patience)).Connections).Statistics;
    }
}
