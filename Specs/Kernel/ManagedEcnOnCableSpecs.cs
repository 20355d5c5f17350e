using System.Net;
using System.Net.Sockets;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.Transport.Linux.Netlink;
using TcpActors.Transport.Linux.Tcp;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// ECN (RFC 3168) between a managed host and the kernel's TCP, with a router between them that marks one ECN-capable packet of fifty. The kernel, which shares no line with
/// the engine, says whether it was asked, saw marks, and was told of them.
/// </summary>
public sealed class ManagedEcnOnCableSpecs(ITestOutputHelper output)
{
    private const long Bytes = 32 << 20;

    [KernelTheory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Marks_are_understood_both_ways_while_the_connection_moves(bool managedConnects, bool managedSends)
    {
        await using var cable = new ManagedOnCable(output);
        cable.Hosts.Client.Namespace.Sysctl("net.ipv4.tcp_ecn", "1");
        SpecHost marker = managedSends ? cable.Hosts.Client : cable.Hosts.Server;
        using OwnedTable marks = marker.Run(() => NetlinkFirewall.Marks(marker.Link, oneOf: 50));
        int reductions = 0;
        cable.Tap.Loses = segment =>
        {
            Interlocked.Add(ref reductions, segment.Flags.HasFlag(TcpFlags.Cwr) && !segment.Flags.HasFlag(TcpFlags.Syn) ? 1 : 0);
            return false;
        };
        (Connection served, Socket kernel) = await ConnectAsync(cable, managedConnects);
        await using Connection disposeServed = served;
        using Socket disposeKernel = kernel;
        Assert.True(kernel.GetTcpInfo().HasEcn, "It was not negotiated.");
        using var sent = new TrafficStream();
        using var received = new TrafficStream();
        Task moving = Task.Run(async () =>
        {
            for (int move = 0; move < 10; move++)
            {
                long until = (move + 1) * Bytes / 12;
                await TrafficStream.UntilAsync(() => received.Bytes >= until);
                await (move % 2 == 0 ? served.OffloadAsync() : served.UploadAsync());
            }
        });
        bool More() => sent.Bytes < Bytes;
        Task sending = Task.Run(() => managedSends ? sent.SendAsync(served, More, seed: 50) : sent.SendAsync(kernel, More, seed: 51));
        Task receiving = Task.Run(() => managedSends ? received.ReceiveAsync(kernel) : received.ReceiveAsync(served));
        await new TrafficConnection(kernel, served).AllAsync("marks", sent, received, sending, receiving, moving);

        TrafficStream.AssertEqual(sent, received);
        long seen = FenceLine.IpExtCounter(cable.Hosts.Client, "InCEPkts");
        long told = FenceLine.TcpExtCounter(cable.Hosts.Client, "TCPDeliveredCE");
        output.WriteLine($"the kernel saw {seen} marks, was told of {told}; {reductions} reductions were told it");
        Assert.True(managedSends ? seen > 10 && reductions > 3 : told > 10);
    }

    private static async Task<(Connection Served, Socket Kernel)> ConnectAsync(ManagedOnCable cable, bool managedConnects)
    {
        if (managedConnects)
        {
            using Socket listener = cable.Hosts.Client.Listen();
            Connection connection = await cable.Host.ConnectAsync((IPEndPoint)listener.LocalEndPoint!).WaitAsync(TrafficConnection.Patience);
            return (connection, await listener.AcceptAsync());
        }

        await using ConnectionListener managed = cable.Host.Listen(new IPEndPoint(cable.Address, 7));
        Socket kernel = cable.Hosts.Client.Run(static () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        await kernel.ConnectAsync(managed.EndPoint).WaitAsync(TrafficConnection.Patience);
        return ((await managed.AcceptAsync().AsTask().WaitAsync(TrafficConnection.Patience))!, kernel);
    }
}
