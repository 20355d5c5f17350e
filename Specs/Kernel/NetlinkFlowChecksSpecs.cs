using System.Net;
using System.Net.Sockets;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;
using Xunit;

namespace TcpActors.Specs.Kernel;

public sealed class NetlinkFlowChecksSpecs
{
    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void A_tracked_flow_is_tolerated_from_either_end_and_stays_established(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        using var firewall = hosts.Server.Run(() => NetlinkFirewall.Stateful(8080));
        using var listener = hosts.Server.Listen(family, 8080);
        using var client = hosts.Client.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
        client.Connect(listener.LocalEndPoint!);
        using var connection = new KernelConnection(listener.Accept(), client);
        using var tracking = hosts.Server.Run(() => new ConnectionTracking());

        Assert.False(tracking.IsTranslated(connection.ServerFlow));
        Assert.True(tracking.Tolerate(connection.ServerFlow));
        Assert.True(tracking.Tolerate(connection.ServerFlow.Reversed));
        Assert.False(tracking.IsTranslated(connection.ServerFlow));

        connection.Client.Send("again"u8);
        connection.Server.ReceiveTimeout = 10_000;
        Assert.Equal(5, connection.Server.Receive(new byte[16]));
    }

    [KernelFact]
    public void Where_nothing_is_tracked_there_is_nothing_to_tolerate()
    {
        using var hosts = new TwoHosts();
        using var connection = hosts.Connect();
        using var tracking = hosts.Server.Run(() => new ConnectionTracking());

        Assert.False(tracking.Tolerate(connection.ServerFlow));
        Assert.False(tracking.IsTranslated(connection.ServerFlow));
    }

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void A_redirected_flow_is_seen_to_be_translated(AddressFamily family)
    {
        using var hosts = new TwoHosts();
        using var listener = hosts.Server.Listen(family);
        var port = (ushort)((IPEndPoint)listener.LocalEndPoint!).Port;
        using var redirect = hosts.Server.Run(() => NetlinkFirewall.Redirect(80, to: port));
        using var client = hosts.Client.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
        client.Connect(hosts.Server.Address(family), 80);
        using var accepted = listener.Accept();
        using var direct = hosts.Connect(family);
        using var tracking = hosts.Server.Run(() => new ConnectionTracking());

        Assert.True(tracking.IsTranslated(new KernelConnection(accepted, client).ServerFlow));
        Assert.False(tracking.IsTranslated(direct.ServerFlow));
    }

    [KernelFact]
    public void Where_there_is_no_policy_none_applies()
    {
        using var hosts = new TwoHosts();
        using var policies = hosts.Server.Run(() => new IpsecPolicies());

        Assert.False(policies.ApplyTo(Flow("10.77.0.1", 80, "10.77.0.2", 1234)));
    }

    [KernelFact]
    public void A_policy_applies_to_the_flows_it_selects_in_either_direction()
    {
        using var hosts = new TwoHosts();
        using var policies = hosts.Server.Run(() => new IpsecPolicies());
        hosts.Server.Run(() =>
        {
            using var xfrm = new NetlinkSocket(NetlinkProtocol.Xfrm);
            IpsecPolicy.Add(xfrm, direction: 1, action: 1, "10.77.0.0", 25, "192.0.2.0", 23, remotePort: 0);
            IpsecPolicy.Add(xfrm, direction: 0, action: 1, "fd77::", 64, "2001:db8::", 33, remotePort: 443);
            IpsecPolicy.Add(xfrm, direction: 1, action: 0, "10.77.0.0", 24, "198.51.100.0", 24, remotePort: 0);
        });

        Assert.True(policies.ApplyTo(Flow("10.77.0.1", 80, "192.0.2.9", 1234)));
        Assert.True(policies.ApplyTo(Flow("10.77.0.1", 80, "192.0.3.9", 1234)));
        Assert.False(policies.ApplyTo(Flow("10.77.0.1", 80, "192.0.4.9", 1234)));
        Assert.False(policies.ApplyTo(Flow("10.77.0.200", 80, "192.0.2.9", 1234)));
        Assert.True(policies.ApplyTo(Flow("fd77::1", 80, "2001:db8::9", 443)));
        Assert.False(policies.ApplyTo(Flow("fd77::1", 80, "2001:db8::9", 444)));
        Assert.False(policies.ApplyTo(Flow("fd77::1", 80, "2001:db8:8000::9", 443)));
        // An allowing policy without a template says: leave IPsec out of it.
        Assert.False(policies.ApplyTo(Flow("10.77.0.1", 80, "198.51.100.1", 1234)));
    }

    private static FlowKey Flow(string local, int localPort, string remote, int remotePort) => FlowKey.From(
        new IPEndPoint(IPAddress.Parse(local), localPort), new IPEndPoint(IPAddress.Parse(remote), remotePort));
}
