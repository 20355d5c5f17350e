using TcpActors.Engine.State;
using TcpActors.HostSide.Statistics;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// What the kernel has counted since its socket was made or, after an upload, restored: a restored socket begins at zero, and what it is given in
/// flight is not counted as sent. It does not tell what it has dropped.
/// </summary>
internal static class KernelCounts
{
    public static Tally Of(in TcpInfo info) => new()
    {
        // RCV_NXT, which this follows, has gone past the peer's FIN.
        BytesReceived = (long)info.BytesReceived - (IsFinReceived((TcpState)info.State) ? 1 : 0),
        BytesSent = (long)(info.BytesSent - info.BytesRetransmitted),
        SegmentsReceived = info.SegmentsReceived,
        SegmentsSent = info.SegmentsSent,
        Retransmitted = info.SegmentsRetransmitted,
        Timeouts = info.Timeouts,
        Duplicates = info.DuplicatesReported,
        OutOfOrder = info.OutOfOrder,
    };

    /// <summary>The kernel's stay ends: what it has counted is kept where the next owner counts on.</summary>
    public static void AddTo(ref EngineCounters counters, in TcpInfo info)
    {
        Tally stay = Of(in info);
        counters.BytesReceived += stay.BytesReceived;
        counters.BytesSent += stay.BytesSent;
        counters.SegmentsReceived += stay.SegmentsReceived;
        counters.SegmentsSent += stay.SegmentsSent;
        counters.SegmentsRetransmitted += stay.Retransmitted;
        counters.BytesRetransmitted += (long)info.BytesRetransmitted;
        counters.RetransmissionTimeouts += (int)stay.Timeouts;
        counters.DuplicatesReported += (int)stay.Duplicates;
        counters.OutOfOrder += stay.OutOfOrder;
    }

    private static bool IsFinReceived(TcpState state) => state is TcpState.CloseWait or TcpState.LastAck or TcpState.Closing;
}
