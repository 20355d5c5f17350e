using System.Net;
using System.Net.Sockets;
using TcpActors.Specs.Claims;
using TcpActors.Transport.Linux.Netlink;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Kernel;

/// <summary>
/// Firewalls that track connections, strict in both directions and on both hosts, keep working before, during and after an offload: what belongs to the
/// connection passes, nothing else does.
/// </summary>
public sealed class FirewallSpecs(ITestOutputHelper output)
{
    private const int Port = 7;
    private const int OtherPort = 8;

    [KernelTheory]
    [InlineData(false, true)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(true, false)]
    public async Task A_connection_passes_and_a_stranger_does_not(bool hostConnects, bool hostSpeaksFirst)
    {
        await using var world = (KernelWorld)ClaimWorld.Create(HostKind.Kernel, output);
        using OwnedTable ours = world.Hosts.Server.Run(() => NetlinkFirewall.StatefulBothWays(Port, isServed: !hostConnects));
        using OwnedTable theirs = world.Hosts.Client.Run(() => NetlinkFirewall.StatefulBothWays(Port, isServed: hostConnects));
        await using ClaimLine line = hostConnects ? await world.OpenAsync(Port) : await world.ConnectAsync();
        await line.ExchangeAsync(4_000_000, 4_000_000);
        await AssertBlockedAsync(world);

        for (int round = 0; round < 3; round++)
        {
            await line.OffloadAsync();
            await TalkAsync(line, hostSpeaksFirst);
            await line.ExchangeAsync(4_000_000, 4_000_000);
            await AssertBlockedAsync(world);

            await line.UploadAsync();
            await TalkAsync(line, hostSpeaksFirst);
            await line.ExchangeAsync(4_000_000, 4_000_000);
            await AssertBlockedAsync(world);
        }

        await line.OffloadAsync();
        await line.Peer.FinishAsync();
        Assert.Equal(0, await line.Served.ReceiveAsync(new byte[1]).AsTask().WaitAsync(ClaimWorld.Patience));
        await line.SendAsync(100_000);
        await line.Served.Output.CompleteAsync();
        Assert.Equal(0, await line.Peer.ReceiveAsync(new byte[1]).WaitAsync(ClaimWorld.Patience));
    }

    /// <summary>After a move one side has something to say and the other waits for it.</summary>
    private static async Task TalkAsync(ClaimLine line, bool hostSpeaksFirst)
    {
        for (int round = 0; round < 3; round++)
        {
            await (hostSpeaksFirst ? line.SendAsync(100) : line.ReceiveAsync(100)).WaitAsync(TimeSpan.FromSeconds(10));
            await (hostSpeaksFirst ? line.ReceiveAsync(100) : line.SendAsync(100)).WaitAsync(TimeSpan.FromSeconds(10));
        }
    }

    private static async Task AssertBlockedAsync(KernelWorld world)
    {
        using Socket listener = world.Hosts.Server.Listen(port: OtherPort);
        using Socket stranger = world.Hosts.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await stranger.ConnectAsync(new IPEndPoint(world.Hosts.Server.IPv4, OtherPort), patience.Token));
    }
}
