using TcpActors.Engine.State;
using TcpActors.HostSide.Statistics;

namespace TcpActors.Specs.Host;

/// <summary>Statistics with a different number in every place.</summary>
internal static class SampleStatistics
{
    public static ConnectionStatistics Of(double bytesPerSecond) => new()
    {
        At = Microseconds.FromSeconds(100),
        Age = Microseconds.FromSeconds(60),
        Idle = Microseconds.FromSeconds(2),
        Received = new Traffic(3_000_000, 2_000, bytesPerSecond, 800),
        Sent = new Traffic(4_000_000, 3_000, 25_000, 20),
        Errors = new ErrorStatistics(11, 2, 22, 5, 33, 0.5, 0.25),
        Trend = new RateTrend(Trend.Uptake, 1.5),
        State = new StateStatistics
        {
            Tcp = TcpState.Established,
            TcpChanges = 1,
            IsInputEnded = false,
            IsOutputEnded = false,
            Upper = "streaming",
            UpperChanges = 4,
        },
        Resources = new ResourceStatistics(65_536, 4 << 20, 1000, 131_072, 4 << 20, 2000, 7),
        Moves = new MoveStatistics(3, Microseconds.FromSeconds(9), new Microseconds(250)),
        Tags = ["bulk", "backup"],
        Priority = -7,
    };

    public static ToeStatistics Toe(string name) => new()
    {
        Name = name,
        IsLinkUp = true,
        Capacity = 100,
        Connections = 42,
        BufferMemoryLimit = 4_000_000_000,
        BufferMemoryUsed = 1_500_000,
        FramesReceived = 1,
        BytesReceived = 2,
        FramesSent = 3,
        BytesSent = 4,
        BytesReceivedPerSecond = 12_500_000,
        BytesSentPerSecond = 999,
        DroppedByLink = 10,
        DroppedByChannel = 200,
        DroppedByQueues = 3000,
        DroppedAsInvalid = 40_000,
        NotSent = 77,
        MovesIn = 51,
        MovesOut = 9,
        UploadRequests = 6,
        Refusals = 8,
    };
}
