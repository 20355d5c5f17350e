using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide.Policy.Recording;

/// <summary>Statistics as lines, and back. What a record leaves out (limits of buffers, changes of state) is nothing when it is read.</summary>
internal static class TraceText
{
    public static TraceSample Of(ConnectionId connection, ConnectionStatistics statistics)
    {
        ErrorStatistics errors = statistics.Errors;
        StateStatistics state = statistics.State;
        return new TraceSample
        {
            T = statistics.At.Value,
            C = connection.Value,
            Age = statistics.Age.Value,
            Idle = statistics.Idle.Value,
            Rx = Numbers(statistics.Received),
            Tx = Numbers(statistics.Sent),
            Errors = errors.Total == 0 ? null : [errors.Retransmitted, errors.Timeouts, errors.Dropped, errors.Duplicates, errors.OutOfOrder],
            Trend = statistics.Trend.Ratio == 1 ? null : Math.Round(statistics.Trend.Ratio, 3),
            Tcp = state.Tcp == TcpState.Established ? null : state.Tcp.ToString(),
            IsInputEnded = state.IsInputEnded,
            IsOutputEnded = state.IsOutputEnded,
            Upper = state.Upper,
            Memory = statistics.Resources.Memory,
            Priority = statistics.Priority,
            Tags = statistics.Tags.Count == 0 ? null : statistics.Tags,
        };
    }

    /// <exception cref="FormatException">It is no reason.</exception>
    public static UploadReason OfferedIn(TraceSample line) =>
        line.Offered is not { } offered ? UploadReason.None
        : Enum.TryParse(offered, out UploadReason reason) ? reason
        : throw new FormatException($"'{offered}' is no reason for an upload");

    /// <exception cref="FormatException">It is not such a line.</exception>
    public static ConnectionStatistics Of(TraceSample line)
    {
        TcpState state = TcpState.Established;
        _ = OfferedIn(line);
        if (line.Rx.Length != 4 || line.Tx.Length != 4 || line.Errors is { Length: not 5 } || (line.Tcp is { } tcp && !Enum.TryParse(tcp, out state)))
        {
            throw new FormatException("a sample has four numbers for each direction, five errors if any, and a TCP state");
        }

        long[] errors = line.Errors ?? [0, 0, 0, 0, 0];
        return new ConnectionStatistics
        {
            At = new Microseconds(line.T),
            Age = new Microseconds(line.Age),
            Idle = new Microseconds(line.Idle),
            Received = Traffic(line.Rx),
            Sent = Traffic(line.Tx),
            Errors = new ErrorStatistics(errors[0], errors[1], errors[2], errors[3], errors[4], 0, 0),
            Trend = new RateTrend(Trend.Steady, line.Trend ?? 1),
            State = new StateStatistics
            {
                Tcp = state,
                TcpChanges = 0,
                IsInputEnded = line.IsInputEnded,
                IsOutputEnded = line.IsOutputEnded,
                Upper = line.Upper,
                UpperChanges = 0,
            },
            Resources = new ResourceStatistics(line.Memory, 0, 0, 0, 0, 0, 0),
            Moves = default,
            Tags = line.Tags ?? [],
            Priority = line.Priority,
        };
    }

    public static ToeStatistics Of(TraceToe toe) => new()
    {
        Name = toe.Name,
        IsLinkUp = toe.IsLinkUp,
        Capacity = toe.Capacity,
        Connections = toe.Connections,
        BufferMemoryUsed = toe.MemoryUsed,
        BufferMemoryLimit = toe.MemoryLimit,
        FramesReceived = 0,
        BytesReceived = 0,
        FramesSent = 0,
        BytesSent = 0,
        BytesReceivedPerSecond = 0,
        BytesSentPerSecond = 0,
        DroppedByLink = 0,
        DroppedByChannel = 0,
        DroppedByQueues = 0,
        DroppedAsInvalid = 0,
        NotSent = 0,
        MovesIn = 0,
        MovesOut = 0,
        UploadRequests = 0,
        Refusals = 0,
    };

    private static double[] Numbers(Traffic traffic) =>
        [traffic.Bytes, traffic.Segments, Math.Round(traffic.BytesPerSecond, 1), Math.Round(traffic.SegmentsPerSecond, 1)];

    private static Traffic Traffic(double[] numbers) => new((long)numbers[0], (long)numbers[1], numbers[2], numbers[3]);
}
