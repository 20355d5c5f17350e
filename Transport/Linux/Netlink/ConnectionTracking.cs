using Microsoft.Win32.SafeHandles;
using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>
/// The kernel's connection tracking entries of TCP flows (ctnetlink, linux/netfilter/nfnetlink_conntrack.h) in the network
/// namespace of the thread that made this object, zone 0. Without connection tracking in the kernel there are no entries.
/// </summary>
public sealed class ConnectionTracking : IDisposable
{
    private const ushort Change = 0;
    private const ushort Get = 1;
    private const byte Tcp = 6;
    private const uint SourceTranslated = 1 << 4;
    private const uint DestinationTranslated = 1 << 5;
    private readonly NetlinkSocket? _socket = OpenOrNull(NetlinkProtocol.Netfilter);

    // Bound to its network namespace when it is opened, as the socket is.
    private readonly SafeFileHandle? _count = OpenCount();

    /// <summary>
    /// From now on the flow's sequence numbers are not held against what passed here before (as with nf_conntrack_tcp_be_liberal, for this flow alone).
    /// Its entry stays what it is: to a firewall an established connection, begun by whoever began it.
    /// </summary>
    /// <returns>False when there was no entry.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool Tolerate(in FlowKey flow) =>
        !IsKnownToBeEmpty() && Ask("be liberal with", Change, flow, WriteLiberal) is not null;

    /// <summary>Whether the flow's addresses or ports are rewritten on their way.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool IsTranslated(in FlowKey flow)
        => !IsKnownToBeEmpty()
            && (Ask("look up", Get, flow) is { Translated: true } || Ask("look up", Get, flow.Reversed) is { Translated: true });

    public void Dispose()
    {
        _socket?.Dispose();
        _count?.Dispose();
    }

    internal static NetlinkSocket? OpenOrNull(NetlinkProtocol protocol)
    {
        try
        {
            return new NetlinkSocket(protocol);
        }
        catch (NetlinkException exception) when (exception.Errno is Errno.ProtocolNotSupported or Errno.FamilyNotSupported)
        {
            return null;
        }
    }

    private static SafeFileHandle? OpenCount()
    {
        try
        {
            return File.OpenHandle("/proc/sys/net/netfilter/nf_conntrack_count", share: FileShare.ReadWrite);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // No connection tracking, or not shown to a user namespace.
            return null;
        }
    }

    /// <summary>
    /// Nothing is tracked here: no flow need be asked for. One read of a number, where most namespaces track nothing and every move would ask
    /// three times, once of it while a peer waits.
    /// </summary>
    private bool IsKnownToBeEmpty()
    {
        if (_count is null)
            return false;
        Span<byte> digits = stackalloc byte[16];
        return RandomAccess.Read(_count, digits, fileOffset: 0) > 0 && digits[0] == (byte)'0';
    }

    /// <returns>Null when there is no entry. A change gives an empty one.</returns>
    private Entry? Ask(string verb, ushort message, in FlowKey flow, Action<NetlinkMessageBuilder>? content = null)
    {
        if (_socket is null)
            return null;
        var request = new NetlinkMessageBuilder($"{verb} the connection tracking entry of {flow}").Begin(
            Netfilter.Type(Netfilter.ConnectionTracking, message),
            NetlinkFlags.Ack,
            new NetfilterHeader { Family = flow.IsIPv4 ? Netfilter.FamilyIPv4 : Netfilter.FamilyIPv6 });
        // An entry is found by what its packets look like in either direction; under NAT only one of the two is the socket's.
        WriteTuple(request, flow);
        content?.Invoke(request);
        // EINVAL and EOPNOTSUPP: nfnetlink knows no connection tracking.
        return _socket.TryQuery(request, Parse, [Errno.NoEntry, Errno.Invalid, Errno.NotSupported], out var entry)
            ? entry ?? new Entry(Translated: false)
            : null;
    }

    private static void WriteTuple(NetlinkMessageBuilder request, in FlowKey flow)
    {
        Span<byte> address = stackalloc byte[16];
        using (request.Nested(Attribute.Original))
        {
            using (request.Nested(Attribute.Addresses))
            {
                var length = flow.LocalAddress.WriteTo(address);
                request.Bytes(flow.IsIPv4 ? Attribute.SourceIPv4 : Attribute.SourceIPv6, address[..length]);
                flow.RemoteAddress.WriteTo(address);
                request.Bytes(flow.IsIPv4 ? Attribute.DestinationIPv4 : Attribute.DestinationIPv6, address[..length]);
            }

            using (request.Nested(Attribute.Protocol))
            {
                request.Byte(Attribute.ProtocolNumber, Tcp)
                    .UInt16BigEndian(Attribute.SourcePort, flow.LocalPort)
                    .UInt16BigEndian(Attribute.DestinationPort, flow.RemotePort);
            }
        }
    }

    /// <summary>IP_CT_TCP_FLAG_BE_LIBERAL of linux/netfilter/nf_conntrack_tcp.h in both directions: struct nf_ct_tcp_flags, value and mask.</summary>
    private static void WriteLiberal(NetlinkMessageBuilder request)
    {
        const byte liberal = 0x08;
        using (request.Nested(Attribute.ProtocolInfo))
        using (request.Nested(Attribute.InfoTcp))
        {
            request.Bytes(Attribute.FlagsOriginal, [liberal, liberal]).Bytes(Attribute.FlagsReply, [liberal, liberal]);
        }
    }

    private static Entry? Parse(in NetlinkMessage message)
    {
        var attributes = message.Attributes(4);
        var status = new NetlinkAttribute(Attribute.Status, attributes.Find(Attribute.Status)).UInt32BigEndian;
        if ((status & (SourceTranslated | DestinationTranslated)) != 0)
            return new Entry(Translated: true);
        var original = new NetlinkAttributes(attributes.Find(Attribute.Original));
        var reply = new NetlinkAttributes(attributes.Find(Attribute.Reply));
        return new Entry(Translated: !AreMirrored(original, reply));
    }

    private static bool AreMirrored(NetlinkAttributes original, NetlinkAttributes reply)
    {
        var from = new NetlinkAttributes(original.Find(Attribute.Addresses));
        var back = new NetlinkAttributes(reply.Find(Attribute.Addresses));
        var fromPorts = new NetlinkAttributes(original.Find(Attribute.Protocol));
        var backPorts = new NetlinkAttributes(reply.Find(Attribute.Protocol));
        return from.Find(Attribute.SourceIPv4).SequenceEqual(back.Find(Attribute.DestinationIPv4))
            && from.Find(Attribute.DestinationIPv4).SequenceEqual(back.Find(Attribute.SourceIPv4))
            && from.Find(Attribute.SourceIPv6).SequenceEqual(back.Find(Attribute.DestinationIPv6))
            && from.Find(Attribute.DestinationIPv6).SequenceEqual(back.Find(Attribute.SourceIPv6))
            && fromPorts.Find(Attribute.SourcePort).SequenceEqual(backPorts.Find(Attribute.DestinationPort))
            && fromPorts.Find(Attribute.DestinationPort).SequenceEqual(backPorts.Find(Attribute.SourcePort));
    }

    private sealed record Entry(bool Translated);

    private static class Attribute
    {
        public const ushort Original = 1;
        public const ushort Reply = 2;
        public const ushort Status = 3;
        public const ushort ProtocolInfo = 4;
        public const ushort Addresses = 1;
        public const ushort Protocol = 2;
        public const ushort SourceIPv4 = 1;
        public const ushort DestinationIPv4 = 2;
        public const ushort SourceIPv6 = 3;
        public const ushort DestinationIPv6 = 4;
        public const ushort ProtocolNumber = 1;
        public const ushort SourcePort = 2;
        public const ushort DestinationPort = 3;
        public const ushort InfoTcp = 1;
        public const ushort FlagsOriginal = 4;
        public const ushort FlagsReply = 5;
    }
}
