using TcpActors.Engine.State;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Policy.Recording;
using TcpActors.Specs.Host.Policy;
using TcpActors.Specs.Kernel;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claims 22 and 23: the host decides what to offload and to upload, using resource statistics. A policy moves connections as these change.</summary>
public sealed class Claim22_TheHostDecidesByStatistics(ITestOutputHelper output)
{
    // An exchange saves 20 µs, both moves cost 1,000: 50 exchanges. Silence of half a second is too long.
    private static readonly AdaptiveOptions s_adaptive = new()
    {
        Costs = new CostModel
        {
            Stack = new OwnerCosts(Exchange: 20_000, ByteReceived: 0, ByteSent: 0),
            Toe = new OwnerCosts(Exchange: 10_000, ByteReceived: 0, ByteSent: 0),
            Offload = 500,
            Upload = 500,
        },
        MostIdle = Microseconds.FromMilliseconds(500),
        MostIdleWhenScarce = Microseconds.FromSeconds(3600),
        Scarce = 1,
    };

    private static readonly OffloadHostOptions s_options = new()
    {
        Policy = new AdaptivePolicy(s_adaptive),
        StatisticsInterval = TimeSpan.FromMilliseconds(50),
        MoveHysteresis = TimeSpan.FromMilliseconds(100),
    };

    // Fails when: SamplesToPolicy tells the PolicyActor nothing; or OffloadBook.Ask drops a wish to upload.
    [Fact]
    public Task A_managed_hosts_policy_offloads_who_talks_and_uploads_who_is_silent() => TalkAndSilenceAsync(kernel: false);

    // Fails when: SamplesToPolicy tells the PolicyActor nothing; or OffloadBook.Ask drops a wish to upload.
    [KernelFact]
    public Task A_kernel_hosts_policy_offloads_who_talks_and_uploads_who_is_silent() => TalkAndSilenceAsync(kernel: true);

    // Fails when: OffloadBook.Review calls MakeRoom no more.
    [Fact]
    public Task On_a_managed_host_a_full_TOE_makes_room_for_a_better_one() => BetterOneAsync(kernel: false);

    // Fails when: OffloadBook.Review calls MakeRoom no more.
    [KernelFact]
    public Task On_a_kernel_host_a_full_TOE_makes_room_for_a_better_one() => BetterOneAsync(kernel: true);

    // Fails when: HostSupervisor.Move takes nothing in hand.
    [Fact]
    public Task On_a_managed_host_what_was_moved_by_hand_is_not_moved_by_the_policy() => ByHandAsync(kernel: false);

    // Fails when: HostSupervisor.Move takes nothing in hand.
    [KernelFact]
    public Task On_a_kernel_host_what_was_moved_by_hand_is_not_moved_by_the_policy() => ByHandAsync(kernel: true);

    // Fails when: Deciding.AskAfterBytes is the policy's own where there is a record.
    [Fact]
    public async Task A_record_knows_of_connections_too_short_for_a_sample()
    {
        string path = Path.Combine(Path.GetTempPath(), $"tcpactors-{Guid.NewGuid():N}.trace");
        try
        {
            await using (var line = PolicyLine.Create(kernel: false, s_options with { Policy = OffloadPolicies.Never, RecordFile = path }, output))
            {
                await using Talk talk = await line.ConnectAsync();
                await talk.ExchangeAsync(5);
            }

            ReplayResult always = Replay.Run(path, OffloadPolicies.Always);
            Assert.Equal((1, 1, 1), (always.Connections, always.Offloads, always.ClosingUploads));
            Assert.Equal((5 * 64, 5 * 64), (always.Work.BytesReceived, always.Work.BytesSent));
            Assert.Equal("the host has ended", always.End);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private async Task ByHandAsync(bool kernel)
    {
        await using var line = PolicyLine.Create(kernel, s_options with { Policy = new Restless() }, output);
        await using Talk other = await line.ConnectAsync();
        await using Talk talk = await line.ConnectAsync();
        await talk.UntilAsync(toToe: true, talk: 1);
        await talk.Connection.UploadAsync().WaitAsync(PolicyLine.Patience);
        Epoch byHand = talk.Connection.Epoch;

        // Meanwhile the other one is moved again and again.
        uint until = other.Connection.Epoch.Value + 4;
        while (other.Connection.Epoch.Value < until)
        {
            await talk.ExchangeAsync();
            await other.ExchangeAsync();
        }

        Assert.Equal((line.Stack, byHand), (await line.OwnerOfAsync(talk.Connection), talk.Connection.Epoch));
    }

    private async Task TalkAndSilenceAsync(bool kernel)
    {
        await using var line = PolicyLine.Create(kernel, s_options, output);
        await using Talk quiet = await line.ConnectAsync();
        await using Talk talk = await line.ConnectAsync();
        for (int round = 0; round < 2; round++)
        {
            await talk.ExchangeAsync(200);
            await talk.UntilAsync(toToe: true, talk: 10);
            await talk.UntilAsync(toToe: false, talk: 0);
        }

        Assert.Equal(4u, talk.Connection.Epoch.Value);

        // Two exchanges repay nothing.
        await quiet.ExchangeAsync(2);
        Assert.Equal(0u, quiet.Connection.Epoch.Value);
    }

    private async Task BetterOneAsync(bool kernel)
    {
        await using var line = PolicyLine.Create(kernel, s_options with { ToeCapacity = 1 }, output);
        await using Talk first = await line.ConnectAsync();
        await first.ExchangeAsync(200);
        await first.UntilAsync(toToe: true, talk: 10);
        await using Talk better = await line.ConnectAsync(static connection => connection.Priority = 1);

        Task betters = Task.Run(async () =>
        {
            await better.ExchangeAsync(200);
            await better.UntilAsync(toToe: true, talk: 10);
        });
        while (!betters.IsCompleted)
        {
            await first.ExchangeAsync(10);
        }

        await betters;
        await first.UntilAsync(toToe: false, talk: 10);
    }
}
