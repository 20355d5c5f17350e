using System.Net;
using System.Net.Sockets;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Netlink;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// Two hosts, each a network namespace of its own, joined by a cable (a veth pair): 10.77.0.1/24 and fd77::1/64 is the server,
/// 10.77.0.2/24 and fd77::2/64 the client. Everything vanishes with this object, and with the process.
/// </summary>
internal sealed class TwoHosts : IDisposable
{
    /// <summary>Linux takes IPv6 off an interface whose MTU is smaller (RFC 8200 5).</summary>
    private const int SmallestIPv6Mtu = 1280;

    /// <param name="mtu">Bytes of an IP packet on the cable. Under 1,280 the hosts have no IPv6.</param>
    public TwoHosts(int mtu = 1500)
    {
        var server = NetworkNamespace.Create();
        var client = NetworkNamespace.Create();
        if (mtu >= SmallestIPv6Mtu)
        {
            // Who else would have the address: nobody waits a second for duplicate address detection.
            server.Sysctl("net.ipv6.conf.default.accept_dad", "0");
            client.Sysctl("net.ipv6.conf.default.accept_dad", "0");
        }

        server.Run(() =>
        {
            using var netlink = new RtNetlink();
            netlink.CreateVethPair("server0", "client0", client, mtu);
        });
        Server = new SpecHost(server, "server0", 1, mtu >= SmallestIPv6Mtu);
        Client = new SpecHost(client, "client0", 2, mtu >= SmallestIPv6Mtu);
        if (mtu >= SmallestIPv6Mtu)
        {
            Server.AwaitIPv6();
            Client.AwaitIPv6();
        }
    }

    public SpecHost Server { get; }

    public SpecHost Client { get; }

    /// <summary>A connection that the kernels of both hosts own: client connects, server accepts.</summary>
    public KernelConnection Connect(AddressFamily family = AddressFamily.InterNetwork)
    {
        using var listener = Server.Listen(family);
        var client = Client.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            client.Connect(listener.LocalEndPoint!);
            return new KernelConnection(listener.Accept(), client);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Server.Dispose();
        Client.Dispose();
    }
}

/// <summary>One of the two hosts.</summary>
internal sealed class SpecHost : IDisposable
{
    internal SpecHost(NetworkNamespace network, string link, int number, bool hasIPv6, int? subnet = null)
    {
        Namespace = network;
        Link = link;
        IPv4 = IPAddress.Parse($"10.77.{subnet ?? 0}.{number}");
        IPv6 = IPAddress.Parse(subnet is null ? $"fd77::{number}" : $"fd77:{subnet}::{number}");
        Netlink = network.Run(() => new RtNetlink());
        Netlink.SetLinkUp(Netlink.Link("lo")!.Index);
        LinkIndex = Netlink.Link(link)!.Index;
        Netlink.SetLinkUp(LinkIndex);
        Netlink.AddAddress(LinkIndex, IPv4, 24);
        if (hasIPv6)
            Netlink.AddAddress(LinkIndex, IPv6, 64);
    }

    /// <summary>The kernel takes an IPv6 address into use a moment after the cable is plugged in at both ends.</summary>
    internal void AwaitIPv6()
    {
        long deadline = Environment.TickCount64 + 10_000;
        while (Netlink.GetRoute(IPv6) is not { Type: RouteType.Local })
        {
            Assert.True(Environment.TickCount64 < deadline, $"{IPv6} is not in use after 10 s");
            Thread.Yield();
        }
    }

    public NetworkNamespace Namespace { get; }

    /// <summary>An offload host in this namespace that moves nothing by itself.</summary>
    public OffloadHost CreateOffloadHost(ITestOutputHelper output, OffloadHostOptions? options = null) => Run(() => OffloadHost.Create(
        (options ?? new OffloadHostOptions()) with { Policy = OffloadPolicies.Never, LoggerFactory = new SpecLog(output) }));

    /// <summary>The name of this host's end of the cable.</summary>
    public string Link { get; }

    public int LinkIndex { get; }

    public IPAddress IPv4 { get; }

    public IPAddress IPv6 { get; }

    /// <summary>Interfaces, addresses, routes and neighbours of this host.</summary>
    public RtNetlink Netlink { get; }

    /// <summary>The MAC address of this host's end of the cable, as it is now.</summary>
    public MacAddress Mac => Netlink.Link(LinkIndex)!.Mac!.Value;

    public IPAddress Address(AddressFamily family) => family == AddressFamily.InterNetwork ? IPv4 : IPv6;

    /// <inheritdoc cref="NetworkNamespace.Run(Action)"/>
    public void Run(Action action) => Namespace.Run(action);

    /// <inheritdoc cref="NetworkNamespace.Run(Action)"/>
    public T Run<T>(Func<T> function) => Namespace.Run(function);

    /// <summary>A TCP listener at this host's address, by default on a free port.</summary>
    public Socket Listen(AddressFamily family = AddressFamily.InterNetwork, int port = 0) => Run(() =>
    {
        var listener = new Socket(family, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(Address(family), port));
        listener.Listen(512);
        return listener;
    });

    public void Dispose()
    {
        Netlink.Dispose();
        Namespace.Dispose();
    }
}

/// <summary>Both ends of a connection between the kernels of two hosts.</summary>
internal sealed record KernelConnection(Socket Server, Socket Client) : IDisposable
{
    /// <summary>The connection as the server names it.</summary>
    public FlowKey ServerFlow => FlowKey.From((IPEndPoint)Server.LocalEndPoint!, (IPEndPoint)Server.RemoteEndPoint!);

    public void Dispose()
    {
        Server.Dispose();
        Client.Dispose();
    }
}
