using Akka.Actor;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>
/// Claims 25, 26 and 27: control of one connection's state is split between host and TOE, each holding its part at the same time, of a connection-oriented
/// transport.
/// </summary>
public sealed class Claim25_HostAndToeShareTheControl(ITestOutputHelper output)
{
    // Fails when: ConnectionActor answers Query with the variables it began with, or HostSupervisor keeps what it writes until the upload.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task While_the_TOE_moves_the_variants_the_host_writes_an_invariant_and_a_query_shows_both(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();
        Toe.Event.Variables before = await QueryAsync(world, line);
        bool isOver = false;
        Task traffic = Task.WhenAll(line.SendUntilAsync(() => Volatile.Read(ref isOver)), line.ReceiveUntilAsync(() => Volatile.Read(ref isOver)));

        MacAddress mac = world.GivePeerAnotherMac();

        Toe.Event.Variables during = before;
        await ClaimWorld.UntilAsync(
            async () => (during = await QueryAsync(world, line)).Segment.Neighbor.Mac == mac && during.Variants.SndUna > before.Variants.SndUna
                && during.Variants.RcvNxt > before.Variants.RcvNxt,
            "both parts have moved");
        Volatile.Write(ref isOver, true);
        await traffic;

        // Looking takes nothing: the ownership is the same, and the host's part is what the host has.
        Assert.Equal((before.Epoch, line.Served.Epoch), (during.Epoch, during.Epoch));
        ConnectionReport report = await line.ReportAsync();
        Assert.Equal(report.Segment!.Neighbor, during.Segment.Neighbor);
        Assert.NotEqual(world.Stack, report.Owner, StringComparer.Ordinal);
        Assert.True(during.Counters.SegmentsReceived > before.Counters.SegmentsReceived);
    }

    // Fails when: ToeSupervisor answers for a connection that it has given back (Find without IsLeft).
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task Of_what_is_the_hosts_the_TOE_knows_nothing(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        Assert.IsType<Toe.Event.NotHere>(await AskAsync(world, line));
        await line.OffloadAsync();
        Assert.IsType<Toe.Event.Variables>(await AskAsync(world, line));
        await line.UploadAsync();
        Assert.IsType<Toe.Event.NotHere>(await AskAsync(world, line));
    }

    private static async Task<Toe.Event.Variables> QueryAsync(ClaimWorld world, ClaimLine line) =>
        Assert.IsType<Toe.Event.Variables>(await AskAsync(world, line));

    private static Task<object> AskAsync(ClaimWorld world, ClaimLine line) =>
        world.Conversation.Toe.Ask<object>(new Toe.Command.Query([line.Served.Id]), ClaimWorld.Patience);
}
