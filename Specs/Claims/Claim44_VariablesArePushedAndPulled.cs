using Akka.Actor;
using TcpActors.Actors.Contract;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>
/// Claims 44, 45, 49 and 50: variables are pulled from and pushed onto a stack. The transfer area's own spec is OwnershipSpecs; here it is at work, and one
/// doorbell stands for many connections.
/// </summary>
public sealed class Claim44_VariablesArePushedAndPulled(ITestOutputHelper output)
{
    private const int Many = 64;

    // Fails when: TransferStack.Push says that the other side is to be told each time, or PullAll takes one entry.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task What_lies_there_when_the_TOE_comes_is_pulled_at_one_doorbell(HostKind kind)
    {
        using var held = new HeldUpLog();
        await using ClaimWorld world = ClaimWorld.Create(kind, output, held.Around);
        List<ClaimLine> lines = await ConnectAsync(world);

        // The TOE writes into its log that it has the first one, and gets no further until all the others lie on the stack.
        held.HoldUp("runs on");
        Task<MoveResult> moving = world.Host.OffloadAsync();
        await held.IsHeldUp.WaitAsync(ClaimWorld.Patience);
        await ClaimWorld.UntilAsync(() => Task.FromResult(lines.All(line => line.Served.Epoch.Value == 1)), "all are on the way");
        held.LetGo();
        MoveResult result = await moving.WaitAsync(ClaimWorld.Patience);

        Assert.Equal((Many, 0), (result.Moved, result.Refused.Count));
        Assert.InRange(world.Conversation.Count<Toe.Command.Offload>(), 1, 2);
        await EchoAndEndAsync(lines);
    }

    // Fails when: HostSupervisor pulls one entry for each doorbell.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task What_lies_there_when_the_host_comes_is_pulled_at_one_doorbell(HostKind kind)
    {
        using var held = new HeldUpLog();
        await using ClaimWorld world = ClaimWorld.Create(kind, output, held.Around);
        List<ClaimLine> lines = await ConnectAsync(world);
        Assert.Equal(Many, (await world.Host.OffloadAsync().WaitAsync(ClaimWorld.Patience)).Moved);

        held.HoldUp("is set up");
        lines.Add(await world.ConnectAsync());
        await held.IsHeldUp.WaitAsync(ClaimWorld.Patience);
        world.Conversation.Toe.Tell(Toe.Command.UploadAll.Instance);
        await ClaimWorld.UntilAsync(
            async () => await world.Conversation.Toe.Ask<object>(new Toe.Command.Query([lines[0].Served.Id]), ClaimWorld.Patience) is Toe.Event.NotHere,
            "the TOE has given the first one back");
        for (int i = 1; i < Many; i++)
        {
            ConnectionId id = lines[i].Served.Id;
            await ClaimWorld.UntilAsync(
                async () => await world.Conversation.Toe.Ask<object>(new Toe.Command.Query([id]), ClaimWorld.Patience) is Toe.Event.NotHere, "another one");
        }

        held.LetGo();

        await ClaimWorld.UntilAsync(() => Task.FromResult(lines.Take(Many).All(line => line.Served.Epoch.Value == 2)), "the host has all of them");
        Assert.Equal(1, world.Conversation.Count<Toe.Event.Uploaded>());
        await EchoAndEndAsync(lines);
    }

    private static async Task<List<ClaimLine>> ConnectAsync(ClaimWorld world)
    {
        var lines = new List<ClaimLine>();
        for (int i = 0; i < Many; i++)
        {
            lines.Add(await world.ConnectAsync());
        }

        return lines;
    }

    private static async Task EchoAndEndAsync(List<ClaimLine> lines)
    {
        await Task.WhenAll(lines.Select(line => line.ExchangeAsync(10_000, 10_000)));
        foreach (ClaimLine line in lines)
        {
            await line.DisposeAsync();
        }
    }
}
