using System.Net.Sockets;
using TcpActors.Engine.State;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>RFC 9293 3.3.1: what the list says of a connection's sequence numbers while the kernel has it.</summary>
public sealed class SequenceSpecs(ITestOutputHelper output)
{
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task After_an_upload_they_are_those_that_the_next_offload_reads(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using TrafficConnection line = await TrafficConnection.OpenAsync(hosts.Server, hosts.Client, family, output);
        Task echo = TrafficStream.EchoAsync(line.Served);
        await FenceLine.EchoAsync(line.Client, 1 << 20);
        await line.MoveToAndFroAsync();
        await FenceLine.EchoAsync(line.Client, 1 << 20);
        await TrafficStream.UntilAsync(() => line.Served.Half.Query().Flight == 0).WaitAsync(TrafficConnection.Patience);

        SegmentVariants inKernel = line.Served.Half.Query();
        await line.OffloadAsync();

        SegmentVariants inToe = line.Served.Memory.Slot.Read(out _);
        Assert.Equal((inToe.SndUna, inToe.SndMax, inToe.RcvNxt), (inKernel.SndUna, inKernel.SndMax, inKernel.RcvNxt));
        Assert.NotEqual(default, inKernel.RcvNxt);
        line.Client.Shutdown(SocketShutdown.Send);
        await echo.WaitAsync(TrafficConnection.Patience);
    }
}
