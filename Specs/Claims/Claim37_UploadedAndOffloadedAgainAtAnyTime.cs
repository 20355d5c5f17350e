using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claims 37, 38, 39 and 40: a connection is uploaded and offloaded again, at any time.</summary>
public sealed class Claim37_UploadedAndOffloadedAgainAtAnyTime(ITestOutputHelper output)
{
    private const int Moves = 1000;

    // Fails when: KernelHalf.Restore and ManagedHalf.Restore begin one byte later (SndUna + 1), or FlowEntry forwards nothing after a release.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task A_thousand_random_moves_during_one_transfer_lose_and_double_nothing(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        var random = new Random(37);
        Task moving = Task.Run(async () =>
        {
            while (line.Served.Epoch.Value < Moves)
            {
                // Wherever it is and whatever it does: sometimes one move follows at the other's heels, sometimes some segments pass in between.
                Task<MoveResult> move = random.Next(2) == 0 ? line.Served.OffloadAsync() : line.Served.UploadAsync();
                Assert.Empty((await move.WaitAsync(ClaimWorld.Patience)).Refused);
                Thread.SpinWait(random.Next(2000));
            }
        });

        await Task.WhenAll(line.SendUntilAsync(() => moving.IsCompleted), line.ReceiveUntilAsync(() => moving.IsCompleted), moving);

        Assert.True(line.Served.Epoch.Value >= Moves);
    }
}
