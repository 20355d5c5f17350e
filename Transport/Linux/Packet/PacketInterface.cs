using System.Text;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Transport.Linux;

/// <summary>What an interface is at the moment.</summary>
internal sealed record PacketInterfaceState(MacAddress Address, int Mtu, bool IsUp);

/// <summary>
/// An interface by its index, which outlives a change of its name, in the network namespace it was found in. Over rtnetlink, because the
/// mounted /sys may show another namespace, and because the flags that netdevice(7) gives learn of a carrier up to a second late.
/// </summary>
internal sealed class PacketInterface : IDisposable
{
    // IFNAMSIZ, with the terminating zero.
    private const int NameLength = 16;

    private readonly RtNetlink _netlink;

    private PacketInterface(RtNetlink netlink, LinkInfo link) => (_netlink, Name, Index) = (netlink, link.Name, link.Index);

    public string Name { get; }

    public int Index { get; }

    /// <exception cref="LinkException">There is no such interface, or no link can stand on it.</exception>
    public static PacketInterface Open(string name)
    {
        var netlink = new RtNetlink();
        try
        {
            LinkInfo? link = Encoding.UTF8.GetByteCount(name) is > 0 and < NameLength ? netlink.Link(name) : null;
            if (link is null)
            {
                string known = string.Join(", ", netlink.Links().Select(l => l.Name).Order(StringComparer.Ordinal));
                throw new LinkException($"There is no interface '{name}' in this network namespace. There are: {known}.");
            }

            if (link.IsLoopback)
            {
                throw new LinkException($"{name} is the loopback interface: no connection on it can be offloaded. Name an Ethernet interface.");
            }

            if (link.Mac is null)
            {
                throw new LinkException($"{name} does not carry Ethernet frames (a tunnel, perhaps). Name an Ethernet interface.");
            }

            return new PacketInterface(netlink, link);
        }
        catch
        {
            netlink.Dispose();
            throw;
        }
    }

    /// <summary>Asks for the interface's present state; null when it has gone, or when the kernel does not answer. Any thread.</summary>
    public PacketInterfaceState? Read()
    {
        try
        {
            return _netlink.Link(Index) is { Mac: { } address } link ? new PacketInterfaceState(address, link.Mtu, link.IsRunning) : null;
        }
        catch (NetlinkException)
        {
            // Out of memory, say. A link that is taken for down asks again.
            return null;
        }
    }

    public void Dispose() => _netlink.Dispose();
}
