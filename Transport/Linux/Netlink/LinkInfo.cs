using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>A network interface as rtnetlink tells it.</summary>
/// <param name="Index">The interface index, unique in its namespace.</param>
/// <param name="Name">The interface name.</param>
/// <param name="Mac">Null when the device has no Ethernet address.</param>
/// <param name="Mtu">Bytes of an IP packet.</param>
/// <param name="Flags">The kernel's IFF_ flags.</param>
/// <param name="Kind">The driver kind of a virtual device, e.g. <c>veth</c>; null for hardware and loopback.</param>
public sealed record LinkInfo(int Index, string Name, MacAddress? Mac, int Mtu, LinkFlags Flags, string? Kind)
{
    /// <summary>Somebody has switched it on.</summary>
    public bool IsUp => Flags.HasFlag(LinkFlags.Up);

    /// <summary>It is up and has a carrier: frames can pass.</summary>
    public bool IsRunning => Flags.HasFlag(LinkFlags.Up | LinkFlags.LowerUp);

    public bool IsLoopback => Flags.HasFlag(LinkFlags.Loopback);

    internal static LinkInfo? Parse(in NetlinkMessage message)
    {
        const byte bridgeFamily = 7;
        if (message.Type is not (RtMessage.NewLink or RtMessage.DeleteLink)
            || !message.TryReadHeader(out LinkHeader header) || header.Family == bridgeFamily)
            return null;
        string? name = null;
        string? kind = null;
        MacAddress? mac = null;
        var mtu = 0;
        foreach (var attribute in message.Attributes(16))
        {
            switch (attribute.Type)
            {
                case LinkAttribute.Address:
                    mac = RtValue.Mac(attribute.Value);
                    break;
                case LinkAttribute.Name:
                    name = attribute.Text;
                    break;
                case LinkAttribute.Mtu:
                    mtu = attribute.Int32;
                    break;
                case LinkAttribute.LinkInfo:
                    var value = attribute.Nested.Find(LinkAttribute.InfoKind);
                    kind = value.IsEmpty ? null : new NetlinkAttribute(LinkAttribute.InfoKind, value).Text;
                    break;
            }
        }

        return name is null ? null : new LinkInfo(header.Index, name, mac, mtu, (LinkFlags)header.Flags, kind);
    }
}

/// <summary>The flags of an interface that are of use here (linux/if.h, IFF_*).</summary>
[Flags]
public enum LinkFlags
{
    None = 0,
    Up = 0x1,
    Loopback = 0x8,
    Running = 0x40,
    LowerUp = 0x10000,
}

/// <summary>Attribute types of links (linux/if_link.h, linux/veth.h).</summary>
internal static class LinkAttribute
{
    public const ushort Address = 1;
    public const ushort Name = 3;
    public const ushort Mtu = 4;
    public const ushort LinkInfo = 18;
    public const ushort NamespaceOfProcess = 19;
    public const ushort NamespaceDescriptor = 28;
    public const ushort ExtendedMask = 29;
    public const ushort InfoKind = 1;
    public const ushort InfoData = 2;
    public const ushort VethPeer = 1;
}
