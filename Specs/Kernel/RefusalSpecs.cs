using System.Net;
using System.Net.Sockets;
using TcpActors.HostSide;
using TcpActors.Transport.Linux.Netlink;
using TcpActors.Transport.Linux.Tcp;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>What a TOE cannot do for a connection keeps the connection in the kernel, where it goes on; the list says why.</summary>
public sealed class RefusalSpecs(ITestOutputHelper output)
{
    private const int Buffer = 64 << 10;
    private const int ProtocolTcp = 6;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_peer_on_this_machine_is_refused(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        IPAddress loopback = family == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback;
        await RefusedAsync(hosts, new IPEndPoint(loopback, 0), hosts.Server, "its peer is on this machine");
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_peer_at_our_own_address_is_refused(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await RefusedAsync(hosts, new IPEndPoint(hosts.Server.Address(family), 0), hosts.Server, "its peer is on this machine");
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Translated_addresses_are_refused(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        using var nat = hosts.Server.Run(() => NetlinkFirewall.Redirect(port: 8080, to: 8081));
        var address = hosts.Server.Address(family);
        await RefusedAsync(hosts, new IPEndPoint(address, 8081), hosts.Client, "NAT", connectTo: new IPEndPoint(address, 8080));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Signed_segments_are_refused(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = Create(hosts);
        (Socket ours, Socket client) = await SignedPairAsync(hosts, family);
        using Socket peer = client;
        await using Connection connection = host.Adopt(ours, isActive: false);

        await AssertRefusedAsync(host, connection, "TCP-MD5");
        await AssertGoesOnAsync(connection, client);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task An_IPsec_policy_is_a_reason(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        hosts.Server.Run(() => IpsecPolicy.Wish(hosts.Server.Address(family), hosts.Client.Address(family)));
        await RefusedAsync(hosts, new IPEndPoint(hosts.Server.Address(family), 0), hosts.Client, "IPsec");
    }

    public static TheoryData<AddressFamily, int, int, int, string> Unheeded => new()
    {
        { AddressFamily.InterNetwork, TcpOption.LevelIPv4, TcpOption.IPv4MinTtl, 255, "IP_MINTTL" },
        { AddressFamily.InterNetworkV6, TcpOption.LevelIPv6, TcpOption.IPv6MinHops, 255, "IP_MINTTL" },
        { AddressFamily.InterNetwork, TcpOption.LevelIPv4, TcpOption.IPv4Transparent, 1, "IP_TRANSPARENT" },
        { AddressFamily.InterNetworkV6, TcpOption.LevelIPv6, TcpOption.IPv6Transparent, 1, "IP_TRANSPARENT" },
        { AddressFamily.InterNetworkV6, TcpOption.LevelTcp, TcpOption.Cork, 1, "TCP_CORK" },
    };

    [KernelTheory]
    [MemberData(nameof(Unheeded))]
    public async Task Options_that_a_TOE_does_not_heed_are_refused_until_they_are_off(
        AddressFamily family, int level, int option, int value, string name)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = Create(hosts);
        using KernelConnection both = hosts.Connect(family);
        int off = both.Server.GetInt(level, option);
        both.Server.SetInt(level, option, value);

        OffloadHostException refusal = await Assert.ThrowsAsync<OffloadHostException>(
            () => host.OffloadAsync(both.Server).WaitAsync(s_patience));
        Assert.Contains(name, refusal.Message, StringComparison.Ordinal);

        both.Server.SetInt(level, option, off);
        await using Connection connection = await host.OffloadAsync(both.Server).WaitAsync(s_patience);
        await AssertGoesOnAsync(connection, both.Client);
    }

    /// <summary>RFC 3168 6.1.3: a receiver that no longer echoes congestion marks leaves a sender that goes on marking in the dark.</summary>
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_connection_with_ECN_is_refused(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        hosts.Client.Namespace.Sysctl("net.ipv4.tcp_ecn", "1");
        await using OffloadHost host = Create(hosts);
        using KernelConnection both = hosts.Connect(family);
        Assert.True(both.Client.GetTcpInfo().HasEcn);

        OffloadHostException refusal = await Assert.ThrowsAsync<OffloadHostException>(
            () => host.OffloadAsync(both.Server).WaitAsync(s_patience));

        Assert.Contains("ECN", refusal.Message, StringComparison.Ordinal);
    }

    [KernelFact]
    public async Task A_filter_on_the_socket_is_refused()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = Create(hosts);
        using KernelConnection both = hosts.Connect();
        Attach(both.Server);

        OffloadHostException refusal = await Assert.ThrowsAsync<OffloadHostException>(
            () => host.OffloadAsync(both.Server).WaitAsync(s_patience));

        Assert.Contains("SO_ATTACH_FILTER", refusal.Message, StringComparison.Ordinal);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Multipath_TCP_is_refused(AddressFamily family)
    {
        if (!File.Exists("/proc/sys/net/mptcp/enabled"))
        {
            output.WriteLine("This kernel has no Multipath TCP: nothing to refuse.");
            return;
        }

        using var hosts = new TwoHosts();
        await using OffloadHost host = Create(hosts);
        using Socket listener = hosts.Server.Run(() => MultipathSocket(family));
        listener.Bind(new IPEndPoint(hosts.Server.Address(family), 0));
        listener.Listen();
        using Socket client = hosts.Client.Run(() => MultipathSocket(family));
        await client.ConnectAsync(listener.LocalEndPoint!).WaitAsync(s_patience);
        await using Connection connection = host.Adopt(await listener.AcceptAsync(), isActive: false);

        await AssertRefusedAsync(host, connection, "Multipath");
        await AssertGoesOnAsync(connection, client);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_connection_the_peer_has_half_closed_is_refused(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = Create(hosts);
        await using ConnectionListener listener = host.Listen(new IPEndPoint(hosts.Server.Address(family), 0));
        using Socket client = await FenceLine.ConnectAsync(hosts.Client, listener.EndPoint);
        await using Connection connection = await FenceLine.AcceptAsync(listener);
        client.Shutdown(SocketShutdown.Send);

        // Before and after the application has seen it.
        MoveResult early = await connection.OffloadAsync().WaitAsync(s_patience);
        Assert.True((await connection.Input.ReadAsync().AsTask().WaitAsync(s_patience)).IsCompleted);
        await AssertRefusedAsync(host, connection, "direction");

        Assert.Single(early.Refused);
        await connection.Output.WriteAsync("bye"u8.ToArray());
        Assert.Equal("bye"u8.ToArray(), await FenceLine.ReceiveAsync(client, 3));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_connection_we_have_half_closed_is_refused(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = Create(hosts);
        await using ConnectionListener listener = host.Listen(new IPEndPoint(hosts.Server.Address(family), 0));
        using Socket client = await FenceLine.ConnectAsync(hosts.Client, listener.EndPoint);
        await using Connection connection = await FenceLine.AcceptAsync(listener);
        await connection.Output.CompleteAsync();

        await AssertRefusedAsync(host, connection, "closed");

        await client.SendAsync("still"u8.ToArray());
        Assert.Equal(5, (await connection.Input.ReadAtLeastAsync(5).AsTask().WaitAsync(s_patience)).Buffer.Length);
        Assert.Equal(0, await client.ReceiveAsync(new byte[1]).WaitAsync(s_patience));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task An_interface_without_a_TOE_is_a_reason(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        hosts.Server.Netlink.CreateVethPair("other0", "other1");
        hosts.Server.Netlink.SetLinkUp(hosts.Server.Netlink.Link("other0")!.Index);
        await RefusedAsync(
            hosts, new IPEndPoint(hosts.Server.Address(family), 0), hosts.Client, "no TOE runs",
            new OffloadHostOptions { Toes = [new ToeOptions("other0")] });
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_full_TOE_refuses_the_next_connection(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = Create(hosts, new OffloadHostOptions { ToeCapacity = 1 });
        await using ConnectionListener listener = host.Listen(new IPEndPoint(hosts.Server.Address(family), 0));
        using Socket first = await FenceLine.ConnectAsync(hosts.Client, listener.EndPoint);
        await using Connection taken = await FenceLine.AcceptAsync(listener);
        await FenceLine.OffloadAsync(taken);
        using Socket second = await FenceLine.ConnectAsync(hosts.Client, listener.EndPoint);
        await using Connection refused = await FenceLine.AcceptAsync(listener);

        await AssertRefusedAsync(host, refused, "full");
        await AssertGoesOnAsync(refused, second);

        // Room again: what was refused is no mark for life.
        Assert.Equal(1, (await taken.UploadAsync().WaitAsync(s_patience)).Moved);
        await FenceLine.OffloadAsync(refused);
        Assert.Null((await ReportAsync(host, refused)).LastRefusal);
        await AssertGoesOnAsync(refused, second);
        await AssertGoesOnAsync(taken, first);
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Urgent_data_that_waits_is_refused(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = Create(hosts, new OffloadHostOptions { ReceiveBufferLimit = Buffer });
        await using ConnectionListener listener = host.Listen(new IPEndPoint(hosts.Server.Address(family), 0));
        using Socket client = await FenceLine.ConnectAsync(hosts.Client, listener.EndPoint);
        await using Connection connection = await FenceLine.AcceptAsync(listener);

        // With the buffer full it waits in the kernel; otherwise it would be passed over at once, as a socket's reader does.
        await client.SendAsync(new byte[Buffer + 1000]);
        client.Send("!"u8, SocketFlags.OutOfBand);
        await FenceLine.UntilAsync(() => client.Ask(TcpSystemCalls.BytesUnacknowledged) == 0, "all has arrived");

        await AssertRefusedAsync(host, connection, "urgent");

        for (long left = Buffer + 1000; left > 0;)
        {
            var read = await connection.Input.ReadAsync().AsTask().WaitAsync(s_patience);
            left -= read.Buffer.Length;
            connection.Input.AdvanceTo(read.Buffer.End);
        }

        await AssertGoesOnAsync(connection, client);
    }

    // One TOE there is in any case: its absence would be another reason.
    private OffloadHost Create(TwoHosts hosts, OffloadHostOptions? options = null) => hosts.Server.CreateOffloadHost(
        output, options ?? new OffloadHostOptions { Toes = [new ToeOptions(hosts.Server.Link)] });

    private async Task RefusedAsync(
        TwoHosts hosts, IPEndPoint listenOn, SpecHost clientAt, string reason, OffloadHostOptions? options = null,
        IPEndPoint? connectTo = null)
    {
        await using OffloadHost host = Create(hosts, options);
        await using ConnectionListener listener = host.Listen(listenOn);
        using Socket client = await FenceLine.ConnectAsync(clientAt, connectTo ?? listener.EndPoint);
        await using Connection connection = await FenceLine.AcceptAsync(listener);

        await AssertRefusedAsync(host, connection, reason);
        await AssertGoesOnAsync(connection, client);
    }

    private static async Task AssertRefusedAsync(OffloadHost host, Connection connection, string reason)
    {
        MoveResult result = await connection.OffloadAsync().WaitAsync(s_patience);

        Refusal refusal = Assert.Single(result.Refused);
        Assert.Equal(0, result.Moved);
        Assert.Contains(reason, refusal.Reason, StringComparison.Ordinal);
        ConnectionReport report = await ReportAsync(host, connection);
        Assert.Equal(("kernel", refusal.Reason), (report.Owner, report.LastRefusal));
    }

    private static async Task<ConnectionReport> ReportAsync(OffloadHost host, Connection connection) =>
        (await host.ListAsync().WaitAsync(s_patience)).Single(report => report.Id == connection.Id);

    private static async Task AssertGoesOnAsync(Connection connection, Socket client)
    {
        await client.SendAsync("there"u8.ToArray());
        var read = await connection.Input.ReadAtLeastAsync(5).AsTask().WaitAsync(s_patience);
        Assert.Equal(5, read.Buffer.Length);
        connection.Input.AdvanceTo(read.Buffer.End);
        await connection.Output.WriteAsync("back"u8.ToArray()).AsTask().WaitAsync(s_patience);
        Assert.Equal("back"u8.ToArray(), await FenceLine.ReceiveAsync(client, 4));
    }

    /// <summary>.NET does not know IPPROTO_MPTCP (262).</summary>
    private static Socket MultipathSocket(AddressFamily family)
    {
        const int stream = 1;
        int domain = family == AddressFamily.InterNetwork ? 2 : 10;
        int descriptor = NetlinkSystemCalls.Socket(domain, stream | NetlinkSystemCalls.SockCloexec, 262);
        Assert.True(descriptor >= 0, "the kernel makes no Multipath TCP socket");
        return new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
    }

    private static async Task<(Socket Server, Socket Client)> SignedPairAsync(TwoHosts hosts, AddressFamily family)
    {
        using Socket listener = hosts.Server.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
        Sign(listener, hosts.Client.Address(family));
        listener.Bind(new IPEndPoint(hosts.Server.Address(family), 0));
        listener.Listen();
        Socket client = hosts.Client.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
        Sign(client, hosts.Server.Address(family));
        await client.ConnectAsync(listener.LocalEndPoint!).WaitAsync(s_patience);
        return (await listener.AcceptAsync(), client);
    }

    /// <summary>TCP_MD5SIG (14): struct tcp_md5sig of linux/tcp.h, a sockaddr_storage, flags, length and the key.</summary>
    private static void Sign(Socket socket, IPAddress peer)
    {
        const int addressSize = 128;
        byte[] signature = new byte[addressSize + 8 + 80];
        new IPEndPoint(peer, 0).Serialize().Buffer.Span.CopyTo(signature);
        signature[addressSize + 2] = 6;
        "secret"u8.CopyTo(signature.AsSpan(addressSize + 8));
        socket.SetRawSocketOption(ProtocolTcp, 14, signature);
    }

    /// <summary>SO_ATTACH_FILTER: one instruction of classic BPF, "take all of it" (struct sock_fprog of linux/filter.h).</summary>
    private static unsafe void Attach(Socket socket)
    {
        ulong takeAll = 0xffff_ffff_0000_0006;
        Span<nint> program = [1, (nint)(&takeAll)];
        socket.SetRawSocketOption(TcpOption.LevelSocket, TcpOption.GetFilter, System.Runtime.InteropServices.MemoryMarshal.AsBytes(program));
    }
}
