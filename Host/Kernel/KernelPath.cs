using System.Net;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.HostSide.Kernel;

/// <summary>Where a peer is reached, as the kernel's route and neighbour tables say.</summary>
/// <param name="Link">The interface.</param>
/// <param name="NextHop">The gateway, or the peer itself.</param>
/// <param name="NextHopMac">The next hop's address.</param>
/// <param name="RouteMtu">The route's own MTU, a learned one included; null when the interface's counts.</param>
/// <param name="Scope">Interface of a link-local peer; 0 otherwise.</param>
/// <param name="Changes">How many changes of the network had been heard of before this was found.</param>
internal sealed record KernelPath(LinkInfo Link, IPAddress NextHop, MacAddress NextHopMac, int? RouteMtu, int Scope, long Changes)
{
    public int LinkIndex => Link.Index;

    public MacAddress SourceMac => Link.Mac!.Value;

    /// <summary>The largest IP packet that leaves this machine, in bytes.</summary>
    public int Mtu => MtuOf(RouteMtu, Link);

    public static int MtuOf(int? route, LinkInfo link) => Math.Min(route ?? int.MaxValue, link.Mtu);
}
