using System.Runtime.CompilerServices;
using TcpActors.Engine.State;

namespace TcpActors.HostSide.Statistics;

/// <summary>The counts that statistics are made of, since a connection was set up.</summary>
internal readonly record struct Tally
{
    public long BytesReceived { get; init; }

    public long BytesSent { get; init; }

    public long SegmentsReceived { get; init; }

    public long SegmentsSent { get; init; }

    public long Retransmitted { get; init; }

    public long Timeouts { get; init; }

    public long Dropped { get; init; }

    public long Duplicates { get; init; }

    public long OutOfOrder { get; init; }

    /// <summary>Reads what an owner may be counting at this moment: each number by itself, of 64 bits at most, and so never half of one.</summary>
    public static Tally Of(StrongBox<EngineCounters> counted)
    {
        ref EngineCounters counters = ref counted.Value;
        return new Tally
        {
            BytesReceived = Volatile.Read(ref counters.BytesReceived),
            BytesSent = Volatile.Read(ref counters.BytesSent),
            SegmentsReceived = Volatile.Read(ref counters.SegmentsReceived),
            SegmentsSent = Volatile.Read(ref counters.SegmentsSent),
            Retransmitted = Volatile.Read(ref counters.SegmentsRetransmitted),
            Timeouts = counters.RetransmissionTimeouts,
            Dropped = (long)counters.DroppedSequence + counters.DroppedPaws + counters.DroppedWithoutTimestamp
                + counters.DroppedReset + counters.DroppedSyn + counters.DroppedAck + counters.DroppedZeroWindow
                + counters.DroppedNoMemory + counters.DroppedNoMemoryBeyond + counters.DroppedReassemblyFull,
            Duplicates = (long)counters.DuplicatesReported + counters.DsacksSent,
            OutOfOrder = Volatile.Read(ref counters.OutOfOrder),
        };
    }

    public static Tally operator +(in Tally left, in Tally right) => new()
    {
        BytesReceived = left.BytesReceived + right.BytesReceived,
        BytesSent = left.BytesSent + right.BytesSent,
        SegmentsReceived = left.SegmentsReceived + right.SegmentsReceived,
        SegmentsSent = left.SegmentsSent + right.SegmentsSent,
        Retransmitted = left.Retransmitted + right.Retransmitted,
        Timeouts = left.Timeouts + right.Timeouts,
        Dropped = left.Dropped + right.Dropped,
        Duplicates = left.Duplicates + right.Duplicates,
        OutOfOrder = left.OutOfOrder + right.OutOfOrder,
    };
}
