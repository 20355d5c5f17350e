using System.Net;
using System.Net.Sockets;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.Transport.Linux.Bpf;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>While a flow is owned, nobody else on the machine notices, and nobody else disturbs it.</summary>
public sealed class InterferenceSpecs(ITestOutputHelper output)
{
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task The_listener_restarts_and_others_listen(AddressFamily family)
    {
        await using FenceLine line = await FenceLine.StartAsync(family, output);
        await line.OffloadAsync();

        // On the same port again, and on another.
        await line.Listener.DisposeAsync();
        foreach (int port in new[] { line.Listener.EndPoint.Port, 0 })
        {
            await using ConnectionListener again = line.Host.Listen(new IPEndPoint(line.Hosts.Server.Address(family), port));
            using Socket client = await FenceLine.ConnectAsync(line.Hosts.Client, again.EndPoint);
            Connection accepted = await FenceLine.AcceptAsync(again);
            line.BeginEcho(accepted);
            await FenceLine.OffloadAsync(accepted);
            await FenceLine.EchoAsync(client, 1 << 20);
            await FenceLine.EchoAsync(line.Client, 1 << 20);
        }

        // Somebody else's server takes the port over, and the connection comes back beside it.
        using Socket plain = line.Hosts.Server.Listen(family, line.Listener.EndPoint.Port);
        await EchoPlainAsync(plain, line.Hosts.Client);
        await FenceLine.EchoAsync(line.Client, 1 << 20);
        Assert.Equal(1, (await line.Connection.UploadAsync()).Moved);
        await EchoPlainAsync(plain, line.Hosts.Client);
        await FenceLine.EchoAsync(line.Client, 1 << 20);
        await line.OffloadAsync();
        await EchoPlainAsync(plain, line.Hosts.Client);
        await FenceLine.EchoAsync(line.Client, 1 << 20);
        Assert.Equal(0, FenceLine.TcpCounter(line.Hosts.Client, "EstabResets"));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Others_connect_from_the_peer_and_to_the_peer(AddressFamily family)
    {
        await using FenceLine line = await FenceLine.StartAsync(family, output);
        await line.OffloadAsync();
        using Socket ours = line.Hosts.Server.Listen(family);
        using Socket theirs = line.Hosts.Client.Listen(family);

        for (int i = 0; i < 20; i++)
        {
            Task owned = FenceLine.EchoAsync(line.Client, 1 << 20);
            await EchoPlainAsync(ours, line.Hosts.Client);
            await EchoPlainAsync(theirs, line.Hosts.Server);
            await owned;
        }

        Assert.NotEqual("kernel", (await line.ReportAsync()).Owner, StringComparer.Ordinal);
        Assert.Equal(0, FenceLine.TcpCounter(line.Hosts.Client, "EstabResets"));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork, true, true)]
    [InlineData(AddressFamily.InterNetworkV6, true, true)]
    [InlineData(AddressFamily.InterNetwork, true, false)]
    [InlineData(AddressFamily.InterNetworkV6, false, false)]
    public async Task Two_hosts_work_side_by_side_on_one_interface(AddressFamily family, bool firstByBpf, bool secondByBpf)
    {
        await using FenceLine line = await FenceLine.StartAsync(family, output, new HostFences(UseBpf: firstByBpf));
        await line.OffloadAsync();
        OffloadHost second = line.Hosts.Server.Run(() => OffloadHost.Create(new OffloadHostOptions
        {
            Policy = OffloadPolicies.Never,
            LoggerFactory = new SpecLog(output),
            Fences = new HostFences(UseBpf: secondByBpf),
        }));
        ConnectionListener listener = second.Listen(new IPEndPoint(line.Hosts.Server.Address(family), 0));
        using Socket client = await FenceLine.ConnectAsync(line.Hosts.Client, listener.EndPoint);
        Connection connection = await FenceLine.AcceptAsync(listener);
        line.BeginEcho(connection);
        await FenceLine.OffloadAsync(connection);

        for (int i = 0; i < 10; i++)
        {
            await Task.WhenAll(FenceLine.EchoAsync(line.Client, 1 << 20), FenceLine.EchoAsync(client, 1 << 20));
        }

        // Each moves and ends without the other's noticing.
        Assert.Equal(1, (await connection.UploadAsync()).Moved);
        await FenceLine.OffloadAsync(connection);
        await Task.WhenAll(FenceLine.EchoAsync(line.Client, 1 << 20), FenceLine.EchoAsync(client, 1 << 20));
        await listener.DisposeAsync();
        await second.DisposeAsync();
        await FenceLine.EchoAsync(line.Client, 1 << 20);
        Assert.Equal(0, await client.ReceiveAsync(new byte[1]));
        Assert.Equal(0, FenceLine.TcpCounter(line.Hosts.Client, "EstabResets"));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Another_partys_firewall_and_programs_keep_working(AddressFamily family)
    {
        await using FenceLine line = await FenceLine.StartAsync(family, output);
        SpecHost server = line.Hosts.Server;
        using var counts = new BpfMap<uint, long>(BpfMapType.PerCpuArray, 2, "others"u8);
        using var program = BpfProgram.Load("counts_0"u8, BpfCoexistenceSpecs.Counting(counts.Descriptor, index: 0));
        using TcxLink theirs = server.Run(() => TcxLink.AttachAtHead(program, TcxHook.Ingress, server.LinkIndex));
        using var firewall = server.Run(() => NetlinkFirewall.Stateful((ushort)line.Listener.EndPoint.Port));
        using Socket unlisted = server.Listen(family);

        for (int i = 0; i < 5; i++)
        {
            await line.OffloadAsync();
            await FenceLine.EchoAsync(line.Client, 1 << 20);
            Assert.Equal(1, (await line.Connection.UploadAsync()).Moved);
            await FenceLine.EchoAsync(line.Client, 1 << 20);
        }

        // Their rule still drops what it dropped, their program still sees what passes.
        await line.OffloadAsync();
        using Socket stranger = line.Hosts.Client.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await stranger.ConnectAsync(unlisted.LocalEndPoint!, patience.Token));
        await FenceLine.EchoAsync(line.Client, 1 << 20);
        if (family == AddressFamily.InterNetwork)
        {
            Assert.True(BpfCoexistenceSpecs.Total(counts, 0) > 100, "their program does not see the frames");
        }
    }

    /// <summary>A plain kernel connection to a plain listener, with data both ways and an orderly end.</summary>
    private static async Task EchoPlainAsync(Socket listener, SpecHost from)
    {
        using Socket client = await FenceLine.ConnectAsync(from, (IPEndPoint)listener.LocalEndPoint!);
        using Socket server = await listener.AcceptAsync();
        await client.SendAsync("ping"u8.ToArray());
        Assert.Equal("ping"u8.ToArray(), await FenceLine.ReceiveAsync(server, 4));
        await server.SendAsync("pong"u8.ToArray());
        Assert.Equal("pong"u8.ToArray(), await FenceLine.ReceiveAsync(client, 4));
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await server.ReceiveAsync(new byte[1]));
    }
}
