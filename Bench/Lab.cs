using System.Net;
using System.Net.Sockets;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Bench;

/// <summary>Two network namespaces of this process's own, joined by a veth pair; they end with the process.</summary>
internal sealed class Lab : IDisposable
{
    private readonly NetworkNamespace _server = NetworkNamespace.Create();
    private readonly NetworkNamespace _client = NetworkNamespace.Create();

    public Lab()
    {
        _server.Run(() =>
        {
            using var netlink = new RtNetlink();
            netlink.CreateVethPair("server0", "client0", _client);
            Up(netlink, "server0", ServerAddress);
        });
        _client.Run(() =>
        {
            using var netlink = new RtNetlink();
            Up(netlink, "client0", IPAddress.Parse("10.77.0.2"));
        });
    }

    public static IPAddress ServerAddress { get; } = IPAddress.Parse("10.77.0.1");

    public T OnServer<T>(Func<T> function) => _server.Run(function);

    public Socket NewClient() => _client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });

    public void Dispose()
    {
        _server.Dispose();
        _client.Dispose();
    }

    private static void Up(RtNetlink netlink, string name, IPAddress address)
    {
        int index = netlink.Link(name)!.Index;
        netlink.AddAddress(index, address, 24);
        netlink.SetLinkUp(index);
    }
}
