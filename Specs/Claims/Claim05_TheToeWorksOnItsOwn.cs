using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claims 5 and 34: the TOE processes incoming segments on its own.</summary>
public sealed class Claim05_TheToeWorksOnItsOwn(ITestOutputHelper output)
{
    // Fails when: ConnectionActor tells the host of each batch and waits for its answer (an Ask of any kind on the data path).
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task While_the_hosts_actor_is_held_up_the_connection_moves_data(HostKind kind)
    {
        using var held = new HeldUpLog();
        await using ClaimWorld world = ClaimWorld.Create(kind, output, held.Around);
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();

        // It writes into its log that there is a second connection, and gets no further.
        held.HoldUp("is set up");
        await using ClaimLine second = await world.ConnectAsync();
        await held.IsHeldUp.WaitAsync(ClaimWorld.Patience);
        Task<IReadOnlyList<ConnectionReport>> list = world.Host.ListAsync();
        await line.ExchangeAsync(toPeer: 8 << 20, toHost: 8 << 20);
        Assert.False(list.IsCompleted, "the host's actor was not held up");

        held.LetGo();
        Assert.Equal(2, (await list.WaitAsync(ClaimWorld.Patience)).Count);
    }
}
