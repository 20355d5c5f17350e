using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claims 13 and 14, for what an application changes: the host writes it, the TOE reads the next version, and it stays over moves.</summary>
public sealed class Claim13_TheApplicationsSettings(ITestOutputHelper output)
{
    // Fails when: HostSupervisor.ApplySettings tells the TOE nothing, or KernelHalf.Apply (ManagedHalf.Apply) changes nothing in the stack.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task What_is_changed_at_the_TOE_is_on_the_next_segment_and_stays_over_moves(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();

        await line.Served.UpdateAsync(new ConnectionSettings { Ttl = 7, TypeOfService = 0x48 }).WaitAsync(ClaimWorld.Patience);

        UpdatedVersion confirmed = (await world.Conversation.HearsAsync<Toe.Event.Updated>(updated => updated.Connections.Count == 1)).Connections[0];
        Assert.Equal(confirmed.Version, (await line.ReportAsync()).Segment!.Version);
        await SeesAsync(world, line, ttl: 7, tos: 0x48);
        await line.UploadAsync();
        await SeesAsync(world, line, ttl: 7, tos: 0x48);
        await line.OffloadAsync();
        await SeesAsync(world, line, ttl: 7, tos: 0x48);
    }

    // Fails when: KernelHalf.Apply (ManagedHalf.Apply) changes nothing in the stack.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task What_is_changed_in_the_stack_goes_along_to_the_TOE(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();

        // Twice, so that the second time the stack knows the connection's options already.
        for (byte ttl = 7; ttl < 9; ttl++)
        {
            await line.Served.UpdateAsync(new ConnectionSettings { Ttl = ttl, NoDelay = true, KeepAliveProbes = ttl }).WaitAsync(ClaimWorld.Patience);
            await SeesAsync(world, line, ttl, tos: 0);
            await line.OffloadAsync();
            await SeesAsync(world, line, ttl, tos: 0);
            SegmentInvariants segment = (await line.ReportAsync()).Segment!;
            Assert.Equal((ttl, false, ttl), (segment.Ttl, segment.NagleEnabled, segment.KeepAliveMaxProbes));
            await line.UploadAsync();
        }
    }

    // RFC 9293 3.8.4: a probe has no data and the sequence number before SND.NXT.
    // Fails when: HostSupervisor.ApplySettings tells the TOE nothing.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task Keep_alive_begins_when_it_is_switched_on(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();
        await line.ExchangeAsync(1000, 1000);
        world.Wire.Listen();

        await line.Served.UpdateAsync(new ConnectionSettings { KeepAlive = true, KeepAliveTime = TimeSpan.FromSeconds(1) }).WaitAsync(ClaimWorld.Patience);

        await ClaimWorld.UntilAsync(
            () => Task.FromResult(world.Wire.FromHost.Any(segment => segment.Length == 0 && segment.Seq == line.Committed.SndNxt - 1)), "a keep-alive probe");
    }

    // Fails when: HostSupervisor.Advance does not apply settings at the TOE where a move has ended.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task What_is_changed_in_the_middle_of_a_move_holds_after_it(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        for (byte ttl = 10; ttl < 40; ttl++)
        {
            Task<MoveResult> moving = ttl % 2 == 0 ? line.Served.OffloadAsync() : line.Served.UploadAsync();
            Task updating = line.Served.UpdateAsync(new ConnectionSettings { Ttl = ttl });
            await Task.WhenAll(moving, updating).WaitAsync(ClaimWorld.Patience);
            await SeesAsync(world, line, ttl, tos: 0);
        }
    }

    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task Of_a_connection_that_has_ended_nothing_can_be_changed(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        line.Served.Abort();
        await line.Served.Closed.WaitAsync(ClaimWorld.Patience);

        var error = await Assert.ThrowsAsync<System.Net.Sockets.SocketException>(
            () => line.Served.UpdateAsync(new ConnectionSettings { NoDelay = true }).WaitAsync(ClaimWorld.Patience));
        Assert.Equal(System.Net.Sockets.SocketError.NotConnected, error.SocketErrorCode);
    }

    private static async Task SeesAsync(ClaimWorld world, ClaimLine line, byte ttl, int tos)
    {
        const int ecn = 3;
        world.Wire.Listen();
        await line.ExchangeAsync(1000, 1000);
        Assert.All(world.Wire.FromHost, segment => Assert.Equal((ttl, tos), (segment.Ttl, segment.Tos & ~ecn)));
        world.Wire.StopListening();
    }
}
