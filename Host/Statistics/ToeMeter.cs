using TcpActors.Actors;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;

namespace TcpActors.HostSide.Statistics;

/// <summary>Reads one TOE's counters, which its threads go on writing. For the sampler.</summary>
internal sealed class ToeMeter(OffloadEngine toe, Microseconds since)
{
    private Microseconds _at = since;
    private long _bytesReceived = toe.Link.Counters.RxBytes;
    private long _bytesSent = toe.Link.Counters.TxBytes;
    private double _receivedPerSecond;
    private double _sentPerSecond;

    /// <param name="now">The host's clock.</param>
    /// <param name="least">The shortest interval that rates are taken over.</param>
    /// <param name="pool">The memory of connections' buffers.</param>
    public ToeStatistics Sample(Microseconds now, Microseconds least, ChunkPool pool)
    {
        LinkCounters link = toe.Link.Counters;
        double seconds = (now - _at).Value / 1_000_000.0;
        if (seconds > 0 && now - _at >= least)
        {
            _receivedPerSecond = (link.RxBytes - _bytesReceived) / seconds;
            _sentPerSecond = (link.TxBytes - _bytesSent) / seconds;
            (_at, _bytesReceived, _bytesSent) = (now, link.RxBytes, link.TxBytes);
        }

        ToeCounters counters = toe.Counters;
        long channel = 0;
        long queues = 0;
        long invalid = 0;
        foreach (DispatchCounters lane in toe.Lanes.Select(lane => lane.Dispatcher.Counters))
        {
            channel += lane.FifoOverflow;
            queues += lane.QueueOverflow;
            invalid += lane.Malformed + lane.BadChecksum;
        }

        return new ToeStatistics
        {
            Name = toe.Name,
            IsLinkUp = toe.Link.IsUp,
            Capacity = toe.Capacity,
            Connections = counters.Connections,
            BufferMemoryLimit = pool.Limit,
            BufferMemoryUsed = pool.RentedBytes,
            FramesReceived = link.RxFrames,
            BytesReceived = link.RxBytes,
            FramesSent = link.TxFrames,
            BytesSent = link.TxBytes,
            BytesReceivedPerSecond = _receivedPerSecond,
            BytesSentPerSecond = _sentPerSecond,
            DroppedByLink = link.RxDropped,
            DroppedByChannel = channel,
            DroppedByQueues = queues,
            DroppedAsInvalid = invalid,
            NotSent = link.TxDropped,
            MovesIn = counters.Taken,
            MovesOut = counters.GivenBack,
            UploadRequests = counters.UploadRequests,
            Refusals = counters.Refused,
        };
    }
}
