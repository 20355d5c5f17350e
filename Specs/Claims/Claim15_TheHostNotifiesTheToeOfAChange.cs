using TcpActors.Actors.Contract;
using TcpActors.Engine.Wire;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claims 15 and 33: the host finds that an invariant has changed and notifies the TOE, which updates it and passes the updated variables back.</summary>
public sealed class Claim15_TheHostNotifiesTheToeOfAChange(ITestOutputHelper output)
{
    private const int Connections = 20;

    // Fails when: HostSupervisor.Tell says it to each connection, or to none; or PathCell keeps what it had.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task One_changed_MAC_address_is_one_word_to_the_TOE_and_on_the_next_frame_of_every_connection(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        var lines = new List<ClaimLine>();
        for (int i = 0; i < Connections; i++)
        {
            lines.Add(await world.ConnectAsync());
            await lines[^1].OffloadAsync();
        }

        MacAddress mac = world.GivePeerAnotherMac();

        Toe.Event.Updated updated = await world.Conversation.HearsAsync<Toe.Event.Updated>(static each => each.Neighbors.Count > 0);
        NeighborVersion version = Assert.Single(updated.Neighbors);
        world.Wire.Listen();
        foreach (ClaimLine line in lines)
        {
            await line.ExchangeAsync(10_000, 10_000);
            await line.UntilAsync(
                report => report.Segment!.Neighbor is { } known && (known.Id, known.Version, known.Mac) == (version.Neighbor, version.Version, mac), "the new version");
        }

        Assert.All(world.Wire.FromHost, segment => Assert.Equal(mac, segment.DestinationMac));
        Assert.Equal(1, world.Conversation.Said.OfType<Toe.Command.Update>().Count(update => update.Neighbors.Any(each => each.Mac == mac)));
        foreach (ClaimLine line in lines)
        {
            // What comes back is the newest version (claim 4's other half), and the stack goes on to the new address too.
            await line.UploadAsync();
            await line.ExchangeAsync(1000, 1000);
            await line.DisposeAsync();
        }

        Assert.All(world.Wire.FromHost, segment => Assert.Equal(mac, segment.DestinationMac));
    }
}
