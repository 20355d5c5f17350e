using System.Reflection;
using System.Runtime.CompilerServices;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claims 13 and 14: the host reads and writes segment-invariant variables; the TOE only reads them.</summary>
public sealed class Claim13_OnlyTheHostWritesInvariants(ITestOutputHelper output)
{
    // Fails when: a property of SegmentInvariants or ConnectionInvariants gets a 'set' for its 'init'.
    [Theory]
    [InlineData(typeof(SegmentInvariants))]
    [InlineData(typeof(ConnectionInvariants))]
    [InlineData(typeof(Neighbor))]
    [InlineData(typeof(NetworkPath))]
    [InlineData(typeof(InvariantsUpdate))]
    public void The_type_offers_a_TOE_no_way_to_write(Type type)
    {
        Assert.All(type.GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic), property => Assert.True(
            property.SetMethod is not { } set || set.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)),
            $"{property.Name} can be set at any time"));
        Assert.DoesNotContain(type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic), field => !field.IsInitOnly && !field.Name.StartsWith('<'));
    }

    // Fails when: an event of Toe carries new segment-invariants to the host as a command does to the TOE.
    [Fact]
    public void A_TOE_has_no_word_to_send_a_new_version_to_the_host()
    {
        IEnumerable<PropertyInfo> told = typeof(Toe.Event).GetNestedTypes()
            .Where(type => type != typeof(Toe.Event.Variables))
            .SelectMany(type => type.GetProperties(BindingFlags.Instance | BindingFlags.Public));

        Type[] versions = [typeof(SegmentInvariants), typeof(InvariantsUpdate), typeof(Neighbor), typeof(NetworkPath)];
        Type ItemOf(PropertyInfo property) => property.PropertyType.IsGenericType ? property.PropertyType.GenericTypeArguments[0] : property.PropertyType;
        Assert.DoesNotContain(told, property => versions.Contains(ItemOf(property)));
        Assert.All(typeof(Toe.Command.Update).GetProperties(), property => Assert.Contains(ItemOf(property), versions));
    }

    // Fails when: HostSupervisor.Updates does not count the version up, or ConnectionActor.Apply ignores it.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task What_the_host_writes_reaches_the_TOE_as_the_next_version_and_leaves_the_one_before_as_it_was(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();
        Neighbor before = (await line.ReportAsync()).Segment!.Neighbor;
        MacAddress old = before.Mac;

        MacAddress mac = world.GivePeerAnotherMac();

        ConnectionReport report = await line.UntilAsync(report => report.Segment!.Neighbor.Mac == mac, "the host's new version");
        Neighbor after = report.Segment!.Neighbor;
        Assert.Equal((before.Id, old), (after.Id, before.Mac));
        Assert.True(after.Version > before.Version);
        await world.Conversation.HearsAsync<Toe.Event.Updated>(updated => updated.Neighbors.Contains(new NeighborVersion(after.Id, after.Version)));
        world.Wire.Listen();
        await line.ExchangeAsync(10_000, 10_000);
        Assert.All(world.Wire.FromHost, segment => Assert.Equal(mac, segment.DestinationMac));
    }
}
