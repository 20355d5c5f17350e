using System.Net.Sockets;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>
/// Claims 16, 20 and 21: only ESTABLISHED is offloaded; the host handles every other state. Each state of the kernel's is refused:
/// Specs/Kernel/RefusalSpecs.cs.
/// </summary>
public sealed class Claim16_OnlyEstablishedIsOffloaded(ITestOutputHelper output)
{
    // Fails when: TcpEngine.Receive asks for no upload at a FIN in order. That the host gets that very segment, and not only its retransmission, is in
    // ManagedMoveSpecs, in virtual time.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task A_FIN_reaches_the_host_whose_connection_is_then_in_CLOSE_WAIT_and_stays_there(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();
        await line.ExchangeAsync(100_000, 100_000);

        await line.Peer.FinishAsync();

        await world.Conversation.HearsAsync<Toe.Event.UploadRequested>(asked => asked.Reason == UploadReason.PeerFin);
        Assert.Equal(0, await line.Served.ReceiveAsync(new byte[1]).AsTask().WaitAsync(ClaimWorld.Patience));
        await line.UntilAsync(report => report.Owner == world.Stack && report.Variants.State == TcpState.CloseWait, "CLOSE-WAIT");
        Assert.Equal(TcpState.Established, line.Committed.State);

        Refusal refusal = Assert.Single((await line.Served.OffloadAsync().WaitAsync(ClaimWorld.Patience)).Refused);
        Assert.Equal(refusal.Reason, (await line.ReportAsync()).LastRefusal);
        await line.SendAsync(1_000_000);
    }

    // Fails when: SequenceCheck lets the TOE drop an RST exactly at RCV.NXT instead of asking for an upload.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task An_RST_reaches_the_host_and_through_it_the_application(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();
        await line.ExchangeAsync(100_000, 100_000);

        line.Peer.Reset();

        await world.Conversation.HearsAsync<Toe.Event.UploadRequested>(asked => asked.Reason == UploadReason.PeerReset);
        SocketException failure = await Assert.ThrowsAsync<SocketException>(
            () => line.Served.ReceiveAsync(new byte[1]).AsTask().WaitAsync(ClaimWorld.Patience));
        Assert.Equal(SocketError.ConnectionReset, failure.SocketErrorCode);
    }

    // Fails when: ConnectionActor.Take tells nobody of verdict.SynNotice, or the TOE takes every segment of its interface and not only owned flows'.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task A_SYN_reaches_the_host_for_a_new_connection_at_once_and_for_a_live_one_as_a_notice(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();
        await line.ExchangeAsync(10_000, 10_000);
        await using ClaimLine another = await world.ConnectAsync();
        Assert.Equal(world.Stack, (await another.ReportAsync()).Owner);

        ConnectionReport before = await line.ReportAsync();
        world.Wire.Listen();
        world.Wire.SendToHost(ForgedSegment.FromPeer(before, window: 1000, TcpFlags.Syn));

        // RFC 5961 4: answered with a challenge ACK, and nothing else happens.
        await world.Conversation.HearsAsync<Toe.Event.SynSeen>(seen => seen.Connection == line.Served.Id);
        await ClaimWorld.UntilAsync(() => Task.FromResult(world.Wire.FromHost.Any()), "a challenge ACK");
        WireSegment challenge = world.Wire.FromHost.First();
        Assert.Equal((before.Variants.SndNxt, before.Variants.RcvNxt, 0), (challenge.Seq, challenge.Ack, challenge.Length));
        Assert.Equal(before.Owner, (await line.ReportAsync()).Owner);
        await line.ExchangeAsync(100_000, 100_000);
        await another.ExchangeAsync(100_000, 100_000);
    }

    // Fails when: HostSupervisor.BeginOffload does not look at WantedEnd and the stack not at what the connection is at (KernelHalf.Prepare and Freeze,
    // ManagedHalf.RefusalLocked). Each of the two stands behind the other.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task A_connection_whose_own_direction_has_ended_is_refused(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.Served.Output.CompleteAsync();
        Assert.Equal(0, await line.Peer.ReceiveAsync(new byte[1]).WaitAsync(ClaimWorld.Patience));

        Refusal refusal = Assert.Single((await line.Served.OffloadAsync().WaitAsync(ClaimWorld.Patience)).Refused);

        ConnectionReport report = await line.ReportAsync();
        Assert.Equal((world.Stack, refusal.Reason, new Epoch(0)), (report.Owner, report.LastRefusal, report.Epoch));
        Assert.Contains(report.Variants.State, new[] { TcpState.FinWait1, TcpState.FinWait2 });
        await line.ReceiveAsync(100_000);
    }
}
