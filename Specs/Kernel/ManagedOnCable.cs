using System.Net;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.Specs.Host;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Netlink;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// A managed host at the server's end of the cable, with an address that the server's kernel does not have, so that only the managed host answers. What
/// arrives there is marked as owned, as its packet link takes nothing else.
/// </summary>
internal sealed class ManagedOnCable : IAsyncDisposable
{
    private const uint Mark = 0x5a03;

    private readonly OwnedTable _marking;
    private readonly PacketLink _link;

    public ManagedOnCable(ITestOutputHelper output)
    {
        Hosts = new TwoHosts();
        _marking = Hosts.Server.Run(() => NetlinkFirewall.Owns(Hosts.Server.Link, Mark));
        _link = Hosts.Server.Run(() => PacketLink.Open(Hosts.Server.Link, new PacketLinkOptions { OwnedMark = Mark }));
        Hosts.Client.Netlink.SetNeighbor(Hosts.Client.LinkIndex, Address, Hosts.Server.Mac);
        Tap = new ManagedTap(_link) { Records = false };
        Host = new ManagedHost("toe", Tap, [Address], new HostOptions { Policy = OffloadPolicies.Never, LoggerFactory = new SpecLog(output) });
        Host.SetNeighbor(Hosts.Client.IPv4, Hosts.Client.Mac);
    }

    public TwoHosts Hosts { get; }

    public ManagedHost Host { get; }

    /// <summary>What the managed host sends.</summary>
    public ManagedTap Tap { get; }

    public IPAddress Address { get; } = IPAddress.Parse("10.77.0.9");

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        _link.Dispose();
        _marking.Dispose();
        Hosts.Dispose();
    }
}
