using System.Diagnostics;
using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using Xunit;
using Xunit.Abstractions;

namespace TcpActors.Specs.Claims;

/// <summary>Claims 17, 42 and 47: the transferred variables do not depend on the bandwidth-delay product.</summary>
[Collection(nameof(Kernel.RunsAlone))]
public sealed class Claim17_TheSetIsIndependentOfTheBandwidthDelayProduct(ITestOutputHelper output)
{
    private const int Rounds = 8;
    private const int Written = 1_000_000;

    /// <summary>What a move may allocate more, whatever is in flight: an actor, messages, tasks of the spec's own.</summary>
    private const long Noise = 64 << 10;

    // How long it takes, which is flat too, is a measurement: Bench/MOVES.md. Here it is for the eye, as the machine is shared.
    // Fails when: SendBuffer is copied on the way to the TOE (OwnedVariables or TransferEntry with the bytes in flight), or SentRecords travel along.
    [Theory]
    [OnManagedHost]
    public async Task Within_one_process_a_transfer_moves_no_more_with_64_MiB_in_flight_than_with_none(HostKind kind)
    {
        const int flight = 64 << 20;
        CongestionControls.Add(new Boundless());
        await using ClaimWorld world = ClaimWorld.Create(kind, output, static options => options with
        {
            SendBufferLimit = 2 * flight,
            ReceiveBufferLimit = 2 * flight,
            CongestionControl = Boundless.Called,
        });
        await using ClaimLine line = await world.ConnectAsync();
        (long emptyBytes, TimeSpan emptyTime) = await MoveAsync(line);

        // What is sent is lost: all of it is in flight, and stays there. It is written while the stack has the connection, which lets an application write
        // as far ahead as it likes; then the peer's window is opened as far as it goes.
        using (world.Wire.LoseFromHost())
        {
            await line.Served.Output.WriteAsync(new byte[flight]).AsTask().WaitAsync(ClaimWorld.Patience);
            await line.OffloadAsync();
            world.Wire.SendToHost(ForgedSegment.FromPeer(await line.ReportAsync(), ushort.MaxValue));
            await line.UntilAsync(each => each.Variants.Flight == flight, "64 MiB in flight");
            await line.UploadAsync();

            (long fullBytes, TimeSpan fullTime) = await MoveAsync(line);

            output.WriteLine($"none in flight: {emptyBytes} bytes, {emptyTime.TotalMicroseconds:F0} µs; 64 MiB: {fullBytes} bytes, {fullTime.TotalMicroseconds:F0} µs");
            Assert.Equal((uint)flight, line.Committed.Flight);
            Assert.InRange(fullBytes, 0, emptyBytes + Noise);
        }
    }

    // "data received but not read, data sent but not acknowledged: recv with MSG_PEEK on the chosen queue; send to the chosen queue": payload in flight
    // has to be copied between the kernel and us, and only that grows.
    // Fails when: FrozenSocket copies what it reads through an array of its own, or leaves part of the queue behind.
    [Theory]
    [OnKernelHost]
    public async Task To_and_from_the_kernel_only_the_payload_in_flight_is_copied(HostKind kind)
    {
        await using ClaimWorld world = ClaimWorld.Create(kind, output);
        await using ClaimLine line = await world.ConnectAsync();
        await line.SendAsync(4_000_000);
        (long empty, _) = await MoveAsync(line);
        Assert.Equal((0u, 0), (line.Committed.Flight, line.Served.Memory.Send.Count));

        using IDisposable loss = world.Wire.LoseFromHost();
        await line.Served.Output.WriteAsync(new byte[Written]);
        await line.UntilAsync(report => report.Variants.Flight > 5000, "bytes in flight");
        (long full, _) = await MoveAsync(line);
        await line.OffloadAsync();

        // The memory through which the payload goes is lent by a pool; where it ends up is the posted buffer.
        output.WriteLine($"none in flight: {empty} bytes; {line.Committed.Flight}: {full} bytes");
        Assert.True(line.Committed.Flight > 5000);
        Assert.Equal(Written, line.Served.Memory.Send.Count);
        Assert.InRange(full, 0, empty + Noise);
    }

    /// <returns>What an offload allocates, and how long the quickest one takes.</returns>
    private static async Task<(long Bytes, TimeSpan Time)> MoveAsync(ClaimLine line)
    {
        await line.OffloadAsync();
        await line.UploadAsync();
        long bytes = long.MaxValue;
        TimeSpan time = TimeSpan.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long began = Stopwatch.GetTimestamp();
            long allocated = await AllocatedAsync(line.OffloadAsync);
            TimeSpan took = Stopwatch.GetElapsedTime(began);
            (bytes, time) = (Math.Min(bytes, allocated), took < time ? took : time);
            await line.UploadAsync();
        }

        return (bytes, time);
    }

    private static async Task<long> AllocatedAsync(Func<Task> move)
    {
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await move();
        return GC.GetTotalAllocatedBytes(precise: true) - before;
    }

    /// <summary>Sends whatever the peer's window takes, whatever is lost.</summary>
    private sealed class Boundless : ICongestionControl
    {
        public const string Called = "boundless";

        public string Name => Called;

        public void Start(ref SegmentVariants variants, int mss) => variants.CongestionWindow = 1 << 30;

        public void OnAcked(ref SegmentVariants variants, in AckSample ack) => variants.CongestionWindow = 1 << 30;

        public uint ThresholdAfterLoss(ref SegmentVariants variants, in LossEvent loss) => 1 << 30;

        public void OnTimeout(ref SegmentVariants variants, in LossEvent loss) => variants.CongestionWindow = 1 << 30;

        public void OnIdleEnd(ref SegmentVariants variants, in IdleEnd idle)
        {
        }
    }
}
