using System.Net;
using System.Net.Sockets;
using TcpActors.Actors.Contract;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.Specs.Kernel;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Host;

/// <summary>After a host has ended nothing hangs: who asks it for something is told.</summary>
public sealed class HostDisposalSpecs(ITestOutputHelper output)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_managed_host_that_was_disposed_of_says_so()
    {
        HostOptions options = new() { Policy = OffloadPolicies.Never, LoggerFactory = new SpecLog(output) };
        (ManagedHost server, ManagedHost client) = ManagedHost.CreatePair(options, options);
        await using ManagedHost disposeServer = server;
        await using ConnectionListener listener = server.Listen(new IPEndPoint(IPAddress.Parse("10.77.0.1"), 7));
        Connection connection = await client.ConnectAsync(listener.EndPoint).WaitAsync(s_patience);

        await client.DisposeAsync().AsTask().WaitAsync(s_patience);

        await AssertDisposedAsync(client, listener.EndPoint);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => connection.OffloadAsync().WaitAsync(s_patience));
    }

    [KernelFact]
    public async Task A_kernel_host_that_was_disposed_of_says_so_and_listens_no_more()
    {
        using var hosts = new TwoHosts();
        OffloadHost host = hosts.Server.CreateOffloadHost(output);
        ConnectionListener listener = host.Listen(new IPEndPoint(hosts.Server.IPv4, 0));
        ValueTask<Connection?> accepting = listener.AcceptAsync();
        using KernelConnection both = hosts.Connect();
        Connection adopted = await host.OffloadAsync(both.Server).WaitAsync(s_patience);

        await host.DisposeAsync().AsTask().WaitAsync(s_patience);

        Assert.Null(await accepting.AsTask().WaitAsync(s_patience));
        using Socket late = hosts.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        SocketException refused = await Assert.ThrowsAsync<SocketException>(() => late.ConnectAsync(listener.EndPoint));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        await AssertDisposedAsync(host, listener.EndPoint);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => adopted.UploadAsync().WaitAsync(s_patience));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => host.OffloadAsync(both.Client).WaitAsync(s_patience));

        // What was taken over has ended in order.
        Assert.Equal(0, await both.Client.ReceiveAsync(new byte[1]).WaitAsync(s_patience));
    }

    [KernelFact]
    public async Task What_is_no_connected_TCP_socket_is_refused_with_a_reason()
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        using var unconnected = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var datagrams = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        datagrams.Connect(IPAddress.Loopback, 9);
        await Assert.ThrowsAsync<ArgumentException>(() => host.OffloadAsync(unconnected));
        await Assert.ThrowsAsync<ArgumentException>(() => host.OffloadAsync(datagrams));
        await Assert.ThrowsAsync<ArgumentNullException>(() => host.OffloadAsync((Socket)null!));
    }

    [Fact]
    public void A_result_says_how_many_and_why_not() => Assert.Equal(
        "2 moved, 1 not, 1 refused; 7: it is closing",
        new MoveResult(2, 1, [new Refusal(new ConnectionId(7), "it is closing")]).ToString());

    private static async Task AssertDisposedAsync(IOffloadHost host, IPEndPoint endPoint)
    {
        await Assert.ThrowsAsync<ObjectDisposedException>(() => host.ListAsync().WaitAsync(s_patience));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => host.OffloadAsync().WaitAsync(s_patience));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => host.UploadAsync().WaitAsync(s_patience));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => host.ConnectAsync(endPoint).WaitAsync(s_patience));
        Assert.Throws<ObjectDisposedException>(() => host.Listen(endPoint));
    }
}
