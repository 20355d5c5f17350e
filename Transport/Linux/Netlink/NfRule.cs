using System.Runtime.InteropServices;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>
/// Writes a rule as the kernel's expressions: each loads into, compares, or uses registers of four bytes (the first is 8).
/// What <c>nft --debug=netlink</c> shows is one call each.
/// </summary>
internal sealed class NfRule(NetlinkMessageBuilder message)
{
    public const ushort DataValue = 1;
    private const ushort DataVerdict = 2;
    private const ushort VerdictCode = 1;
    private const uint FirstRegister = 8;
    private const uint VerdictRegister = 0;
    private const uint MetaProtocol = 1;
    private const uint MetaMark = 3;
    private const uint MetaL4Protocol = 16;
    private const uint MetaPacketType = 19;
    private const byte ToThisHost = 0;
    private const byte ToOtherHost = 3;
    private const uint LinkHeader = 0;
    private const uint NetworkHeader = 1;
    private const uint TransportHeader = 2;
    private const byte Tcp = 6;
    private const byte RoutingHeader = 43;
    private const byte FragmentHeader = 44;
    private const byte AuthenticationHeader = 51;

    /// <summary>Where expressions that are not here are written.</summary>
    public NetlinkMessageBuilder Message => message;

    public NfRule MarkIsNot(uint mark) => Load("meta", MetaMark).Compare(equal: false, Host(mark));

    /// <summary>What the interface took for itself, and not only because it takes everything.</summary>
    public NfRule IsToThisHost() => Load("meta", MetaPacketType).Compare(equal: true, [ToThisHost]);

    /// <summary>With an 802.1Q tag that tells a VLAN, not only a priority (number 0).</summary>
    public NfRule IsOfVlan()
    {
        Payload(FirstRegister, LinkHeader, offset: 12, length: 2);
        Compare(equal: true, [0x81, 0x00]);
        Payload(FirstRegister, LinkHeader, offset: 14, length: 2);
        return Mask([0x0f, 0xff]).Compare(equal: false, [0, 0]);
    }

    public NfRule IsIPv4() => Load("meta", MetaProtocol).Compare(equal: true, [0x08, 0x00]);

    public NfRule IsIPv6() => Load("meta", MetaProtocol).Compare(equal: true, [0x86, 0xdd]);

    /// <summary>TCP, behind whatever IPv6 extension headers; also a fragment of it.</summary>
    public NfRule IsTcp() => Load("meta", MetaL4Protocol).Compare(equal: true, [Tcp]);

    /// <summary>IPv6 that is no fragment, the first one included: without fragment header (RFC 8200 4.5).</summary>
    public NfRule IsNoIPv6Fragment() => Extension(FragmentHeader, offset: 0, isPresent: true).Compare(equal: true, [0]);

    /// <summary>IPv6 without an authentication header (RFC 4302), which only the kernel can check.</summary>
    public NfRule IsNotAuthenticated() => Extension(AuthenticationHeader, offset: 0, isPresent: true).Compare(equal: true, [0]);

    /// <summary>IPv6 with a routing header that leads on from here: with segments left (RFC 8200 4.4).</summary>
    public NfRule IsRoutedOnwards() => Extension(RoutingHeader, offset: 3, isPresent: false).Compare(equal: false, [0]);

    /// <summary>IPv4 that is no fragment, the first one included: offset and More Fragments are 0 (RFC 791 3.1).</summary>
    public NfRule IsNoIPv4Fragment()
    {
        Payload(FirstRegister, NetworkHeader, offset: 6, length: 2);
        return Mask([0x3f, 0xff]).Compare(equal: true, [0, 0]);
    }

    private NfRule Mask(ReadOnlySpan<byte> bits)
    {
        using (message.Nested(Expression.Element))
        {
            message.Text(Expression.Name, "bitwise");
            using (message.Nested(Expression.Data))
            {
                message.UInt32BigEndian(1, FirstRegister).UInt32BigEndian(2, FirstRegister).UInt32BigEndian(3, 2);
                using (message.Nested(4))
                    message.Bytes(DataValue, bits);
                using (message.Nested(5))
                    message.Bytes(DataValue, [0, 0]);
            }
        }

        return this;
    }

    /// <summary>The packet's flow is in the set: as it is keyed (arriving), or with source and destination exchanged (leaving).</summary>
    public NfRule IsIn(NfFlowSet set, bool arriving)
    {
        var addressLength = (uint)set.AddressLength;
        var registers = addressLength / 4;
        var source = set.IsIPv4 ? 12u : 8u;
        var destination = source + addressLength;
        var (peer, self) = arriving ? (source, destination) : (destination, source);
        var (peerPort, selfPort) = arriving ? (0u, 2u) : (2u, 0u);
        Payload(FirstRegister, NetworkHeader, peer, addressLength);
        Payload(FirstRegister + registers, TransportHeader, peerPort, length: 2);
        Payload(FirstRegister + registers + 1, NetworkHeader, self, addressLength);
        Payload(FirstRegister + 2 * registers + 1, TransportHeader, selfPort, length: 2);
        using (message.Nested(Expression.Element))
        {
            message.Text(Expression.Name, "lookup");
            using (message.Nested(Expression.Data))
                message.Text(1, set.Name).UInt32BigEndian(2, FirstRegister);
        }

        return this;
    }

    public NfRule SetMark(uint mark) => SetMeta(MetaMark, Host(mark));

    /// <summary>The kernel's IP drops it before anything else looks at it; raw sockets have it all the same.</summary>
    public NfRule MakeForeign() => SetMeta(MetaPacketType, [ToOtherHost]);

    private NfRule SetMeta(uint key, byte[] value)
    {
        using (message.Nested(Expression.Element))
        {
            message.Text(Expression.Name, "immediate");
            using (message.Nested(Expression.Data))
            {
                message.UInt32BigEndian(1, FirstRegister);
                using (message.Nested(2))
                    message.Bytes(DataValue, value);
            }
        }

        using (message.Nested(Expression.Element))
        {
            message.Text(Expression.Name, "meta");
            using (message.Nested(Expression.Data))
                message.UInt32BigEndian(2, key).UInt32BigEndian(3, FirstRegister);
        }

        return this;
    }

    public NfRule Drop() => Decide(verdict: 0);

    /// <summary>Ends the chain; others at the same hook go on.</summary>
    public NfRule Accept() => Decide(verdict: 1);

    private NfRule Decide(uint verdict)
    {
        using (message.Nested(Expression.Element))
        {
            message.Text(Expression.Name, "immediate");
            using (message.Nested(Expression.Data))
            {
                message.UInt32BigEndian(1, VerdictRegister);
                using (message.Nested(2))
                using (message.Nested(DataVerdict))
                    message.UInt32BigEndian(VerdictCode, verdict);
            }
        }

        return this;
    }

    private NfRule Load(string expression, uint key)
    {
        using (message.Nested(Expression.Element))
        {
            message.Text(Expression.Name, expression);
            using (message.Nested(Expression.Data))
                message.UInt32BigEndian(1, FirstRegister).UInt32BigEndian(2, key);
        }

        return this;
    }

    private NfRule Payload(uint register, uint header, uint offset, uint length)
    {
        using (message.Nested(Expression.Element))
        {
            message.Text(Expression.Name, "payload");
            using (message.Nested(Expression.Data))
            {
                message.UInt32BigEndian(1, register).UInt32BigEndian(2, header)
                    .UInt32BigEndian(3, offset).UInt32BigEndian(4, length);
            }
        }

        return this;
    }

    // A byte of an extension header, which a packet without that header does not match; or whether the packet has the header.
    private NfRule Extension(byte header, uint offset, bool isPresent)
    {
        using (message.Nested(Expression.Element))
        {
            message.Text(Expression.Name, "exthdr");
            using (message.Nested(Expression.Data))
            {
                message.UInt32BigEndian(1, FirstRegister).Bytes(2, [header]).UInt32BigEndian(3, offset)
                    .UInt32BigEndian(4, 1).UInt32BigEndian(5, isPresent ? 1u : 0u);
            }
        }

        return this;
    }

    /// <summary>The first register holds these bytes, or does not.</summary>
    public NfRule Compare(bool equal, ReadOnlySpan<byte> value)
    {
        using (message.Nested(Expression.Element))
        {
            message.Text(Expression.Name, "cmp");
            using (message.Nested(Expression.Data))
            {
                message.UInt32BigEndian(1, FirstRegister).UInt32BigEndian(2, equal ? 0u : 1u);
                using (message.Nested(3))
                    message.Bytes(DataValue, value);
            }
        }

        return this;
    }

    // Marks lie in registers as the machine holds them; what comes from packets as the wire does.
    private static byte[] Host(uint mark)
    {
        var bytes = new byte[4];
        MemoryMarshal.Write(bytes, mark);
        return bytes;
    }

    private static class Expression
    {
        public const ushort Element = 1;
        public const ushort Name = 1;
        public const ushort Data = 2;
    }
}
