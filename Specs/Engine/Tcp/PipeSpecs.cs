using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Tcp;

public class PipeSpecs
{
    private static readonly Microseconds Limit = Microseconds.FromSeconds(3600);

    [Theory]
    [InlineData(1, true, true, 7)]
    [InlineData(2, false, true, 7)]
    [InlineData(3, true, false, 7)]
    [InlineData(4, false, false, 0)]
    [InlineData(5, true, true, 14)]
    public void Two_streams_cross_a_perfect_path_without_a_retransmission(int seed, bool timestamps, bool sack, byte scale) =>
        Seeded.Run(seed, random =>
        {
            PipeSettings settings = new() { Timestamps = timestamps, Sack = sack, WindowScale = scale };
            using LossyPipe pipe = new(random, PipeFaults.None, settings);
            pipe.Run(Limit);
            Assert.Equal(0, pipe.A.Engine.Counters.SegmentsRetransmitted + pipe.B.Engine.Counters.SegmentsRetransmitted);
            Assert.Equal(settings.Bytes, pipe.A.Engine.Counters.BytesSent);
        });

    [Theory]
    [InlineData(11, true, true, 7)]
    [InlineData(12, false, true, 7)]
    [InlineData(13, true, false, 7)]
    [InlineData(14, false, false, 0)]
    [InlineData(15, true, true, 14)]
    public void Two_streams_survive_loss_reordering_and_duplication(int seed, bool timestamps, bool sack, byte scale) =>
        Seeded.Run(seed, random =>
        {
            PipeSettings settings = new() { Timestamps = timestamps, Sack = sack, WindowScale = scale };
            using LossyPipe pipe = new(random, PipeFaults.Some, settings);
            pipe.Run(Limit);
            Assert.True(pipe.A.Engine.Counters.SegmentsRetransmitted > 0);
            Assert.True(pipe.A.Engine.Counters.OutOfOrder > 0);
        });

    // RFC 2018 8: that data out of order may be given up is for a shortage, not for a path that loses a lot.
    [Theory]
    [InlineData(16, 0.01)]
    [InlineData(17, 0.1)]
    public void Nothing_that_arrives_behind_a_hole_is_refused_on_a_lossy_path(int seed, double loss) => Seeded.Run(seed, random =>
    {
        PipeSettings settings = new() { Bytes = 4 << 20, ReceiveBuffer = 4 << 20 };
        using LossyPipe pipe = new(random, PipeFaults.Some with { Loss = loss }, settings);
        pipe.Run(Limit);
        foreach (PipeEnd end in (PipeEnd[])[pipe.A, pipe.B])
        {
            EngineCounters counters = end.Engine.Counters;
            Assert.True(counters.OutOfOrder > 0);
            Assert.Equal((0, 0, 0), (counters.DroppedNoMemory, counters.DroppedNoMemoryBeyond, counters.Reneged));
        }
    });

    // RFC 2018 8: what was reported by SACK and given up comes again.
    [Theory]
    [InlineData(18, true)]
    [InlineData(19, false)]
    public void Two_streams_survive_a_shortage_of_memory(int seed, bool sack) => Seeded.Run(seed, random =>
    {
        ManagedChunkPool pool = new(chunkSize: 1024, limit: 24 << 10);
        PipeSettings settings = new() { Bytes = 2 << 20, Sack = sack, ReceivePool = pool };
        using LossyPipe pipe = new(random, PipeFaults.Some with { Loss = 0.02 }, settings);
        pipe.Run(Limit);
        EngineCounters a = pipe.A.Engine.Counters;
        EngineCounters b = pipe.B.Engine.Counters;
        Assert.True(a.Reneged + b.Reneged > 0, "nothing was given up");
        Assert.True(a.DroppedNoMemoryBeyond + b.DroppedNoMemoryBeyond > 0, "nothing was refused");
        Assert.Equal(0, pool.RentedBytes);
    });

    [Theory]
    [InlineData(21, true)]
    [InlineData(22, false)]
    public void Two_streams_survive_crashes_of_both_engines(int seed, bool timestamps) =>
        Seeded.Run(seed, random =>
        {
            PipeSettings settings = new() { Timestamps = timestamps, Bytes = 4 << 20 };
            using LossyPipe pipe = new(random, new PipeFaults { Crash = 0.01, Loss = 0.005, Reordering = 0.01 }, settings);
            pipe.Run(Limit);
            Assert.True(pipe.A.Crashes > 0 && pipe.B.Crashes > 0);
        });

    [Theory]
    [InlineData(31, 3000, 1448)]
    [InlineData(32, 1, 536)]
    [InlineData(33, 20000, 64)]
    public void Two_streams_cross_small_windows_and_small_segments(int seed, int receiveBuffer, int mss) =>
        Seeded.Run(seed, random =>
        {
            PipeSettings settings = new()
            {
                Bytes = receiveBuffer == 1 ? 2000 : 1 << 20,
                BeforeWrap = 1000,
                ReceiveBuffer = receiveBuffer,
                WindowScale = 0,
                Mss = mss,
                Nagle = false,
            };
            using LossyPipe pipe = new(random, PipeFaults.Some with { Loss = 0.003 }, settings);
            pipe.Run(Limit);
        });

    [Fact]
    public void Two_streams_survive_a_path_that_loses_a_fifth() =>
        Seeded.Run(41, random =>
        {
            PipeSettings settings = new() { Bytes = 512 << 10, BeforeWrap = 9999 };
            using LossyPipe pipe = new(random, PipeFaults.Some with { Loss = 0.2 }, settings);
            pipe.Run(Limit);
        });
}
