using System.Net;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>A route, or the kernel's answer to how it would reach a destination.</summary>
/// <param name="Destination">The destination's address; null for a default route.</param>
/// <param name="PrefixLength">Bits of <paramref name="Destination"/>; 32 or 128 in an answer to a look-up.</param>
/// <param name="LinkIndex">The interface that frames leave by; 0 when the route names none.</param>
/// <param name="Gateway">The next hop; null when the destination is on the link. For an IPv4 route it may be IPv6 (RFC 8950).</param>
/// <param name="PreferredSource">The source address the kernel would choose; null when the route does not say.</param>
/// <param name="Mtu">The route's own MTU metric in bytes, a learned path MTU included; null when the interface's counts.</param>
/// <param name="Type">What becomes of packets on this route.</param>
public sealed record RouteInfo(
    IPAddress? Destination, int PrefixLength, int LinkIndex, IPAddress? Gateway, IPAddress? PreferredSource, int? Mtu, RouteType Type)
{
    /// <summary>The neighbour that frames for <paramref name="destination"/> are addressed to.</summary>
    public IPAddress NextHop(IPAddress destination) => Gateway ?? destination;

    internal static RouteInfo? Parse(in NetlinkMessage message)
    {
        if (message.Type is not (RtMessage.NewRoute or RtMessage.DeleteRoute) || !message.TryReadHeader(out RouteHeader header))
            return null;
        var attributes = message.Attributes(12);
        var link = new NetlinkAttribute(RouteAttribute.OutInterface, attributes.Find(RouteAttribute.OutInterface)).Int32;
        var gateway = attributes.Find(RouteAttribute.Gateway);
        if (gateway.IsEmpty && attributes.Find(RouteAttribute.Via) is { Length: > 2 } via)
            gateway = via[2..];
        var mtu = new NetlinkAttributes(attributes.Find(RouteAttribute.Metrics)).Find(RouteAttribute.MetricMtu);
        return new RouteInfo(
            RtValue.Address(attributes.Find(RouteAttribute.Destination), link),
            header.DestinationLength,
            link,
            RtValue.Address(gateway, link),
            RtValue.Address(attributes.Find(RouteAttribute.PreferredSource), link),
            mtu.IsEmpty ? null : new NetlinkAttribute(RouteAttribute.MetricMtu, mtu).Int32,
            (RouteType)header.Type);
    }
}

/// <summary>What a route does with packets (linux/rtnetlink.h, RTN_*).</summary>
public enum RouteType
{
    Unspecified = 0,
    Unicast = 1,
    Local = 2,
    Broadcast = 3,
    Anycast = 4,
    Multicast = 5,
    Blackhole = 6,
    Unreachable = 7,
    Prohibit = 8,
    Throw = 9,
}

/// <summary>Attribute types of routes (linux/rtnetlink.h).</summary>
internal static class RouteAttribute
{
    public const ushort Destination = 1;
    public const ushort Source = 2;
    public const ushort OutInterface = 4;
    public const ushort Gateway = 5;
    public const ushort PreferredSource = 7;
    public const ushort Metrics = 8;
    public const ushort Via = 18;
    public const ushort MetricMtu = 2;
    public const ushort MetricCongestionControl = 16;
    public const byte MainTable = 254;
    public const byte ProtocolStatic = 4;
    public const byte ScopeUniverse = 0;
    public const byte ScopeLink = 253;
}
