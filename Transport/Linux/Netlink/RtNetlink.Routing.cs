using System.Net;
using System.Net.Sockets;

namespace TcpActors.Transport.Linux.Netlink;

/// <content>Addresses and routes.</content>
public sealed partial class RtNetlink
{
    /// <summary>All addresses of all interfaces, both families.</summary>
    public IReadOnlyList<AddressInfo> Addresses() => _socket.Dump(
        new NetlinkMessageBuilder("list the addresses").Begin(RtMessage.GetAddress, NetlinkFlags.Dump, default(AddressHeader)),
        AddressInfo.Parse);

    /// <summary>Adds an address that is usable at once: IPv6's duplicate address detection is left out.</summary>
    public void AddAddress(int linkIndex, IPAddress address, int prefixLength)
    {
        var header = new AddressHeader
        {
            Family = RtValue.Family(address),
            PrefixLength = (byte)prefixLength,
            Flags = address.AddressFamily == AddressFamily.InterNetworkV6 ? AddressAttribute.NoDuplicateDetection : (byte)0,
            LinkIndex = linkIndex,
        };
        _socket.Execute(
            new NetlinkMessageBuilder($"add the address {address}/{prefixLength} to interface {linkIndex}")
                .Begin(RtMessage.NewAddress, NetlinkFlags.Create | NetlinkFlags.Exclusive | NetlinkFlags.Ack, header)
                .Address(AddressAttribute.Local, address)
                .Address(AddressAttribute.Address, address));
    }

    /// <exception cref="NetlinkException">Also when the interface does not have it.</exception>
    public void RemoveAddress(int linkIndex, IPAddress address, int prefixLength) => _socket.Execute(
        new NetlinkMessageBuilder($"remove the address {address}/{prefixLength} from interface {linkIndex}")
            .Begin(
                RtMessage.DeleteAddress, NetlinkFlags.Ack,
                new AddressHeader { Family = RtValue.Family(address), PrefixLength = (byte)prefixLength, LinkIndex = linkIndex })
            .Address(AddressAttribute.Local, address));

    /// <summary>Adds a route to the main table, or replaces it there.</summary>
    /// <param name="destination">The network; null with prefix length 0 and a <paramref name="gateway"/> for a default route.</param>
    /// <param name="prefixLength">Bits of <paramref name="destination"/> that count.</param>
    /// <param name="gateway">The next hop; null when the network is on the link.</param>
    /// <param name="linkIndex">The interface; 0 lets the kernel find the gateway's.</param>
    /// <param name="preferredSource">The source address that local sockets get; null for the kernel's choice.</param>
    /// <param name="mtu">The path's MTU in bytes; null for the interface's.</param>
    /// <param name="congestionControl">What sockets that use it run, whatever the namespace's default is; null for that.</param>
    /// <exception cref="ArgumentException">Neither destination nor gateway is given.</exception>
    public void AddRoute(
        IPAddress? destination, int prefixLength, IPAddress? gateway, int linkIndex = 0, IPAddress? preferredSource = null, int? mtu = null,
        string? congestionControl = null)
    {
        var any = destination ?? gateway
            ?? throw new ArgumentException("A route needs a destination or a gateway.", nameof(destination));
        var header = new RouteHeader
        {
            Family = RtValue.Family(any),
            DestinationLength = (byte)prefixLength,
            Table = RouteAttribute.MainTable,
            Protocol = RouteAttribute.ProtocolStatic,
            Scope = gateway is null && any.AddressFamily == AddressFamily.InterNetwork
                ? RouteAttribute.ScopeLink : RouteAttribute.ScopeUniverse,
            Type = (byte)RouteType.Unicast,
        };
        var request = new NetlinkMessageBuilder($"add the route {destination?.ToString() ?? "default"}/{prefixLength} via {gateway}")
            .Begin(RtMessage.NewRoute, NetlinkFlags.Create | NetlinkFlags.Replace | NetlinkFlags.Ack, header);
        if (destination is not null)
            request.Address(RouteAttribute.Destination, destination);
        if (gateway is not null)
            request.Address(RouteAttribute.Gateway, gateway);
        if (linkIndex != 0)
            request.UInt32(RouteAttribute.OutInterface, (uint)linkIndex);
        if (preferredSource is not null)
            request.Address(RouteAttribute.PreferredSource, preferredSource);
        if (mtu is not null || congestionControl is not null)
        {
            using (request.Nested(RouteAttribute.Metrics))
            {
                if (mtu is { } bytes)
                    request.UInt32(RouteAttribute.MetricMtu, (uint)bytes);
                if (congestionControl is not null)
                    request.Text(RouteAttribute.MetricCongestionControl, congestionControl);
            }
        }

        _socket.Execute(request);
    }

    /// <summary>Asks the kernel how it would send a packet now.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="source">The source address, when it is already chosen.</param>
    /// <param name="linkIndex">The interface, when it is already chosen; 0 otherwise. A link-local destination's scope counts too.</param>
    /// <returns>Null when the destination cannot be reached.</returns>
    public RouteInfo? GetRoute(IPAddress destination, IPAddress? source = null, int linkIndex = 0)
    {
        var bits = (byte)(destination.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
        var header = new RouteHeader
        {
            Family = RtValue.Family(destination),
            DestinationLength = bits,
            SourceLength = source is null ? (byte)0 : bits,
        };
        var request = new NetlinkMessageBuilder($"look up the route to {destination}")
            .Begin(RtMessage.GetRoute, NetlinkFlags.Ack, header)
            .Address(RouteAttribute.Destination, destination);
        if (source is not null)
            request.Address(RouteAttribute.Source, source);
        if (linkIndex == 0 && destination.IsIPv6LinkLocal)
            linkIndex = (int)destination.ScopeId;
        if (linkIndex != 0)
            request.UInt32(RouteAttribute.OutInterface, (uint)linkIndex);
        // IPv4 says EACCES for a prohibiting route, and EINVAL for a black hole or a source that is not ours (any more).
        var route = QueryOrNull(
            request, RouteInfo.Parse,
            Errno.NetworkUnreachable, Errno.HostUnreachable, Errno.NetworkDown, Errno.NoDevice, Errno.AccessDenied, Errno.Invalid);
        // IPv6 answers with a route that refuses where IPv4 answers with an error.
        return route is { Type: RouteType.Unreachable or RouteType.Blackhole or RouteType.Prohibit or RouteType.Throw } ? null : route;
    }
}
