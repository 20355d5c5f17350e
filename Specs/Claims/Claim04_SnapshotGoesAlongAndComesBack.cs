using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>
/// Claims 4, 6, 7 and 32: a snapshot of everything that is not segment-variant goes along; the TOE uses both to process segments; an updated snapshot
/// comes back.
/// </summary>
public sealed class Claim04_SnapshotGoesAlongAndComesBack(ITestOutputHelper output)
{
    // Fails when: HeaderTemplate writes another TTL, TOS, MAC address or port than the snapshot's, TcpEngine cuts by another MSS, or its window
    // is shifted by another scale.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task Headers_that_the_TOE_sends_carry_the_snapshots_values(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        world.Wire.Listen();
        await using ClaimLine line = await world.ConnectAsync();
        await line.ExchangeAsync(10_000, 10_000);
        WireSegment stacks = world.Wire.FromHost.Last();
        int before = world.Wire.Segments.Count;

        await line.OffloadAsync();
        await line.ExchangeAsync(400_000, 400_000);

        ConnectionReport report = await line.ReportAsync();
        (ConnectionInvariants connection, SegmentInvariants segment) = (report.Connection!, report.Segment!);
        WireSegment answer = world.Wire.FromHost.First(each => each.Has(TcpFlags.Syn));
        WireSegment syn = world.Wire.Segments.First(each => !each.IsFromHost && each.Has(TcpFlags.Syn));
        Assert.Equal((answer.Seq, syn.Seq), (connection.InitialSendSequence, connection.InitialReceiveSequence));
        Assert.Equal((syn.Options.WindowScale, answer.Options.WindowScale), (connection.SendWindowScale, connection.ReceiveWindowScale));
        Assert.Equal((syn.Options.SackPermitted, syn.Options.HasTimestamps), (connection.SackPermitted, connection.TimestampsEnabled));
        Assert.Equal(connection.EffectiveMss(segment.PathMtu), segment.EffectiveMss);

        WireSegment[] toes = [.. world.Wire.Segments.Skip(before).Where(each => each.IsFromHost)];
        Assert.All(toes, each =>
        {
            // What the host's own stack would have written, and what the snapshot says.
            Assert.Equal((stacks.SourceMac, stacks.DestinationMac, stacks.Flow), (each.SourceMac, each.DestinationMac, each.Flow));
            Assert.Equal((segment.Neighbor.SourceMac, segment.Neighbor.Mac, connection.Flow), (each.SourceMac, each.DestinationMac, each.Flow));

            // The ECN bits are no part of TOS: they are TCP's own.
            Assert.Equal((stacks.Ttl, stacks.Tos & ~3), (each.Ttl, each.Tos & ~3));
            Assert.Equal((segment.Ttl, segment.Tos & ~3), (each.Ttl, each.Tos & ~3));
            Assert.Equal(connection.TimestampsEnabled, each.Options.HasTimestamps);
        });
        Assert.Equal(segment.EffectiveMss, toes.Max(each => each.SegmentSize == 0 ? each.Length : Math.Min(each.Length, each.SegmentSize)));
    }

    // Fails when: HostSupervisor.Updates sends no Update, ConnectionActor.Apply keeps the old record, or ConnectionSeat.GiveBack returns the first snapshot.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task The_newest_version_is_used_confirmed_and_the_hosts_after_the_upload(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();
        Neighbor first = (await line.ReportAsync()).Segment!.Neighbor;

        MacAddress mac = world.GivePeerAnotherMac();
        await world.Conversation.HearsAsync<Toe.Event.Updated>(updated => updated.Neighbors.Any(each => each.Neighbor == first.Id && each.Version > first.Version));
        world.Wire.Listen();
        await line.ExchangeAsync(100_000, 100_000);
        Assert.All(world.Wire.FromHost, segment => Assert.Equal(mac, segment.DestinationMac));

        await line.UploadAsync();
        SegmentInvariants returned = (await line.ReportAsync()).Segment!;
        Assert.True(returned.Neighbor.Version > first.Version);
        Assert.Equal(mac, returned.Neighbor.Mac);
        int before = world.Wire.Segments.Count;
        await line.ExchangeAsync(1000, 1000);
        Assert.All(world.Wire.Segments.Skip(before).Where(each => each.IsFromHost), segment => Assert.Equal(mac, segment.DestinationMac));
    }
}
