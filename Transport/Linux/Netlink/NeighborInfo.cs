using System.Net;
using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>An entry of the ARP or neighbour discovery table.</summary>
/// <param name="LinkIndex">The interface it is reached by.</param>
/// <param name="Address">Its IP address.</param>
/// <param name="Mac">Null while it is not known.</param>
/// <param name="State">What the kernel believes of it (RFC 4861 7.3.2; the same states serve ARP).</param>
public sealed record NeighborInfo(int LinkIndex, IPAddress Address, MacAddress? Mac, NeighborState State)
{
    /// <summary>The MAC address may be used, even while the kernel checks it.</summary>
    public bool IsUsable => Mac is not null && (State & NeighborState.Valid) != NeighborState.None;

    internal static NeighborInfo? Parse(in NetlinkMessage message)
    {
        if (message.Type is not (RtMessage.NewNeighbor or RtMessage.DeleteNeighbor)
            || !message.TryReadHeader(out NeighborHeader header) || header.Family is not (RtValue.Inet or RtValue.Inet6))
            return null;
        var attributes = message.Attributes(12);
        var address = RtValue.Address(attributes.Find(NeighborAttribute.Destination), header.LinkIndex);
        var mac = RtValue.Mac(attributes.Find(NeighborAttribute.LinkAddress));
        return address is null ? null : new NeighborInfo(header.LinkIndex, address, mac, (NeighborState)header.State);
    }
}

/// <summary>The kernel's neighbour states (linux/neighbour.h, NUD_*).</summary>
[Flags]
public enum NeighborState
{
    None = 0,
    Incomplete = 0x01,
    Reachable = 0x02,
    Stale = 0x04,
    Delay = 0x08,
    Probe = 0x10,
    Failed = 0x20,
    NoArp = 0x40,
    Permanent = 0x80,

    /// <summary>Any state in which the kernel would send to the known MAC address.</summary>
    Valid = Reachable | Stale | Delay | Probe | NoArp | Permanent,
}

/// <summary>Attribute types and flags of neighbours (linux/neighbour.h).</summary>
internal static class NeighborAttribute
{
    public const ushort Destination = 1;
    public const ushort LinkAddress = 2;
    public const byte Use = 0x01;
}
