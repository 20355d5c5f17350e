using System.Net;
using TcpActors.Transport.Linux.Netlink;

namespace TcpActors.Cli.Demo;

/// <summary>Makes an end of the demo's cable usable.</summary>
internal static class DemoInterface
{
    public static void Configure(RtNetlink netlink, string name, IPAddress address, int prefixLength)
    {
        netlink.SetLinkUp(netlink.Link("lo")!.Index);
        LinkInfo link = netlink.Link(name) ?? throw new CliException($"there is no interface {name} in this network namespace");
        netlink.SetLinkUp(link.Index);
        netlink.AddAddress(link.Index, address, prefixLength);
    }
}
