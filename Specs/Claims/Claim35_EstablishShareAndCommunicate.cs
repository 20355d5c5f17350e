using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>
/// Claim 35: a connection is established, its control plane is shared between host and TOE, and updated variables are communicated; here one that a real
/// peer has opened, from its SYN to its FIN.
/// </summary>
public sealed class Claim35_EstablishShareAndCommunicate(ITestOutputHelper output)
{
    // Fails when: the list reads the variables only at an upload (Tenancy.Report without the commit slot), or the TOE answers a SYN or a FIN by itself.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task From_the_peers_SYN_to_its_FIN(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        world.Wire.Listen();

        // Established by the host alone: no word has been said to a TOE.
        await using ClaimLine line = await world.ConnectAsync();
        await ClaimWorld.UntilAsync(() => Task.FromResult(world.Wire.Segments.Count >= 3), "a handshake");
        Assert.Equal(
            [TcpFlags.Syn, TcpFlags.Syn | TcpFlags.Ack, TcpFlags.Ack],
            world.Wire.Segments.Take(3).Select(segment => segment.Flags & (TcpFlags.Syn | TcpFlags.Ack)));
        Assert.Empty(world.Conversation.Said);

        // Shared, and communicated while the TOE goes on: the host's list shows what the TOE has come to.
        await line.OffloadAsync();
        SegmentVariants last = (await line.ReportAsync()).Variants;
        for (int round = 1; round <= 3; round++)
        {
            await line.ExchangeAsync(100_000 * round, 200_000 * round);
            SegmentVariants now = (await line.UntilAsync(report => report.Variants.Flight == 0, "all is acknowledged")).Variants;
            Assert.Equal((last.SndNxt + (100_000 * round), last.RcvNxt + (200_000 * round)), (now.SndUna, now.RcvNxt));
            last = now;
        }

        // The end is the host's again, both ways.
        await line.Peer.FinishAsync();
        Assert.Equal(0, await line.Served.ReceiveAsync(new byte[1]).AsTask().WaitAsync(ClaimWorld.Patience));
        Assert.Equal(world.Stack, (await line.UntilAsync(report => report.Variants.State == TcpState.CloseWait, "CLOSE-WAIT")).Owner);
        Assert.Equal((last.SndUna, last.RcvNxt), (line.Committed.SndUna, line.Committed.RcvNxt));
        await line.Served.Output.CompleteAsync();
        Assert.Equal(0, await line.Peer.ReceiveAsync(new byte[1]).WaitAsync(ClaimWorld.Patience));
    }
}
