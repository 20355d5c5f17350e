using TcpActors.Engine.State;
using TcpActors.HostSide;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>
/// Claims 1, 2, 28, 34 and 36: the host transfers control of the segment-variant variables to the TOE; the TOE provides updated ones back.
/// </summary>
public sealed class Claim01_ControlIsTransferredAndUpdatedVariablesComeBack(ITestOutputHelper output)
{
    private const int ToPeer = 3_000_001;
    private const int ToHost = 2_000_003;

    // Fails when: ConnectionSeat.GiveBack hands over the variables that it was given instead of the present ones.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task Every_returned_variable_is_right_for_the_bytes_moved_and_the_host_carries_on_with_them(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        Assert.Equal((world.Stack, new Epoch(0)), ((await line.ReportAsync()).Owner, line.Served.Epoch));

        await line.OffloadAsync();
        ConnectionReport transferred = await line.ReportAsync();
        Assert.NotEqual(world.Stack, transferred.Owner, StringComparer.Ordinal);
        Assert.Equal(new Epoch(1), transferred.Epoch);
        await line.ExchangeAsync(ToPeer, ToHost);
        await line.UploadAsync();

        SegmentVariants before = transferred.Variants;
        SegmentVariants returned = line.Committed;
        Assert.Equal((world.Stack, new Epoch(2)), ((await line.ReportAsync()).Owner, line.Served.Epoch));
        Assert.Equal(TcpState.Established, returned.State);
        Assert.Equal(before.SndUna + ToPeer, returned.SndUna);
        Assert.Equal((returned.SndUna, returned.SndUna), (returned.SndNxt, returned.SndMax));
        Assert.Equal(before.RcvNxt + ToHost, returned.RcvNxt);
        Assert.True(returned.RcvWnd > 0 && returned.SndWnd > 0 && returned.MaxWindow >= returned.SndWnd);
        Assert.True(returned.SmoothedRtt > Microseconds.Zero && returned.MinRtt <= returned.SmoothedRtt);

        // The host goes on where the TOE left off: its first byte stands at the returned SND_NXT, and it expects the returned RCV_NXT.
        world.Wire.Listen();
        await line.ExchangeAsync(toPeer: 1, toHost: 0);
        WireSegment first = world.Wire.FromHost.First(segment => segment.Length > 0);
        Assert.Equal((returned.SndNxt, returned.RcvNxt), (first.Seq, first.Ack));
        await line.ExchangeAsync(ToPeer, ToHost);
        Assert.Equal(world.Stack, (await line.ReportAsync()).Owner);
    }
}
