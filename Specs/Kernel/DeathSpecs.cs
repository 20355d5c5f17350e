using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using TcpActors.HostSide;
using TcpActors.Transport.Linux.Bpf;
using TcpActors.Transport.Linux.Netlink;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>A server that is killed leaves nothing behind; one that is asked to stop brings its connections to an orderly end.</summary>
public sealed class DeathSpecs : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("tcpactors-specs-");

    private string Control => Path.Combine(_directory.FullName, "control.sock");

    public void Dispose() => _directory.Delete(recursive: true);

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_killed_server_leaves_nothing_behind_and_the_next_one_starts_in_its_place(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        IPEndPoint server;
        await using (DeathChild killed = DeathChild.Serve(hosts.Server, new IPEndPoint(hosts.Server.Address(family), 0), Control))
        {
            server = await killed.ListeningAsync();
            using Socket client = await OffloadedAsync(hosts, server);
            Assert.NotEqual((0, 0, 0), Left(hosts));

            await killed.KillAsync();
        }

        await FenceLine.UntilAsync(() => Left(hosts) == (0, 0, 0), "no program on the interface, no table");
        Assert.True(File.Exists(Control), "the control socket of a killed server stays: that is the case to look at");

        await using DeathChild next = DeathChild.Serve(hosts.Server, server, Control);
        Assert.Equal(server, await next.ListeningAsync());
        using Socket again = await OffloadedAsync(hosts, server);
        await using DeathChild list = DeathChild.Start(hosts.Server, ["connections", "--control", Control]);
        Assert.Equal(0, await list.ExitAsync());
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_stopped_server_closes_idle_connections_in_order(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using DeathChild stopped = DeathChild.Serve(hosts.Server, new IPEndPoint(hosts.Server.Address(family), 0), Control);
        using Socket client = await OffloadedAsync(hosts, await stopped.ListeningAsync());

        stopped.Terminate();

        // FIN: a reset would throw.
        Assert.Equal(0, await client.ReceiveAsync(new byte[1]).WaitAsync(s_patience));
        Assert.Equal(0, await stopped.ExitAsync());
        Assert.Equal((0, 0, 0), Left(hosts));
        Assert.False(File.Exists(Control));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Two_servers_run_side_by_side_on_one_interface_and_one_outlives_the_other(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        var any = new IPEndPoint(hosts.Server.Address(family), 0);
        await using DeathChild first = DeathChild.Serve(hosts.Server, any, Control);
        await using DeathChild second = DeathChild.Serve(hosts.Server, any, Control + "2");
        using Socket ofFirst = await OffloadedAsync(hosts, await first.ListeningAsync());
        using Socket ofSecond = await OffloadedAsync(hosts, await second.ListeningAsync());
        await FenceLine.EchoAsync(ofFirst, 1 << 20);
        await FenceLine.EchoAsync(ofSecond, 1 << 20);

        // Each has its own connections only.
        await using DeathChild list = DeathChild.Start(hosts.Server, ["upload", "all", "--control", Control + "2"]);
        Assert.Equal(0, await list.ExitAsync());
        Assert.Equal(1, CurrentlyEstablished(hosts));
        await FenceLine.EchoAsync(ofFirst, 1 << 20);
        await FenceLine.EchoAsync(ofSecond, 1 << 20);

        await first.KillAsync();
        await FenceLine.EchoAsync(ofSecond, 1 << 20);
        using Socket another = await FenceLine.ConnectAsync(hosts.Client, await second.ListeningAsync());
        await FenceLine.EchoAsync(another, 1 << 20);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task What_a_stopped_server_has_written_still_reaches_a_slow_client(AddressFamily family)
    {
        const int sendBuffer = 4 << 20;
        using var hosts = new TwoHosts();

        // The server's kernel takes little of it at a time: the server must stay until all of it is taken.
        hosts.Server.Namespace.Sysctl("net.ipv4.tcp_wmem", "4096 16384 65536");
        await using DeathChild stopped = DeathChild.Serve(
            hosts.Server, new IPEndPoint(hosts.Server.Address(family), 0), Control, "chargen");
        using Socket client = await FenceLine.ConnectAsync(hosts.Client, await stopped.ListeningAsync());
        await FenceLine.UntilAsync(() => CurrentlyEstablished(hosts) == 0, "the offload");

        // The client's window and the server's buffers are full when nothing more comes.
        int before = -1;
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(500));
        while (client.Available is var now && (now == 0 || now != before))
        {
            before = now;
            await pause.WaitForNextTickAsync();
        }

        stopped.Terminate();
        await pause.WaitForNextTickAsync();
        await pause.WaitForNextTickAsync();

        byte[] block = new byte[256 << 10];
        long received = 0;
        int count;
        while ((count = await client.ReceiveAsync(block).WaitAsync(s_patience)) > 0)
        {
            received += count;
        }

        // What had come before was written before: at least a send buffer's worth was, most of which the kernel had no room for.
        Assert.True(received >= sendBuffer, $"only {received} bytes came; {before} had come before, {sendBuffer} were written");
        Assert.Equal(0, await stopped.ExitAsync());
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_client_that_never_reads_is_reset_when_the_ending_host_has_waited_long_enough(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        hosts.Server.Namespace.Sysctl("net.ipv4.tcp_wmem", "4096 16384 65536");
        var options = new OffloadHostOptions { CloseTimeout = TimeSpan.FromMilliseconds(500) };
        OffloadHost host = hosts.Server.Run(() => OffloadHost.Create(options));
        ConnectionListener listener = host.Listen(new IPEndPoint(hosts.Server.Address(family), 0));
        using Socket client = await FenceLine.ConnectAsync(hosts.Client, listener.EndPoint);
        Connection connection = await FenceLine.AcceptAsync(listener);
        ValueTask<FlushResult> writing = connection.Output.WriteAsync(new byte[16 << 20]);
        Task<ReadResult> reading = connection.Input.ReadAsync().AsTask();
        await FenceLine.UntilAsync(() => client.Available > 0, "the first bytes");

        await listener.DisposeAsync();
        await host.DisposeAsync().AsTask().WaitAsync(s_patience);

        // Not a FIN, which would say that this was all.
        byte[] block = new byte[1 << 20];
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            while (await client.ReceiveAsync(block).WaitAsync(s_patience) > 0)
            {
            }
        });
        await Assert.ThrowsAsync<SocketException>(() => reading.WaitAsync(s_patience));
        await Assert.ThrowsAsync<SocketException>(() => writing.AsTask().WaitAsync(s_patience));
        await connection.Closed.WaitAsync(s_patience);
    }

    /// <summary>A client whose connection has echoed and is the TOE's.</summary>
    private static async Task<Socket> OffloadedAsync(TwoHosts hosts, IPEndPoint server)
    {
        Socket client = await FenceLine.ConnectAsync(hosts.Client, server);
        await FenceLine.EchoAsync(client);
        await FenceLine.UntilAsync(() => CurrentlyEstablished(hosts) == 0, "the offload");
        await FenceLine.EchoAsync(client);
        return client;
    }

    /// <summary>Programs at ingress and egress, nftables tables: on the server's side.</summary>
    private static (int, int, int) Left(TwoHosts hosts) => hosts.Server.Run(() =>
        (TcxLink.CountPrograms(TcxHook.Ingress, hosts.Server.LinkIndex),
        TcxLink.CountPrograms(TcxHook.Egress, hosts.Server.LinkIndex),
        Tables()));

    private static int Tables()
    {
        const ushort getTable = 1;
        using var socket = new NetlinkSocket(NetlinkProtocol.Netfilter);
        var request = new NetlinkMessageBuilder("list the tables")
            .Begin(Netfilter.Type(Netfilter.Tables, getTable), NetlinkFlags.Dump, default(NetfilterHeader));
        return socket.Dump<object>(request, static (in NetlinkMessage message) => message.Type).Count;
    }

    private static long CurrentlyEstablished(TwoHosts hosts) => FenceLine.TcpCounter(hosts.Server, "CurrEstab");
}
