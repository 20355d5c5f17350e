using System.Net;
using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Linux.Netlink;

/// <content>Neighbours: ARP and neighbour discovery.</content>
public sealed partial class RtNetlink
{
    /// <summary>All neighbour entries, both families.</summary>
    public IReadOnlyList<NeighborInfo> Neighbors() => _socket.Dump(
        new NetlinkMessageBuilder("list the neighbours").Begin(RtMessage.GetNeighbor, NetlinkFlags.Dump, default(NeighborHeader)),
        NeighborInfo.Parse);

    /// <returns>Null when the kernel has no entry for that address on that interface.</returns>
    public NeighborInfo? Neighbor(int linkIndex, IPAddress address) => QueryOrNull(
        About("look up neighbour", RtMessage.GetNeighbor, NetlinkFlags.None, linkIndex, address),
        NeighborInfo.Parse,
        Errno.NoEntry);

    /// <summary>Makes or replaces an entry.</summary>
    public void SetNeighbor(int linkIndex, IPAddress address, MacAddress mac, NeighborState state = NeighborState.Permanent)
    {
        Span<byte> bytes = stackalloc byte[6];
        mac.CopyTo(bytes);
        _socket.Execute(
            About("set neighbour", RtMessage.NewNeighbor, NetlinkFlags.Create | NetlinkFlags.Replace, linkIndex, address, state)
                .Bytes(NeighborAttribute.LinkAddress, bytes));
    }

    /// <returns>False when there was no such entry.</returns>
    public bool DeleteNeighbor(int linkIndex, IPAddress address)
        => Done(About("delete neighbour", RtMessage.DeleteNeighbor, NetlinkFlags.None, linkIndex, address));

    /// <summary>
    /// Has the kernel find out the MAC address, as if it had a packet to send there: a new or failed entry is resolved by
    /// broadcast or multicast, a stale one is checked after the kernel's delay (5 s). The outcome arrives at the monitor.
    /// </summary>
    public void ResolveNeighbor(int linkIndex, IPAddress address) => _socket.Execute(
        About("resolve neighbour", RtMessage.NewNeighbor, NetlinkFlags.Create, linkIndex, address, flags: NeighborAttribute.Use));

    /// <summary>
    /// Has the kernel ask the known MAC address at once whether it is still there (unicast, NUD_PROBE). Without an answer the entry
    /// becomes <see cref="NeighborState.Failed"/> after about 3 s; <see cref="ResolveNeighbor"/> then asks everybody.
    /// </summary>
    /// <returns>False when there is nothing to ask: no entry, no MAC address, or a fixed entry.</returns>
    public bool ProbeNeighbor(int linkIndex, IPAddress address) => ChangeState("probe neighbour", linkIndex, address, NeighborState.Probe);

    /// <summary>
    /// Tells the kernel that the neighbour answers (RFC 4861 7.3.1: advice of an upper layer that moves forward), since
    /// it does not see the segments of owned flows.
    /// </summary>
    /// <param name="linkIndex">The interface.</param>
    /// <param name="address">The neighbour's.</param>
    /// <param name="mac">The MAC address that answers: an entry with another one is left alone.</param>
    /// <returns>False when there is nothing to confirm: no entry, no MAC address, or a fixed entry.</returns>
    public bool ConfirmNeighbor(int linkIndex, IPAddress address, MacAddress mac)
        => Neighbor(linkIndex, address)?.Mac == mac && ChangeState("confirm neighbour", linkIndex, address, NeighborState.Reachable);

    private bool ChangeState(string operation, int linkIndex, IPAddress address, NeighborState state)
    {
        // A request by an administrator overrides even a permanent entry, so look first.
        const NeighborState changeable = NeighborState.Valid & ~(NeighborState.NoArp | NeighborState.Permanent);
        return Neighbor(linkIndex, address) is { } known
            && (known.State & changeable) != NeighborState.None
            && Done(About(operation, RtMessage.NewNeighbor, NetlinkFlags.Replace, linkIndex, address, state));
    }

    private bool Done(NetlinkMessageBuilder request)
    {
        try
        {
            _socket.Execute(request);
            return true;
        }
        catch (NetlinkException exception) when (exception.Errno is Errno.NoEntry or Errno.Invalid)
        {
            return false;
        }
    }

    private static NetlinkMessageBuilder About(
        string operation,
        ushort type,
        NetlinkFlags request,
        int linkIndex,
        IPAddress address,
        NeighborState state = NeighborState.None,
        byte flags = 0)
    {
        var header = new NeighborHeader
        {
            Family = RtValue.Family(address),
            LinkIndex = linkIndex,
            State = (ushort)state,
            Flags = flags,
        };
        return new NetlinkMessageBuilder($"{operation} {address} on interface {linkIndex}")
            .Begin(type, request | NetlinkFlags.Ack, header)
            .Address(NeighborAttribute.Destination, address);
    }
}
