using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Bench.Lab;

/// <summary>
/// Segments lost at random where they arrive, by an nftables rule at the interface's ingress. Packet sockets that are bound to IPv4 or IPv6
/// stand behind it and lose them as the kernel does (counted: 2,054 dropped of 20,000, and 17,946 seen); those of every protocol, such as
/// tcpdump's, stand before it and see them all. The small numbers are attribute types of linux/netfilter/nf_tables.h.
/// </summary>
internal static class RandomLoss
{
    private const ushort Element = 1;
    private const ushort Name = 1;
    private const ushort Data = 2;
    private const uint FirstRegister = 8;
    private const uint Random = 1;

    /// <summary>In the caller's namespace, until it is disposed: one of <paramref name="oneOf"/> TCP segments is lost.</summary>
    public static OwnedTable At(string interfaceName, uint oneOf) => new("lose segments", Netfilter.FamilyNetdev, batch => batch
        .NewChain("ingress", NfHook.NetdevIngress, priority: 0, interfaceName)
        .NewRule("ingress", rule => rule.IsTcp().OneOf(oneOf).Drop()));

    /// <summary>One packet of so many, at random.</summary>
    public static NfRule OneOf(this NfRule rule, uint modulus)
    {
        NetlinkMessageBuilder message = rule.Message;
        using (message.Nested(Element))
        {
            message.Text(Name, "numgen");
            using (message.Nested(Data))
            {
                message.UInt32BigEndian(1, FirstRegister).UInt32BigEndian(2, modulus).UInt32BigEndian(3, Random);
            }
        }

        return rule.Compare(equal: true, [0, 0, 0, 0]);
    }
}
