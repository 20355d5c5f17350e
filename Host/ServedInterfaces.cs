using System.Net;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.HostSide;

/// <summary>Which interfaces carry an address.</summary>
internal static class ServedInterfaces
{
    /// <summary>
    /// The interfaces a TOE can serve this local address on: the one that carries it, for a wildcard every one that carries an address.
    /// Loopback has no wire and is left out.
    /// </summary>
    public static IReadOnlyList<string> Of(IPAddress local)
    {
        using var rtnetlink = new RtNetlink();
        if (local.IsIPv4MappedToIPv6)
        {
            local = local.MapToIPv4();
        }

        bool any = local.Equals(IPAddress.Any) || local.Equals(IPAddress.IPv6Any);
        HashSet<int> carrying = [.. rtnetlink.Addresses()
            .Where(address => any || address.Address.GetAddressBytes().AsSpan().SequenceEqual(local.GetAddressBytes()))
            .Where(address => local.ScopeIdOrZero() is var scope && (scope == 0 || scope == address.LinkIndex))
            .Select(address => address.LinkIndex)];
        return [.. rtnetlink.Links().Where(link => carrying.Contains(link.Index) && !link.IsLoopback).Select(link => link.Name)];
    }

    private static long ScopeIdOrZero(this IPAddress address) =>
        address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? address.ScopeId : 0;
}
