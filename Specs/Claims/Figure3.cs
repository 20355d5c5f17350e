using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>The patent's figure 3: a variable that the host controls has changed. In its order, with its numbers.</summary>
public sealed class Figure3(ITestOutputHelper output)
{
    // Fails when any step is left out; tried: 302 and 304 (HostSupervisor.Tell says nothing), 306 (ToePaths.Take keeps the cell as it was), 308 (ToeSupervisor.Tell tells the host nothing).
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task The_host_changes_a_variable_that_it_controls_step_by_step(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();
        await line.ExchangeAsync(100_000, 100_000);
        Neighbor before = (await line.ReportAsync()).Segment!.Neighbor;
        int said = world.Conversation.Said.Count;

        // 302: the host determines that one of the variables it controls has changed: the next hop's MAC address, in its neighbour table.
        MacAddress mac = world.GivePeerAnotherMac();

        // 304: the host notifies the TOE of the change.
        Toe.Command.Update notified = await world.Conversation.HearsAsync<Toe.Command.Update>(update => update.Neighbors.Any(each => each.Mac == mac));
        Neighbor next = Assert.Single(notified.Neighbors);
        Assert.Equal((before.Id, mac), (next.Id, next.Mac));
        Assert.True(next.Version > before.Version);

        // 306: the TOE updates the variable.
        world.Wire.Listen();
        await line.ExchangeAsync(1_000_000, 1_000_000);
        Assert.All(world.Wire.FromHost, segment => Assert.Equal(mac, segment.DestinationMac));

        // 308: the TOE passes the updated variables back to the host.
        Toe.Event.Updated updated = await world.Conversation.HearsAsync<Toe.Event.Updated>(
            each => each.Neighbors.Contains(new NeighborVersion(next.Id, next.Version)));
        Assert.Single(updated.Neighbors);
        await line.UntilAsync(report => report.Segment!.Neighbor == next, "the host's list has the new version");
        object[] order = [.. world.Conversation.Said.Skip(said).Where(each => each == (object)notified || each == (object)updated)];
        Assert.Equal([notified, updated], order);
    }
}
