using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using TcpActors.HostSide.Kernel;
using TcpActors.Transport.Linux.Tcp;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// Three fences keep an owned flow from the kernel. Each spec shows, over the whole product, that a harm does not happen with all three,
/// and that it does when one alone is taken out.
/// </summary>
public sealed class FenceSpecs(ITestOutputHelper output)
{
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, true)]
    [InlineData(AddressFamily.InterNetworkV6, true)]
    [InlineData(AddressFamily.InterNetwork, false)]
    [InlineData(AddressFamily.InterNetworkV6, false)]
    public async Task Without_the_receive_mark_the_owner_hears_nothing(AddressFamily family, bool bpf)
    {
        await using (FenceLine whole = await FenceLine.StartAsync(family, output, new HostFences(UseBpf: bpf)))
        {
            await whole.OffloadAsync();
            await FenceLine.EchoAsync(whole.Client, 4 << 20);
            Assert.NotEqual("kernel", (await whole.ReportAsync()).Owner, StringComparer.Ordinal);
        }

        await using FenceLine line = await FenceLine.StartAsync(family, output, new HostFences(bpf) { Parts = new(MarkReceived: false) });
        await line.OffloadAsync();
        SeqNum before = (await line.ReportAsync()).Variants.RcvNxt;
        await line.Client.SendAsync("nobody hears this"u8.ToArray());
        await FenceLine.UntilAsync(() => Retransmissions(line.Client) >= 3, "three retransmissions of the client");

        ConnectionReport report = await line.ReportAsync();
        Assert.Equal(before, report.Variants.RcvNxt);
        Assert.NotEqual("kernel", report.Owner, StringComparer.Ordinal);
        Assert.True(line.ServerResets > 0, "the frames went to nobody, not even to the kernel");
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, true)]
    [InlineData(AddressFamily.InterNetworkV6, true)]
    [InlineData(AddressFamily.InterNetwork, false)]
    [InlineData(AddressFamily.InterNetworkV6, false)]
    public async Task Without_the_kernel_drop_the_kernel_answers_segments_of_the_flow(AddressFamily family, bool bpf)
    {
        await using (FenceLine whole = await FenceLine.StartAsync(family, output, new HostFences(UseBpf: bpf)))
        {
            await whole.OffloadAsync();
            long received = whole.TcpCounter("InSegs");
            await FenceLine.EchoAsync(whole.Client, 4 << 20);
            Assert.Equal((0, received), (whole.ServerResets, whole.TcpCounter("InSegs")));
        }

        await using FenceLine line = await FenceLine.StartAsync(family, output, new HostFences(bpf) { Parts = new(DropInKernel: false) });
        await line.OffloadAsync();
        await FenceLine.EchoAsync(line.Client, 4 << 20);

        // The connection lives only because the send fence stops them.
        Assert.True(line.ServerResets > 0, "the kernel did not answer");
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, true)]
    [InlineData(AddressFamily.InterNetworkV6, true)]
    [InlineData(AddressFamily.InterNetwork, false)]
    [InlineData(AddressFamily.InterNetworkV6, false)]
    public async Task Without_the_send_fence_the_kernel_resets_the_peer(AddressFamily family, bool bpf)
    {
        await using (FenceLine whole = await FenceLine.StartAsync(family, output, new HostFences(UseBpf: bpf)))
        {
            await whole.OffloadAsync();
            await LateSegmentAsync(whole);
            await FenceLine.UntilAsync(() => whole.ServerResets == 1, "the kernel's reset");
            await FenceLine.EchoAsync(whole.Client);
        }

        await using FenceLine line = await FenceLine.StartAsync(family, output, new HostFences(bpf) { Parts = new(FenceSent: false) });
        await line.OffloadAsync();
        await LateSegmentAsync(line);

        await AssertResetAsync(line.Client);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, true)]
    [InlineData(AddressFamily.InterNetworkV6, true)]
    [InlineData(AddressFamily.InterNetwork, false)]
    [InlineData(AddressFamily.InterNetworkV6, false)]
    public async Task Without_the_send_fence_a_stale_owners_frame_reaches_the_peer(AddressFamily family, bool bpf)
    {
        await using (FenceLine whole = await FenceLine.StartAsync(family, output, new HostFences(UseBpf: bpf)))
        {
            await whole.OffloadAsync();
            Assert.False(await StaleResetAsync(whole), "it left");
            await FenceLine.EchoAsync(whole.Client);
        }

        await using FenceLine line = await FenceLine.StartAsync(family, output, new HostFences(bpf) { Parts = new(FenceSent: false) });
        await line.OffloadAsync();
        Assert.True(await StaleResetAsync(line), "it did not leave");

        await AssertResetAsync(line.Client);
    }

    /// <summary>
    /// A segment that had passed the interface's ingress before the claim reaches the kernel after it: here over loopback, which nobody
    /// steers.
    /// </summary>
    private static async Task LateSegmentAsync(FenceLine line)
    {
        SegmentVariants now = (await line.ReportAsync()).Variants;
        byte[] packet = FenceFrames.Acknowledgement(line.Connection, now);
        line.Hosts.Server.Run(() =>
        {
            using var reinjector = new Reinjector();
            reinjector.Inject(packet, scope: 0);
            Assert.Equal(1, reinjector.Injected);
        });
    }

    /// <summary>An owner of the flow from before sends a reset that the peer would believe.</summary>
    /// <returns>Whether it left.</returns>
    private static async Task<bool> StaleResetAsync(FenceLine line)
    {
        const uint staleMark = 0x00abc001;
        SegmentVariants now = (await line.ReportAsync()).Variants;
        using var stale = BpfRawPort.Sender(line.Hosts.Server.Namespace, line.Hosts.Server.LinkIndex, staleMark);
        try
        {
            stale.Send(FenceFrames.Reset(line.Connection, now, line.Hosts.Server.Mac, line.Hosts.Client.Mac));
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.NoBufferSpaceAvailable)
        {
            return false;
        }
    }

    private static async Task AssertResetAsync(Socket client)
    {
        var failure = await Assert.ThrowsAsync<SocketException>(() => FenceLine.ReceiveAsync(client, 1));
        Assert.Equal(SocketError.ConnectionReset, failure.SocketErrorCode);
    }

    /// <summary>tcpi_total_retrans.</summary>
    private static uint Retransmissions(Socket socket)
    {
        byte[] info = new byte[104];
        socket.GetRawSocketOption(TcpOption.LevelTcp, TcpOption.Info, info);
        return BitConverter.ToUInt32(info, 100);
    }
}
