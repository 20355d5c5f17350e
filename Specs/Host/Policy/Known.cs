using TcpActors.Engine.State;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Policy.Recording;
using TcpActors.HostSide.Statistics;

namespace TcpActors.Specs.Host.Policy;

/// <summary>Statistics as a spec wants them: a connection is what it has done, at which rate, and for how long.</summary>
internal static class Known
{
    /// <summary>Of a request and its answer, each in one short segment.</summary>
    public static Work Exchange { get; } = new(64, 64, 1, 1);

    /// <summary>Of 64 KiB received in full segments, with an acknowledgement.</summary>
    public static Work Block { get; } = new(65_536, 0, 46, 1);

    /// <param name="at">Now, in seconds.</param>
    /// <param name="work">Since set-up.</param>
    /// <param name="second">Over the last interval; null: as on average since set-up.</param>
    /// <param name="age">In seconds.</param>
    /// <param name="idle">In seconds.</param>
    public static ConnectionStatistics Connection(double at, Work work, Work? second = null, double age = 1, double idle = 0)
    {
        Work rate = idle > 0 ? default : second ?? default(Work).Towards(work, 1 / age);
        return new ConnectionStatistics
        {
            At = Microseconds.FromSeconds(at),
            Age = Microseconds.FromSeconds(age),
            Idle = Microseconds.FromSeconds(idle),
            Received = new Traffic(work.BytesReceived, work.SegmentsReceived, rate.BytesReceived, rate.SegmentsReceived),
            Sent = new Traffic(work.BytesSent, work.SegmentsSent, rate.BytesSent, rate.SegmentsSent),
            Errors = default,
            Trend = new RateTrend(Trend.Steady, 1),
            State = new StateStatistics
            {
                Tcp = TcpState.Established,
                TcpChanges = 0,
                IsInputEnded = false,
                IsOutputEnded = false,
                Upper = null,
                UpperChanges = 0,
            },
            Resources = default,
            Moves = default,
            Tags = [],
            Priority = 0,
        };
    }

    public static ToeStatistics Toe(int capacity, int connections = 0, double memoryUsed = 0, bool isLinkUp = true, string name = "toe") =>
        TraceText.Of(new TraceToe(name, isLinkUp, capacity, connections, MemoryUsed: (long)(1000 * memoryUsed), MemoryLimit: 1000));

    public static Work Times(this Work work, long times) =>
        new(work.BytesReceived * times, work.BytesSent * times, work.SegmentsReceived * times, work.SegmentsSent * times);
}
