using System.Net.Sockets;
using TcpActors.Bench.Lab;
using TcpActors.HostSide;
using TcpActors.Transport.Linux.Netlink;
using TcpActors.Transport.Linux.Tcp;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// What the TOE has found out about the other end the kernel need not find out again: its own count begins at zero with every upload.
/// </summary>
public sealed class DeadPeerSpecs(ITestOutputHelper output)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>RFC 9293 3.8.4.</summary>
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Unanswered_keep_alive_probes_end_the_connection_and_the_kernel_sends_none(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        using KernelConnection both = hosts.Connect(family);
        both.Server.SetInt(TcpOption.LevelSocket, TcpOption.KeepAlive, 1);
        both.Server.SetInt(TcpOption.LevelTcp, TcpOption.KeepIdle, 1);
        both.Server.SetInt(TcpOption.LevelTcp, TcpOption.KeepInterval, 1);
        both.Server.SetInt(TcpOption.LevelTcp, TcpOption.KeepCount, 2);
        await using Connection connection = await host.OffloadAsync(both.Server).WaitAsync(s_patience);
        using OwnedTable silence = hosts.Client.Run(() => RandomLoss.At(hosts.Client.Link, oneOf: 1));

        await AssertTimedOutAsync(connection);

        Assert.Equal(0, FenceLine.TcpExtCounter(hosts.Server, "TCPKeepAlive"));
    }

    /// <summary>RFC 5482, RFC 9293 3.10.8.</summary>
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task A_user_time_out_ends_the_connection_and_the_kernel_has_none_of_its_own(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        await using OffloadHost host = hosts.Server.CreateOffloadHost(output);
        using KernelConnection both = hosts.Connect(family);
        both.Server.SetInt(TcpOption.LevelTcp, TcpOption.UserTimeout, 1500);
        await using Connection connection = await host.OffloadAsync(both.Server).WaitAsync(s_patience);
        using OwnedTable silence = hosts.Client.Run(() => RandomLoss.At(hosts.Client.Link, oneOf: 1));
        await connection.Output.WriteAsync(new byte[1000]);

        await AssertTimedOutAsync(connection);

        Assert.Equal(0, FenceLine.TcpExtCounter(hosts.Server, "TCPTimeouts"));
    }

    private static async Task AssertTimedOutAsync(Connection connection)
    {
        SocketException error = await Assert.ThrowsAsync<SocketException>(
            () => connection.ReceiveAsync(new byte[1]).AsTask().WaitAsync(s_patience));
        Assert.Equal(SocketError.TimedOut, error.SocketErrorCode);
    }
}
