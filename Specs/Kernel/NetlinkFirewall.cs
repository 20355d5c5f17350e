using System.Buffers.Binary;
using TcpActors.Bench.Lab;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// nftables rules that a user's host might have, made without the nft command; they vanish with their table. The small numbers are
/// attribute types of linux/netfilter/nf_tables.h, register 8 is the first, hook 1 is input.
/// </summary>
internal static class NetlinkFirewall
{
    private const uint CtInvalid = 1;
    private const uint CtEstablishedOrRelated = 2 | 4;
    private const uint CtNew = 8;
    private const uint LinkHeader = 0;
    private const uint NetworkHeader = 1;
    private const uint TransportHeader = 2;

    /// <summary>
    /// In the caller's namespace: drops what connection tracking calls invalid, accepts established flows and new ones to the
    /// port, and drops all other TCP.
    /// </summary>
    public static OwnedTable Stateful(ushort port) => new("make a stateful firewall", Netfilter.FamilyInet, batch => batch
        .NewChain("input", (NfHook)1, priority: 0)
        .NewRule("input", rule => rule.CtState(CtInvalid).Drop())
        .NewRule("input", rule => rule.CtState(CtEstablishedOrRelated).Verdict(accept: true))
        .NewRule("input", rule => rule.CtState(CtNew).IsTcp().DestinationPort(port).Verdict(accept: true))
        .NewRule("input", rule => rule.IsTcp().Drop()));

    /// <summary>
    /// In the caller's namespace: of TCP only what belongs to a connection gets in or out, and what begins one to the port on this host
    /// (<paramref name="isServed"/>) or on another; what connection tracking calls invalid does not.
    /// </summary>
    public static OwnedTable StatefulBothWays(ushort port, bool isServed) => new("make a firewall for both directions", Netfilter.FamilyInet, batch =>
    {
        foreach ((string chain, NfHook hook) in new[] { ("input", (NfHook)1), ("output", (NfHook)3) })
        {
            batch.NewChain(chain, hook, priority: 0)
                .NewRule(chain, rule => rule.CtState(CtInvalid).Drop())
                .NewRule(chain, rule => rule.CtState(CtEstablishedOrRelated).Verdict(accept: true));
            if (isServed == string.Equals(chain, "input", StringComparison.Ordinal))
            {
                batch.NewRule(chain, rule => rule.CtState(CtNew).IsTcp().DestinationPort(port).Verdict(accept: true));
            }

            batch.NewRule(chain, rule => rule.IsTcp().Drop());
        }
    });

    /// <summary>In the caller's namespace: no TCP gets in that another station than this one has sent.</summary>
    public static OwnedTable OnlyFrom(string interfaceName, MacAddress sender) =>
        new("know one sender", Netfilter.FamilyNetdev, batch => batch
            .NewChain("ingress", NfHook.NetdevIngress, priority: 0, interfaceName)
            .NewRule("ingress", rule => rule.IsTcp().SentByAnother(sender).Drop()));

    /// <summary>In the caller's namespace: nothing gets in, ARP and neighbour discovery included.</summary>
    public static OwnedTable Deaf(string interfaceName) => new("be deaf", Netfilter.FamilyNetdev, batch => batch
        .NewChain("ingress", NfHook.NetdevIngress, priority: 0, interfaceName)
        .NewRule("ingress", rule => rule.Drop()));

    /// <summary>In the caller's namespace: connections to one port arrive at another.</summary>
    public static OwnedTable Redirect(ushort port, ushort to) => new("redirect a port", Netfilter.FamilyInet, batch => batch
        .NewChain("prerouting", NfHook.InetPrerouting, priority: -100, type: "nat")
        .NewRule("prerouting", rule => rule.IsTcp().DestinationPort(port).RedirectTo(to)));

    /// <summary>In a router's namespace: it tells nobody that a packet was too big (ICMP type 3, ICMPv6 type 2).</summary>
    public static OwnedTable SaysNotTooBig() => new("keep silent about too big", Netfilter.FamilyInet, batch => batch
        .NewChain("output", (NfHook)3, priority: 0)
        .NewRule("output", rule => rule.IsIPv4().IsTooBigMessage(protocol: 1, type: 3).Drop())
        .NewRule("output", rule => rule.IsIPv6().IsTooBigMessage(protocol: 58, type: 2).Drop()));

    /// <summary>
    /// In the caller's namespace: of the IPv4 packets without options that arrive as ECN-capable one of <paramref name="oneOf"/> is marked
    /// "congestion experienced" (RFC 3168 5).
    /// </summary>
    public static OwnedTable Marks(string interfaceName, uint oneOf) => new("mark congestion", Netfilter.FamilyNetdev, batch => batch
        .NewChain("ingress", NfHook.NetdevIngress, priority: -1, interfaceName)
        .NewRule("ingress", rule => rule.IsIPv4().Load(NetworkHeader, 0, 2).Compare(equal: true, [0x45, 2]).OneOf(oneOf).SetFirstBytes([0x45, 3])));

    /// <summary>In the caller's namespace: every TCP segment that arrives is marked as owned, fragments excepted; the kernel sees them as well.</summary>
    public static OwnedTable Owns(string interfaceName, uint mark) => new("mark segments", Netfilter.FamilyNetdev, batch => batch
        .NewChain("ingress", NfHook.NetdevIngress, priority: -500, interfaceName)
        .NewRule("ingress", rule => rule.IsToThisHost().IsIPv4().IsTcp().IsNoIPv4Fragment().SetMark(mark))
        .NewRule("ingress", rule => rule.IsToThisHost().IsIPv6().IsTcp().IsNoIPv6Fragment().SetMark(mark)));

    private static NfRule SetFirstBytes(this NfRule rule, byte[] value)
    {
        NetlinkMessageBuilder message = rule.Immediate(value).Message;
        using (message.Nested(1))
        {
            message.Text(1, "payload");
            using (message.Nested(2))
            {
                // From register 8 to the beginning of the network header, whose checksum (type 1, at 10) follows if they are whole words.
                message.UInt32BigEndian(5, 8).UInt32BigEndian(2, NetworkHeader).UInt32BigEndian(3, 0).UInt32BigEndian(4, (uint)value.Length);
                message.UInt32BigEndian(6, 1).UInt32BigEndian(7, 10);
            }
        }

        return rule;
    }

    /// <summary>Register 8 has the value from here on.</summary>
    private static NfRule Immediate(this NfRule rule, byte[] value)
    {
        NetlinkMessageBuilder message = rule.Message;
        using (message.Nested(1))
        {
            message.Text(1, "immediate");
            using (message.Nested(2))
            {
                message.UInt32BigEndian(1, 8);
                using (message.Nested(2))
                    message.Bytes(1, value);
            }
        }

        return rule;
    }

    private static NfRule CtState(this NfRule rule, uint states)
    {
        Span<byte> mask = stackalloc byte[4];
        BitConverter.TryWriteBytes(mask, states);
        var message = rule.Message;
        using (message.Nested(1))
        {
            message.Text(1, "ct");
            using (message.Nested(2))
                message.UInt32BigEndian(1, 8).UInt32BigEndian(2, 0);
        }

        using (message.Nested(1))
        {
            message.Text(1, "bitwise");
            using (message.Nested(2))
            {
                message.UInt32BigEndian(1, 8).UInt32BigEndian(2, 8).UInt32BigEndian(3, 4);
                using (message.Nested(4))
                    message.Bytes(1, mask);
                using (message.Nested(5))
                    message.Bytes(1, [0, 0, 0, 0]);
            }
        }

        return rule.Compare(equal: false, [0, 0, 0, 0]);
    }

    private static NfRule DestinationPort(this NfRule rule, ushort port) => rule.Load(TransportHeader, 2, 2).Compare(equal: true, Port(port));

    private static NfRule IsTooBigMessage(this NfRule rule, byte protocol, byte type)
    {
        var message = rule.Message;
        using (message.Nested(1))
        {
            message.Text(1, "meta");
            using (message.Nested(2))
                message.UInt32BigEndian(1, 8).UInt32BigEndian(2, 16);
        }

        return rule.Compare(equal: true, [protocol]).Load(TransportHeader, 0, 1).Compare(equal: true, [type]);
    }

    private static NfRule SentByAnother(this NfRule rule, MacAddress sender)
    {
        Span<byte> bytes = stackalloc byte[6];
        sender.CopyTo(bytes);
        return rule.Load(LinkHeader, 6, 6).Compare(equal: false, bytes);
    }

    private static NfRule Load(this NfRule rule, uint header, uint offset, uint length)
    {
        var message = rule.Message;
        using (message.Nested(1))
        {
            message.Text(1, "payload");
            using (message.Nested(2))
                message.UInt32BigEndian(1, 8).UInt32BigEndian(2, header).UInt32BigEndian(3, offset).UInt32BigEndian(4, length);
        }

        return rule;
    }

    private static NfRule RedirectTo(this NfRule rule, ushort port)
    {
        NetlinkMessageBuilder message = rule.Immediate(Port(port)).Message;
        using (message.Nested(1))
        {
            message.Text(1, "redir");
            using (message.Nested(2))
                message.UInt32BigEndian(1, 8);
        }

        return rule;
    }

    private static NfRule Verdict(this NfRule rule, bool accept)
    {
        var message = rule.Message;
        using (message.Nested(1))
        {
            message.Text(1, "immediate");
            using (message.Nested(2))
            {
                message.UInt32BigEndian(1, 0);
                using (message.Nested(2))
                using (message.Nested(2))
                    message.UInt32BigEndian(1, accept ? 1u : 0u);
            }
        }

        return rule;
    }

    private static byte[] Port(ushort port)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, port);
        return bytes;
    }
}
