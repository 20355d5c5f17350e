using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using TcpActors.Bench.Lab;
using TcpActors.HostSide;
using TcpActors.HostSide.Kernel;
using TcpActors.Transport.Linux.Tcp;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>Sockets that are unlike most, while the kernel owns them and on their way out of it and back.</summary>
public sealed class KernelHalfSpecs(ITestOutputHelper output)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_peer_with_segments_larger_than_TCP_MAXSEG_takes_comes_back(AddressFamily family)
    {
        using var hosts = new TwoHosts(mtu: 40_000);
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        await using ConnectionListener listener = host.Listen(new IPEndPoint(hosts.Server.Address(family), 0));
        using Socket client = await FenceLine.ConnectAsync(hosts.Client, listener.EndPoint);
        await using Connection connection = await FenceLine.AcceptAsync(listener);
        for (int move = 0; move < 3; move++)
        {
            Assert.Empty((await connection.OffloadAsync().WaitAsync(s_patience)).Refused);
            await ExchangeAsync(connection, client);
            Assert.Empty((await connection.UploadAsync().WaitAsync(s_patience)).Refused);
            await ExchangeAsync(connection, client);
        }
    }

    [KernelFact]
    public async Task A_host_without_delay_has_no_Nagle_on_what_it_accepts_and_opens()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output, new OffloadHostOptions { NoDelay = true });
        await using ConnectionListener listener = host.Listen(new IPEndPoint(hosts.Server.Address(AddressFamily.InterNetwork), 0));
        using Socket client = await FenceLine.ConnectAsync(hosts.Client, listener.EndPoint);
        await using Connection accepted = await FenceLine.AcceptAsync(listener);
        using Socket elsewhere = hosts.Client.Listen(AddressFamily.InterNetwork);
        await using Connection opened = await host.ConnectAsync((IPEndPoint)elsewhere.LocalEndPoint!).WaitAsync(s_patience);

        Assert.Empty((await host.OffloadAsync().WaitAsync(s_patience)).Refused);

        IReadOnlyList<ConnectionReport> reports = await host.ListAsync().WaitAsync(s_patience);
        Assert.Equal(2, reports.Count);
        Assert.All(reports, report => Assert.False(report.Segment!.NagleEnabled));
    }

    [KernelTheory]
    [InlineData(null, "reno")]
    [InlineData("bbr", "bbr")]
    public async Task The_congestion_control_is_the_hosts_choice_or_that_of_the_socket(string? choice, string expected)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(
            output, new OffloadHostOptions { Toes = [new ToeOptions("server0")], CongestionControl = choice });
        using Socket listener = hosts.Server.Listen(AddressFamily.InterNetwork);
        using Socket client = await FenceLine.ConnectAsync(hosts.Client, (IPEndPoint)listener.LocalEndPoint!);
        Socket accepted = await listener.AcceptAsync();
        accepted.SetRawSocketOption(TcpOption.LevelTcp, TcpOption.Congestion, "reno"u8);
        await using Connection connection = host.Adopt(accepted, isActive: false);
        Assert.Empty((await connection.OffloadAsync().WaitAsync(s_patience)).Refused);

        Assert.Equal(expected, Assert.Single(await host.ListAsync().WaitAsync(s_patience)).Segment!.CongestionControl);

        Assert.Empty((await connection.UploadAsync().WaitAsync(s_patience)).Refused);
        await ExchangeAsync(connection, client);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_socket_bound_to_a_device_gets_the_FIN_that_its_TOE_saw(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output, new OffloadHostOptions { Toes = [new ToeOptions("server0")] });
        using Socket listener = hosts.Server.Listen(family);
        using Socket client = await FenceLine.ConnectAsync(hosts.Client, (IPEndPoint)listener.LocalEndPoint!);
        Socket accepted = await listener.AcceptAsync();
        accepted.SetRawSocketOption(TcpOption.LevelSocket, TcpOption.BindToDevice, "server0\0"u8);
        await using Connection connection = host.Adopt(accepted, isActive: false);
        Assert.Empty((await connection.OffloadAsync().WaitAsync(s_patience)).Refused);

        client.Shutdown(SocketShutdown.Send);

        Assert.True((await connection.Input.ReadAsync().AsTask().WaitAsync(s_patience)).IsCompleted);
        await connection.Output.WriteAsync("bye"u8.ToArray()).AsTask().WaitAsync(s_patience);
        await connection.Output.CompleteAsync();
        Assert.Equal("bye"u8.ToArray(), await FenceLine.ReceiveAsync(client, 3));
        Assert.Equal(0, await client.ReceiveAsync(new byte[1]).WaitAsync(s_patience));
    }

    [KernelFact]
    public void A_priority_survives_a_type_of_service()
    {
        using var from = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var to = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        from.SetInt(TcpOption.LevelIPv4, TcpOption.IPv4Tos, 0x48);
        from.SetInt(TcpOption.LevelSocket, TcpOption.Priority, 3);

        SocketOptions.Of(from).Apply(to, fresh: SocketOptions.Of(to));

        Assert.Equal((0x48, 3), (to.GetInt(TcpOption.LevelIPv4, TcpOption.IPv4Tos), to.GetInt(TcpOption.LevelSocket, TcpOption.Priority)));
    }

    [KernelFact]
    public async Task No_buffer_memory_left_stops_a_reader_until_there_is_some()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output, new OffloadHostOptions { BufferMemoryLimit = 1 << 20 });
        await using ConnectionListener listener = host.Listen(new IPEndPoint(hosts.Server.IPv4, 0));
        using Socket client = await FenceLine.ConnectAsync(hosts.Client, listener.EndPoint);
        await using Connection connection = await FenceLine.AcceptAsync(listener);
        byte[] bytes = new byte[8 << 20];
        new Random(1).NextBytes(bytes);

        Task sent = client.SendAsync(bytes).WaitAsync(s_patience);
        await FenceLine.UntilAsync(() => connection.Memory.Receive.Unread >= 512 << 10, "the memory is nearly full");

        byte[] received = new byte[bytes.Length];
        for (int at = 0; at < received.Length;)
        {
            int count = await connection.ReceiveAsync(received.AsMemory(at)).AsTask().WaitAsync(s_patience);
            Assert.NotEqual(0, count);
            at += count;
        }

        Assert.True(bytes.AsSpan().SequenceEqual(received));
        await sent;
    }

    [KernelFact]
    public async Task One_that_lingers_does_not_hold_up_the_others()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        using Socket listener = hosts.Server.Listen();
        var end = (IPEndPoint)listener.LocalEndPoint!;
        using Socket silent = await FenceLine.ConnectAsync(hosts.Client, end);
        Socket accepted = await listener.AcceptAsync();
        accepted.LingerState = new LingerOption(enable: true, seconds: 60);
        await using Connection lingering = host.Adopt(accepted, isActive: false);
        using Socket client = await FenceLine.ConnectAsync(hosts.Server, end);
        await using Connection other = host.Adopt(await listener.AcceptAsync(), isActive: false);
        await ExchangeAsync(other, client);

        // The peer acknowledges nothing any more: a close that lingers waits for a minute.
        using (hosts.Client.Run(() => RandomLoss.At("client0", oneOf: 1)))
        {
            await lingering.Output.WriteAsync(new byte[1000]).AsTask().WaitAsync(s_patience);
            await lingering.Output.CompleteAsync();
            await lingering.Input.CompleteAsync();
            await FenceLine.UntilAsync(() => lingering.Closed.IsCompleted, "it is closed");
            await ExchangeAsync(other, client);
        }
    }

    private static async Task ExchangeAsync(Connection connection, Socket client)
    {
        await client.SendAsync("there"u8.ToArray()).WaitAsync(s_patience);
        ReadResult read = await connection.Input.ReadAtLeastAsync(5).AsTask().WaitAsync(s_patience);
        Assert.Equal(5, read.Buffer.Length);
        connection.Input.AdvanceTo(read.Buffer.End);
        await connection.Output.WriteAsync("back"u8.ToArray()).AsTask().WaitAsync(s_patience);
        Assert.Equal("back"u8.ToArray(), await FenceLine.ReceiveAsync(client, 4));
    }
}
