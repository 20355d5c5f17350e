using TcpActors.Engine.State;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claims 41, 43 and 48, first half: the host uses the updated variables for this connection.</summary>
public sealed class Claim41_TheHostUsesWhatComesBack(ITestOutputHelper output)
{
    // Fails when: ManagedHalf.Restore begins with SegmentVariants.Quiet, or KernelHalf.Restore leaves out repair.Sequences, Window or Timestamp.
    [Theory]
    [OnManagedHost]
    [OnKernelHost]
    public async Task After_an_upload_the_hosts_own_transmission_starts_from_the_returned_variables(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output, static options => options with { CongestionControl = "cubic" });
        world.Wire.Listen();
        await using ClaimLine line = await world.ConnectAsync();
        await line.OffloadAsync();
        await line.ExchangeAsync(3_000_000, 100_000);
        await line.UntilAsync(report => report.Variants.Flight == 0, "all is acknowledged");
        await line.UploadAsync();
        SegmentVariants returned = line.Committed;
        WireReading before = new(world.Wire.Segments);
        int count = world.Wire.Segments.Count;

        SegmentVariants hosts;
        WireSegment[] own;
        using (world.Wire.LoseFromHost())
        {
            await line.Served.Output.WriteAsync(new byte[1_000_000]);
            await ClaimWorld.UntilAsync(() => Task.FromResult(world.Wire.Segments.Skip(count).Any(segment => segment.Length > 0)), "the first flight");

            // While nothing is answered: an acknowledgement would move the window.
            hosts = (await line.ReportAsync()).Variants;
            own = [.. world.Wire.Segments.Skip(count).Where(segment => segment.IsFromHost)];
        }

        WireSegment first = own.First(segment => segment.Length > 0);
        Assert.Equal((returned.SndNxt, returned.RcvNxt), (first.Seq, first.Ack));
        Assert.True((int)(first.Options.TsVal - before.LastTimestamp) >= 0);
        Assert.All(own, segment => Assert.True(segment.End <= returned.SndUna + returned.SndWnd));
        if (kind == HostKind.Managed)
        {
            // Its first flight is what the TOE has found the path to take, not ten segments (RFC 6928).
            Assert.InRange(hosts.Flight, 15u * 1448, returned.CongestionWindow + (2 * 1448));
            Assert.Equal((returned.SmoothedRtt, returned.Delta), (hosts.SmoothedRtt, hosts.Delta));
        }

        // "cwnd, ssthresh, srtt, rttvar, RTO: not directly": Linux takes no window and no round trip; the host keeps them for the next offload, as
        // Claim03_TheSetOnBothHosts shows.
        byte[] received = new byte[1_000_000];
        for (int got = 0; got < received.Length;)
        {
            got += await line.Peer.ReceiveAsync(received.AsMemory(got)).WaitAsync(ClaimWorld.Patience);
        }
    }
}
