using System.Reflection;
using System.Runtime.CompilerServices;
using TcpActors.Actors.Contract;
using TcpActors.Engine;
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

        Assert.DoesNotContain(told, property => property.PropertyType == typeof(SegmentInvariants) || property.PropertyType == typeof(InvariantsUpdate));
        Assert.Contains(typeof(Toe.Command.Update).GetProperties(), property => property.PropertyType == typeof(IReadOnlyList<InvariantsUpdate>));
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
        SegmentInvariants before = (await line.ReportAsync()).Segment!;
        MacAddress old = before.NextHopMac;

        MacAddress mac = world.GivePeerAnotherMac();

        ConnectionReport after = await line.UntilAsync(report => report.Segment!.NextHopMac == mac, "the host's new version");
        Assert.Equal((before.Version + 1, old), (after.Segment!.Version, before.NextHopMac));
        await world.Conversation.HearsAsync<Toe.Event.Updated>(updated => updated.Versions.Contains(new UpdatedVersion(line.Served.Id, after.Segment.Version)));
        world.Wire.Listen();
        await line.ExchangeAsync(10_000, 10_000);
        Assert.All(world.Wire.FromHost, segment => Assert.Equal(mac, segment.DestinationMac));
    }
}
