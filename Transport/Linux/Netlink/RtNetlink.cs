using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>
/// Interfaces, addresses, routes and neighbours of one network namespace: that of the thread that made this object
/// (rtnetlink(7)). May be used from any thread. Every method throws <see cref="NetlinkException"/> when the kernel refuses.
/// </summary>
public sealed partial class RtNetlink : IDisposable
{
    private const uint SkipStatistics = 8;
    private readonly NetlinkSocket _socket = new(NetlinkProtocol.Route);

    public void Dispose() => _socket.Dispose();

    public IReadOnlyList<LinkInfo> Links()
    {
        var request = new NetlinkMessageBuilder("list the interfaces")
            .Begin(RtMessage.GetLink, NetlinkFlags.Dump, default(LinkHeader))
            .UInt32(LinkAttribute.ExtendedMask, SkipStatistics);
        return _socket.Dump(request, LinkInfo.Parse);
    }

    /// <returns>Null when there is no interface of that name.</returns>
    public LinkInfo? Link(string name)
    {
        var request = new NetlinkMessageBuilder($"look at interface {name}")
            .Begin(RtMessage.GetLink, NetlinkFlags.Ack, default(LinkHeader))
            .Text(LinkAttribute.Name, name)
            .UInt32(LinkAttribute.ExtendedMask, SkipStatistics);
        return QueryOrNull(request, LinkInfo.Parse, Errno.NoDevice);
    }

    /// <returns>Null when there is no interface of that index.</returns>
    public LinkInfo? Link(int index)
    {
        var request = new NetlinkMessageBuilder($"look at interface {index}")
            .Begin(RtMessage.GetLink, NetlinkFlags.Ack, new LinkHeader { Index = index })
            .UInt32(LinkAttribute.ExtendedMask, SkipStatistics);
        return QueryOrNull(request, LinkInfo.Parse, Errno.NoDevice);
    }

    /// <summary>Makes two virtual interfaces joined like the ends of a cable (veth(4)); both are down.</summary>
    /// <param name="name">The end in this namespace.</param>
    /// <param name="peer">The other end.</param>
    /// <param name="peerNamespace">Where the other end is put; null for this namespace.</param>
    /// <param name="mtu">Bytes of an IP packet, for both ends; null for the kernel's 1,500.</param>
    public void CreateVethPair(string name, string peer, NetworkNamespace? peerNamespace = null, int? mtu = null)
    {
        var request = new NetlinkMessageBuilder($"create the veth pair {name} and {peer}")
            .Begin(RtMessage.NewLink, NetlinkFlags.Create | NetlinkFlags.Exclusive | NetlinkFlags.Ack, default(LinkHeader))
            .Text(LinkAttribute.Name, name);
        if (mtu is { } bytes)
            request.UInt32(LinkAttribute.Mtu, (uint)bytes);
        var handle = peerNamespace?.Handle;
        var held = false;
        try
        {
            handle?.DangerousAddRef(ref held);
            using (request.Nested(LinkAttribute.LinkInfo))
            {
                request.Text(LinkAttribute.InfoKind, "veth");
                using (request.Nested(LinkAttribute.InfoData))
                using (request.Nested(LinkAttribute.VethPeer))
                {
                    request.Structure(default(LinkHeader)).Text(LinkAttribute.Name, peer);
                    if (mtu is { } peerBytes)
                        request.UInt32(LinkAttribute.Mtu, (uint)peerBytes);
                    if (handle is not null)
                        request.UInt32(LinkAttribute.NamespaceDescriptor, (uint)handle.DangerousGetHandle());
                }
            }

            _socket.Execute(request);
        }
        finally
        {
            if (held)
                handle!.DangerousRelease();
        }
    }

    /// <summary>Moves an interface to the network namespace of a process.</summary>
    public void MoveLink(int index, int processId) => _socket.Execute(
        ChangeLink($"move interface {index} to the namespace of process {processId}", new LinkHeader { Index = index })
            .UInt32(LinkAttribute.NamespaceOfProcess, (uint)processId));

    public void DeleteLink(int index) => _socket.Execute(
        new NetlinkMessageBuilder($"delete interface {index}")
            .Begin(RtMessage.DeleteLink, NetlinkFlags.Ack, new LinkHeader { Index = index }));

    public void SetLinkUp(int index, bool up = true) => _socket.Execute(
        ChangeLink(
            $"switch interface {index} {(up ? "on" : "off")}",
            new LinkHeader { Index = index, Flags = up ? (uint)LinkFlags.Up : 0, Change = (uint)LinkFlags.Up }));

    /// <param name="index">The interface.</param>
    /// <param name="mtu">Bytes of an IP packet.</param>
    public void SetLinkMtu(int index, int mtu) => _socket.Execute(
        ChangeLink($"set the MTU of interface {index} to {mtu}", new LinkHeader { Index = index })
            .UInt32(LinkAttribute.Mtu, (uint)mtu));

    public void SetLinkMac(int index, MacAddress mac)
    {
        Span<byte> bytes = stackalloc byte[6];
        mac.CopyTo(bytes);
        _socket.Execute(
            ChangeLink($"set the MAC address of interface {index} to {mac}", new LinkHeader { Index = index })
                .Bytes(LinkAttribute.Address, bytes));
    }

    private static NetlinkMessageBuilder ChangeLink(string operation, in LinkHeader header)
        => new NetlinkMessageBuilder(operation).Begin(RtMessage.NewLink, NetlinkFlags.Ack, header);

    private T? QueryOrNull<T>(NetlinkMessageBuilder request, NetlinkParser<T> parse, params ReadOnlySpan<int> absent)
        where T : class
    {
        _socket.TryQuery(request, parse, absent, out var result);
        return result;
    }
}
