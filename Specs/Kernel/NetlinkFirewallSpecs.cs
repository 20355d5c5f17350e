using System.Net;
using System.Net.Sockets;
using TcpActors.Bench.Lab;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>The firewalls that other specs set up do what they say.</summary>
public sealed class NetlinkFirewallSpecs
{
    private const int MicrosecondsOfSilence = 150_000;

    [KernelFact]
    public void The_stateful_firewall_passes_its_port_and_nothing_else()
    {
        using var hosts = new TwoHosts();
        using var open = hosts.Server.Listen(port: 8080);
        using var shut = hosts.Server.Listen(port: 8081);
        using var firewall = hosts.Server.Run(() => NetlinkFirewall.Stateful(8080));
        using var first = NonBlocking(hosts);
        using var second = NonBlocking(hosts);

        Assert.Throws<SocketException>(() => first.Connect(shut.LocalEndPoint!));
        Assert.Throws<SocketException>(() => second.Connect(open.LocalEndPoint!));

        Assert.True(open.Poll(10_000_000, SelectMode.SelectRead));
        Assert.False(shut.Poll(MicrosecondsOfSilence, SelectMode.SelectRead));
    }

    [KernelFact]
    public void A_lossy_interface_loses_and_TCP_repairs_it()
    {
        using var hosts = new TwoHosts();
        using var connection = hosts.Connect();
        using var lossy = hosts.Server.Run(() => RandomLoss.At("server0", oneOf: 1));
        connection.Client.Send("lost"u8);
        Assert.False(connection.Server.Poll(MicrosecondsOfSilence, SelectMode.SelectRead));

        lossy.Dispose();

        connection.Server.ReceiveTimeout = 10_000;
        Assert.Equal(4, connection.Server.Receive(new byte[16]));
    }

    [KernelFact]
    public void A_redirected_port_arrives_at_the_other()
    {
        using var hosts = new TwoHosts();
        using var listener = hosts.Server.Listen();
        using var redirect = hosts.Server.Run(
            () => NetlinkFirewall.Redirect(80, to: (ushort)((IPEndPoint)listener.LocalEndPoint!).Port));
        using var client = hosts.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));

        client.Connect(hosts.Server.IPv4, 80);

        using var accepted = listener.Accept();
        Assert.Equal(client.LocalEndPoint, accepted.RemoteEndPoint);
    }

    private static Socket NonBlocking(TwoHosts hosts)
        => hosts.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false });
}
