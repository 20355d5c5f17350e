using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>Addresses that a connection may have besides plain ones, through moves in mid-transfer.</summary>
public sealed class AddressSpecs(ITestOutputHelper output)
{
    private const int Moves = 40;
    private const long Bytes = 8 << 20;

    /// <summary>RFC 4291 2.5.5.2: an IPv6 socket that serves an IPv4 peer.</summary>
    [KernelFact]
    public async Task An_IPv4_peer_of_an_IPv6_listener()
    {
        using var hosts = new TwoHosts();
        await TransferAsync(
            hosts, new IPEndPoint(IPAddress.IPv6Any, 0), port => new IPEndPoint(hosts.Server.IPv4, port), AddressFamily.InterNetwork);
    }

    [KernelFact]
    public async Task An_IPv6_peer_of_the_same_kind_of_listener()
    {
        using var hosts = new TwoHosts();
        await TransferAsync(
            hosts, new IPEndPoint(IPAddress.IPv6Any, 0), port => new IPEndPoint(hosts.Server.IPv6, port), AddressFamily.InterNetworkV6);
    }

    /// <summary>RFC 4007 6: an address means something only together with its interface.</summary>
    [KernelFact]
    public async Task Link_local_addresses()
    {
        using var hosts = new TwoHosts();
        IPAddress address = await LinkLocalAsync(hosts.Server);
        await LinkLocalAsync(hosts.Client);
        await TransferAsync(
            hosts,
            new IPEndPoint(new IPAddress(address.GetAddressBytes(), hosts.Server.LinkIndex), 0),
            port => new IPEndPoint(new IPAddress(address.GetAddressBytes(), hosts.Client.LinkIndex), port),
            AddressFamily.InterNetworkV6);
    }

    private async Task TransferAsync(TwoHosts hosts, IPEndPoint listen, Func<int, IPEndPoint> server, AddressFamily family)
    {
        await using OffloadHost host = hosts.Server.Run(() => OffloadHost.Create(
            new OffloadHostOptions { Policy = OffloadPolicies.Never, LoggerFactory = new SpecLog(output, LogLevel.Warning) }));
        await using ConnectionListener listener = hosts.Server.Run(() => host.Listen(listen));
        Socket client = hosts.Client.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
        await client.ConnectAsync(server(listener.EndPoint.Port)).WaitAsync(TrafficConnection.Patience);
        Connection served = (await listener.AcceptAsync().AsTask().WaitAsync(TrafficConnection.Patience))!;
        await using var line = new TrafficConnection(client, served);

        await line.EchoWhileMovingAsync(Moves, Bytes, seed: 29);
    }

    /// <summary>A namespace has it a moment after its interface is up (RFC 4862 5.3).</summary>
    private static async Task<IPAddress> LinkLocalAsync(SpecHost host)
    {
        IPAddress? address = null;
        await FenceLine.UntilAsync(() => (address = LinkLocal(host)) is not null, $"a link-local address on {host.Link}");
        return address!;
    }

    private static IPAddress? LinkLocal(SpecHost host) => host.Run(() => File.ReadLines("/proc/thread-self/net/if_inet6")
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Where(fields => string.Equals(fields[^1], host.Link, StringComparison.Ordinal))
        .Select(fields => new IPAddress(Convert.FromHexString(fields[0])))
        .FirstOrDefault(address => address.IsIPv6LinkLocal));
}
