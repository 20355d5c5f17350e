using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>The patent's figure 2, and claims 29, 30 and 31: decide, transfer, snapshot, post, manage, give back. In its order, with its numbers.</summary>
public sealed class Figure2(ITestOutputHelper output)
{
    private const int ToPeer = 3_000_000;
    private const int ToHost = 2_000_000;

    // Fails when any step is left out; tried: 202 (MoveWork.HandOver pushes nothing), 206 (Enter posts no buffers), 210 (GiveBack pushes nothing).
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task The_host_offloads_a_connection_step_by_step(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        world.Wire.Listen();
        await using ClaimLine line = await world.ConnectAsync();
        WireReading atHost = new(world.Wire.Segments);

        // 202: the host transfers control of the segment-variant variables to the TOE.
        await line.OffloadAsync();
        await world.Conversation.HearsAsync<Toe.Command.Offload>(_ => true);
        await world.Conversation.HearsAsync<Toe.Event.Offloaded>(taken => taken.Connections.Contains(line.Served.Id));
        ConnectionReport transferred = await line.ReportAsync();
        Assert.Equal((new Epoch(1), atHost.SndUna, atHost.RcvNxt), (transferred.Epoch, transferred.Variants.SndUna, transferred.Variants.RcvNxt));

        // 204: the host sends a snapshot of the connection-invariant and segment-invariant variables along.
        FlowKey flow = FlowKey.From(line.Served.LocalEndPoint, line.Served.RemoteEndPoint);
        Assert.Equal(flow, transferred.Connection!.Flow);
        Assert.True(transferred.Segment!.EffectiveMss > 0);

        // 206: the host has posted buffers in its memory, one to send from and one to receive into.
        PostedMemory posted = line.Served.Memory;
        Assert.Equal((transferred.Variants.SndUna, 0), (posted.Send.Una, posted.Receive.Unread));

        // 208: the TOE manages the complete connection.
        await line.ExchangeAsync(ToPeer, ToHost);
        Assert.All(world.Wire.FromHost, segment => Assert.False(segment.Has(TcpFlags.Rst) || segment.Has(TcpFlags.Fin)));
        Assert.Equal(transferred.Owner, (await line.ReportAsync()).Owner);

        // 210: the updated variables are transferred back to the host.
        await line.UploadAsync();
        await world.Conversation.HearsAsync<Toe.Event.Uploaded>(_ => true);
        SegmentVariants updated = line.Committed;
        Assert.Equal((new Epoch(2), world.Stack), (line.Served.Epoch, (await line.ReportAsync()).Owner));
        Assert.Equal((transferred.Variants.SndUna + ToPeer, transferred.Variants.RcvNxt + ToHost), (updated.SndUna, updated.RcvNxt));
        await line.ExchangeAsync(ToPeer, ToHost);
    }
}
