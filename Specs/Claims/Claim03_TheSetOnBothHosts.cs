using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Kernel;
using TcpActors.Transport.Linux.Tcp;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>
/// Claim 3 between a real stack and a TOE. What the TOE gets and gives back is compared with what stands on the wire, and with what TCP_INFO tells.
/// What Linux cannot do is in kernel-handover.md, "What the kernel gives and takes", and each spec names it.
/// </summary>
public sealed class Claim03_TheSetOnBothHosts(ITestOutputHelper output)
{
    private static readonly TimeSpan s_keepAlive = TimeSpan.FromSeconds(3000);

    // Fails when: one of SND_UNA, SND_NXT, SND_MAX, RCV_NXT, RCV_WND, MAX_WIN or the timestamps is left out in FrozenSocket.Variants, or put
    // back differently in KernelHalf.Restore (its RepairWindow, Sequences, Timestamp).
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task Sequence_variables_windows_and_timestamps_are_those_of_the_wire_at_every_hand_over(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        world.Wire.Listen();
        await using ClaimLine line = await world.ConnectAsync();
        await line.ExchangeAsync(300_000, 200_000);
        WireReading atHost = await QuietAsync(world);

        await line.OffloadAsync();
        (_, SegmentVariants transferred) = await AgreeAsync(world, line);
        await line.ExchangeAsync(500_000, 400_000);
        (WireReading atToe, SegmentVariants changed) = await AgreeAsync(world, line);
        Assert.Equal(transferred.SndNxt + 500_000, changed.SndNxt);
        Assert.Equal(transferred.RcvNxt + 400_000, changed.RcvNxt);

        // RFC 7323 4.3: of the segment that begins at or before what was acknowledged last, so not always of the very last one.
        Assert.InRange((int)(atToe.PeerTimestamp - changed.TsRecent), 0, 100);

        await line.UploadAsync();
        AssertWire(atToe, line.Committed);
        await line.ExchangeAsync(100_000, 100_000);

        // Whoever sends: no timestamp goes back (RFC 7323 5.4), no window's right edge moves left (RFC 9293 3.8.6).
        uint timestamp = 0;
        SeqNum? edge = null;
        WireSegment answer = world.Wire.FromHost.First(segment => segment.Has(TcpFlags.Syn));
        foreach (WireSegment segment in world.Wire.FromHost.Where(segment => !segment.Has(TcpFlags.Syn)))
        {
            Assert.True((int)(segment.Options.TsVal - timestamp) >= 0 || timestamp == 0, "a timestamp went back");
            timestamp = segment.Options.TsVal;
            SeqNum offered = segment.Ack + ((uint)segment.Window << answer.Options.WindowScale!.Value);
            Assert.True(edge is null || offered + (1 << answer.Options.WindowScale!.Value) > edge, $"a window shrank: {segment} offers {offered}, the edge was {edge}");
            edge = edge is null ? offered : SeqNum.Max(edge.Value, offered);
        }

        Assert.True((int)(atToe.LastTimestamp - atHost.LastTimestamp) >= 0);
    }

    // "IP id ...: the kernel neither tells nor takes" it. So the TOE begins anywhere; from there on each packet has the next one.
    // Fails when: TcpEngine.Emit leaves out _v.IpId.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task The_TOE_counts_the_identification_of_its_packets(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        world.Wire.Listen();

        await line.OffloadAsync();
        await line.ExchangeAsync(300_000, 10_000);

        ushort next = world.Wire.FromHost.First().IpId;
        foreach (WireSegment segment in world.Wire.FromHost)
        {
            Assert.Equal(next, segment.IpId);
            next += (ushort)segment.Count;
        }

        await line.UploadAsync();
        Assert.InRange((ushort)(line.Committed.IpId - next), 0, 2);
    }

    // "cwnd, ssthresh, srtt, rttvar, RTO: TCP_INFO" tells them, and they are set "not directly".
    // Fails when: KernelVariants.Of leaves one out, or LastHandBack.Complete does not put it back into the set.
    [Theory]
    [OnKernelHost]
    public async Task What_TCP_INFO_tells_is_what_the_TOE_begins_with_and_what_the_kernel_does_not_take_the_host_keeps(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.ExchangeAsync(2_000_000, 100_000);
        Socket socket = ((KernelHalf)line.Served.Half).Socket!;
        IDisposable loss = world.Wire.LoseFromHost();
        await line.Served.Output.WriteAsync(new byte[100_000]);
        await ClaimWorld.UntilAsync(() => Task.FromResult(socket.GetTcpInfo().Backoff >= 2), "two time-outs of the kernel's");
        TcpInfo told = socket.GetTcpInfo();

        await line.OffloadAsync();
        SegmentVariants given = (await line.ReportAsync()).Variants;
        Assert.Equal(told.CongestionWindow * told.SendMss, given.CongestionWindow);

        // BBR, where it is the machine's default, sets no threshold.
        Assert.Equal(told.SlowStartThreshold >= int.MaxValue ? uint.MaxValue : told.SlowStartThreshold * told.SendMss, given.SlowStartThreshold);
        Assert.Equal((told.Rtt, told.RttVariation), (given.SmoothedRtt.Value, given.Delta.Value));
        Assert.Equal((told.Backoff, told.Rto >> told.Backoff), (given.RtoBackoff, given.Rto.Value));
        Assert.InRange(given.RetransmitAt.Value, 1, told.Rto);

        loss.Dispose();
        byte[] lost = new byte[100_000];
        for (int got = 0; got < lost.Length;)
        {
            got += await line.Peer.ReceiveAsync(lost).WaitAsync(ClaimWorld.Patience);
        }

        await line.ExchangeAsync(2_000_000, 100_000);
        await line.UploadAsync();
        SegmentVariants returned = line.Committed;
        Assert.NotEqual(given.CongestionWindow, returned.CongestionWindow);
        Assert.NotEqual((given.SmoothedRtt, given.Delta), (returned.SmoothedRtt, returned.Delta));
        Assert.Equal((0, Microseconds.Never), (returned.RtoBackoff, returned.RetransmitAt));

        // The kernel's new socket begins with ten segments; the host has not forgotten.
        await line.OffloadAsync();
        SegmentVariants again = (await line.ReportAsync()).Variants;
        Assert.Equal(
            (returned.CongestionWindow, returned.SlowStartThreshold, returned.SmoothedRtt, returned.Delta),
            (again.CongestionWindow, again.SlowStartThreshold, again.SmoothedRtt, again.Delta));
    }

    // "IP id, PUSH, delayed-ACK and keep-alive time left: no, no": the kernel neither tells nor takes them. Nobody waits for longer by that: an
    // acknowledgement that may be owed is sent at once, what was received is handed up at once, and keep-alive counts from the last segment received,
    // which TCP_INFO tells.
    // Fails when: TcpEngine.StartAfterMove sends no ACK, or KernelVariants.Of leaves out LastReceivedAt.
    [Theory]
    [OnKernelHost]
    public async Task Times_that_the_kernel_does_not_tell_begin_so_that_nobody_waits_longer(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        Socket socket = ((KernelHalf)line.Served.Half).Socket!;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, (int)s_keepAlive.TotalSeconds);
        await line.ExchangeAsync(1000, 1000);
        await ClaimWorld.UntilAsync(() => Task.FromResult(socket.GetTcpInfo().LastDataReceived > 100), "a pause");
        world.Wire.Listen();

        await line.OffloadAsync();

        // What the TOE begins with is committed before its first segment leaves.
        await ClaimWorld.UntilAsync(() => Task.FromResult(world.Wire.FromHost.Any()), "the TOE's first act");
        SegmentVariants given = (await line.ReportAsync()).Variants;
        WireSegment first = world.Wire.FromHost.First();
        Assert.Equal((0, given.RcvNxt, Microseconds.Never), (first.Length, first.Ack, given.DelayedAckAt));
        Assert.Equal(Microseconds.Never, given.PushAt);
        Assert.InRange(given.KeepAliveAt.ToTimeSpan(), s_keepAlive - ClaimWorld.Patience, s_keepAlive - TimeSpan.FromMilliseconds(50));
        await line.UploadAsync();
        Assert.InRange(line.Committed.KeepAliveAt.ToTimeSpan(), s_keepAlive - ClaimWorld.Patience, s_keepAlive - TimeSpan.FromMilliseconds(50));
    }

    private static void AssertWire(WireReading wire, in SegmentVariants variants)
    {
        Assert.Equal(AsOnWire(wire), Owned(in variants));
    }

    private static (SeqNum Una, SeqNum Nxt, SeqNum Max, SeqNum RcvNxt, SeqNum Edge, uint Window, uint MaxWindow) AsOnWire(WireReading wire) =>
        (wire.SndUna, wire.SndMax, wire.SndMax, wire.RcvNxt, wire.ReceiveEdge, wire.SndWnd, wire.MaxWindow);

    private static (SeqNum Una, SeqNum Nxt, SeqNum Max, SeqNum RcvNxt, SeqNum Edge, uint Window, uint MaxWindow) Owned(in SegmentVariants variants) =>
        (variants.SndUna, variants.SndNxt, variants.SndMax, variants.RcvNxt, variants.RcvNxt + variants.RcvWnd, variants.SndWnd, variants.MaxWindow);

    /// <summary>
    /// The wire and the owner say the same of everything. A window may open when all is acknowledged, so they are asked until they agree.
    /// </summary>
    private static async Task<(WireReading Wire, SegmentVariants Variants)> AgreeAsync(ClaimWorld world, ClaimLine line)
    {
        WireReading wire = await QuietAsync(world);
        ConnectionReport report = await line.UntilAsync(
            each =>
            {
                wire = new WireReading(world.Wire.Segments);
                return AsOnWire(wire) == Owned(each.Variants);
            },
            "what the wire says is what the owner says");
        AssertWire(wire, report.Variants);
        return (wire, report.Variants);
    }

    /// <summary>Everything that was sent is acknowledged.</summary>
    private static async Task<WireReading> QuietAsync(ClaimWorld world)
    {
        WireReading? wire = null;
        await ClaimWorld.UntilAsync(
            () =>
            {
                wire = new WireReading(world.Wire.Segments);
                SeqNum acknowledged = world.Wire.FromHost.Aggregate(wire.RcvNxt, (least, segment) => segment.Ack);
                return Task.FromResult(wire.SndUna == wire.SndMax && acknowledged == wire.RcvNxt);
            },
            "all is acknowledged");
        return wire!;
    }
}
