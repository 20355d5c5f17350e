using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Policy;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claim 24: the TOE may decide as well. It asks for an upload with its reason; what must be is met, what may be can be declined.</summary>
public sealed class Claim24_TheToeMayAskAndTheHostDecline(ITestOutputHelper output)
{
    // Fails when: HostSupervisor.OnUploadRequested takes every reason for one that must be met; or Decline resumes nothing.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task What_the_policy_declines_stays_and_carries_on(HostKind kind)
    {
        await using ClaimWorld world = Create(kind, new Answering(Accepts: false));
        await using ClaimLine line = await world.ConnectAsync();
        await line.ExchangeAsync(1000, 1000);

        Toe.Event.UploadRequested asked = await world.Conversation.HearsAsync<Toe.Event.UploadRequested>(static _ => true);
        await world.Conversation.HearsAsync<Toe.Event.Resumed>(static _ => true);

        Assert.Equal((line.Served.Id, UploadReason.LowActivity), (asked.Connection, asked.Reason));
        Assert.Equal(0, world.Conversation.Count<Toe.Command.Upload>());
        Assert.NotEqual(world.Stack, (await line.ReportAsync()).Owner, StringComparer.Ordinal);
        await line.ExchangeAsync(100_000, 100_000);
    }

    // Fails when: PolicyActor.Ask does not pass on why it is asked.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task What_the_policy_accepts_goes_back(HostKind kind)
    {
        await using ClaimWorld world = Create(kind, new Answering(Accepts: true));
        await using ClaimLine line = await world.ConnectAsync();
        await line.ExchangeAsync(1000, 1000);

        await world.Conversation.HearsAsync<Toe.Event.UploadRequested>(static asked => asked.Reason == UploadReason.LowActivity);

        await line.UntilAsync(report => report.Owner == world.Stack, "the connection back in the stack");
        Assert.Equal(0, world.Conversation.Count<Toe.Command.Resume>());
        await line.ExchangeAsync(100_000, 100_000);
    }

    // Fails when: HostSupervisor.Consider asks the policy about one that is moved by hand.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task One_that_is_moved_by_hand_stays_where_it_was_put(HostKind kind)
    {
        await using ClaimWorld world = Create(kind, new Answering(Accepts: true));
        await using ClaimLine line = await world.ConnectAsync();
        await line.Served.OffloadAsync().WaitAsync(ClaimWorld.Patience);

        await world.Conversation.HearsAsync<Toe.Event.Resumed>(static _ => true);

        Assert.NotEqual(world.Stack, (await line.ReportAsync()).Owner, StringComparer.Ordinal);
        await line.ExchangeAsync(1000, 1000);
    }

    // Fails when: UploadReasons.IsOptional says so of a FIN.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task What_must_be_is_met_whatever_the_policy_says(HostKind kind)
    {
        await using ClaimWorld world = Create(kind, new Answering(Accepts: false));
        await using ClaimLine line = await world.ConnectAsync();
        await line.UntilAsync(report => report.Owner != world.Stack && report.Owner != "moving", "the connection at the TOE");

        await line.Peer.FinishAsync();

        await world.Conversation.HearsAsync<Toe.Event.UploadRequested>(static asked => asked.Reason == UploadReason.PeerFin);
        await line.UntilAsync(report => report.Owner == world.Stack, "the connection back in the stack");
        await line.SendAsync(100_000);
    }

    private ClaimWorld Create(HostKind kind, Answering policy) => ClaimWorld.Create(kind, output, options => options with
    {
        Policy = policy,
        MoveHysteresis = TimeSpan.Zero,
        StatisticsInterval = TimeSpan.FromMilliseconds(100),
        UploadRequests = new UploadRequestOptions { IdleTime = Microseconds.Zero },
    });

    /// <summary>Offloads each connection once, and gives its answer when a TOE offers it back.</summary>
    private sealed record Answering(bool Accepts) : IOffloadPolicy
    {
        public string Name => "answering";

        public long AskAfterBytes => 0;

        public Decision Decide(in OffloadQuestion question)
        {
            Wish wish = question.IsOffloaded
                ? question.Offered != UploadReason.None && Accepts ? Wish.Upload : Wish.Stay
                : question.Connection.Moves.Count == 0 ? Wish.Offload : Wish.Stay;
            return new Decision(wish, 0, $"{question.Offered}");
        }
    }
}
