using System.Net.Sockets;
using TcpActors.HostSide;
using TcpActors.HostSide.Kernel;
using TcpActors.Transport.Linux.Netlink;
using TcpActors.Transport.Linux.Tcp;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>A peer that puts IPv6 options in front of each segment, as RFC 8200 4 lets it.</summary>
public sealed class ExtensionHeaderSpecs(ITestOutputHelper output)
{
    private const int HopByHop = 0;
    private const int Destination = 60;
    private const uint Mark = 0x7c9a_0001;

    [KernelTheory]
    [InlineData(Destination, true)]
    [InlineData(Destination, false)]
    [InlineData(HopByHop, true)]
    [InlineData(HopByHop, false)]
    public async Task Segments_behind_options_reach_whoever_owns_the_connection(int header, bool bpf)
    {
        using var hosts = new TwoHosts();
        await using TrafficConnection line = await TrafficConnection.OpenAsync(
            hosts.Server, hosts.Client, AddressFamily.InterNetworkV6, output,
            prepare: client => SendOptions(client, header), fences: new HostFences(UseBpf: bpf));
        using var tap = BpfRawPort.Tap(hosts.Server.Namespace, hosts.Server.LinkIndex);

        await line.OffloadAsync();
        await line.Client.SendAsync(new byte[1000]);
        Assert.Equal(header, tap.Receive()[20]);
        Assert.Equal(1000, await line.Served.ReceiveAsync(new byte[1000]).AsTask().WaitAsync(TrafficConnection.Patience));
        await line.EchoWhileMovingAsync(moves: 20, bytes: 4 << 20, seed: 3);

        Assert.True(line.Moves >= 20, $"only {line.Moves} moves");
    }

    [KernelTheory]
    [InlineData(Destination, true)]
    [InlineData(Destination, false)]
    [InlineData(HopByHop, true)]
    [InlineData(HopByHop, false)]
    public async Task An_offloaded_connection_whose_segments_have_options_has_every_segment_and_the_kernel_none(int header, bool bpf)
    {
        using var hosts = new TwoHosts();
        await using TrafficConnection line = await TrafficConnection.OpenAsync(
            hosts.Server, hosts.Client, AddressFamily.InterNetworkV6, output,
            prepare: client => SendOptions(client, header), fences: new HostFences(UseBpf: bpf));
        await line.OffloadAsync();
        Task echo = TrafficStream.EchoAsync(line.Served);
        long resets = FenceLine.TcpCounter(hosts.Server, "OutRsts");

        for (int i = 0; i < 100; i++)
        {
            await FenceLine.EchoAsync(line.Client);
        }

        Assert.Equal((1L, 0UL), (line.Moves, (ulong)line.Client.GetTcpInfo().BytesRetransmitted));
        Assert.Equal(resets, FenceLine.TcpCounter(hosts.Server, "OutRsts"));
        line.Client.Shutdown(SocketShutdown.Send);
        await echo.WaitAsync(TrafficConnection.Patience);
    }

    [KernelTheory]
    [InlineData(Destination)]
    [InlineData(HopByHop)]
    public void What_reached_a_TOE_with_options_is_injected_with_them(int header)
    {
        using var hosts = new TwoHosts();
        using KernelConnection both = hosts.Connect(AddressFamily.InterNetworkV6);
        using var steering = hosts.Server.Run(() => new FlowSetSteering(hosts.Server.Link, Mark));
        using var marked = BpfRawPort.Marked(hosts.Server.Namespace, hosts.Server.LinkIndex, ipv6: true, Mark);
        using var reinjector = hosts.Server.Run(() => new Reinjector());
        SendOptions(both.Client, header);
        steering.Claim(both.ServerFlow);

        both.Client.Send("behind options"u8);
        byte[] frame = marked.Receive();
        Assert.Equal(header, frame[20]);
        Assert.False(both.Server.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectRead));
        reinjector.Inject(frame.AsSpan(14), scope: 0);

        Assert.Equal((1, 0), (reinjector.Injected, reinjector.Dropped));
        both.Server.ReceiveTimeout = 10_000;
        byte[] received = new byte[100];
        Assert.Equal("behind options"u8, received.AsSpan(0, both.Server.Receive(received)));
    }

    // Eight bytes of options, all padding (RFC 8200 4.2); the kernel fills in the next header.
    private static void SendOptions(Socket socket, int header)
    {
        const int hopByHopOptions = 54;
        const int destinationOptions = 59;
        socket.SetRawSocketOption(TcpOption.LevelIPv6, header == HopByHop ? hopByHopOptions : destinationOptions, [0, 0, 1, 4, 0, 0, 0, 0]);
    }
}
