using System.Net;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>An address of an interface.</summary>
public sealed record AddressInfo(int LinkIndex, IPAddress Address, int PrefixLength)
{
    internal static AddressInfo? Parse(in NetlinkMessage message)
    {
        if (message.Type is not (RtMessage.NewAddress or RtMessage.DeleteAddress)
            || !message.TryReadHeader(out AddressHeader header))
            return null;
        // On a point-to-point interface IFA_ADDRESS is the peer's and IFA_LOCAL ours; IPv6 usually has the first only.
        var attributes = message.Attributes(8);
        var bytes = attributes.Find(AddressAttribute.Local);
        var address = RtValue.Address(bytes.IsEmpty ? attributes.Find(AddressAttribute.Address) : bytes, header.LinkIndex);
        return address is null ? null : new AddressInfo(header.LinkIndex, address, header.PrefixLength);
    }
}

/// <summary>Attribute types of addresses (linux/if_addr.h).</summary>
internal static class AddressAttribute
{
    public const ushort Address = 1;
    public const ushort Local = 2;
    public const byte NoDuplicateDetection = 0x02;
}
