using System.Buffers.Binary;
using System.Net;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.HostSide.Kernel;

/// <summary>What a route depends on, and the interface it was found to leave by.</summary>
internal readonly record struct PeerKey(InternetAddress Local, InternetAddress Remote, int Scope, int LinkIndex)
{
    public static PeerKey Of(in FlowKey flow, KernelPath path) => new(flow.LocalAddress, flow.RemoteAddress, path.Scope, path.LinkIndex);

    /// <summary>The address for the kernel's tables.</summary>
    public IPAddress RemoteAddress => Scoped(Remote, Scope);

    public IPAddress LocalAddress => Scoped(Local, LinkIndex);

    public static IPAddress Scoped(InternetAddress address, long scope)
    {
        IPAddress scoped = address.ToIPAddress();
        if (address.IsLinkLocal)
        {
            scoped.ScopeId = scope;
        }

        return scoped;
    }
}

/// <summary>
/// All flows between one address of ours and one of a peer's, over one interface: they share a route. Changed under the lock of
/// <see cref="WatchedPaths"/>.
/// </summary>
internal sealed class WatchedPeer(PeerKey key, int? routeMtu, NextHop hop, NetworkPath path)
{
    public PeerKey Key { get; } = key;

    /// <summary>As TOEs know it.</summary>
    public NetworkPath Path { get; set; } = path;

    /// <summary>The next hop in use.</summary>
    public NextHop Hop { get; set; } = hop;

    /// <summary>The next hop that the kernel uses by now, and whose MAC address is not known yet; null: it is the one in use.</summary>
    public NextHop? NextHop { get; set; }

    public int? RouteMtu { get; set; } = routeMtu;

    /// <summary>The kernel reaches it over another interface.</summary>
    public bool IsElsewhere { get; set; }

    /// <summary>Its route may have changed: the kernel is to be asked.</summary>
    public bool IsSuspect { get; set; }

    public HashSet<FlowKey> Flows { get; } = [];

    /// <summary>Whether this route may serve packets to the peer, or to us.</summary>
    public bool MayBeServedBy(RouteInfo route) => Covers(route, Key.Remote) || Covers(route, Key.Local);

    private static bool Covers(RouteInfo route, InternetAddress address)
    {
        if (route.Destination is null)
        {
            return true;
        }

        InternetAddress network = InternetAddress.From(route.Destination);
        int bits = route.PrefixLength + (network.IsIPv4 ? 96 : 0);
        return bits == 0 || (Bits(network) ^ Bits(address)) >> (128 - bits) == UInt128.Zero;
    }

    private static UInt128 Bits(InternetAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.CopyTo(bytes);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
