using TcpActors.Actors;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Transport.Links;

namespace TcpActors.HostSide.Statistics;

/// <summary>Reads one TOE's counters, which its threads go on writing, and notes whether its actor still answers. For the sampler.</summary>
internal sealed class ToeMeter(OffloadEngine toe, Microseconds since)
{
    private Microseconds _at = since;
    private long _bytesReceived = toe.Link.Counters.RxBytes;
    private long _bytesSent = toe.Link.Counters.TxBytes;
    private double _receivedPerSecond;
    private double _sentPerSecond;
    private Microseconds _askedAt = Microseconds.Never;

    public OffloadEngine Toe => toe;

    /// <summary>Its actor has been asked how it is.</summary>
    /// <returns>False when it has not answered the question before: that one stands.</returns>
    public bool TryAsk(Microseconds now)
    {
        bool isAsked = !_askedAt.IsNever;
        _askedAt = isAsked ? _askedAt : now;
        return !isAsked;
    }

    /// <summary>Its actor has answered.</summary>
    public void Answered() => _askedAt = Microseconds.Never;

    /// <param name="now">The host's clock.</param>
    /// <param name="least">The shortest interval that rates are taken over.</param>
    /// <param name="pool">The memory of connections' buffers.</param>
    public ToeStatistics Sample(Microseconds now, Microseconds least, ChunkPool pool)
    {
        ToeReading reading = toe.Read();
        LinkCounters link = reading.Link;
        double seconds = (now - _at).Value / 1_000_000.0;
        if (seconds > 0 && now - _at >= least)
        {
            _receivedPerSecond = (link.RxBytes - _bytesReceived) / seconds;
            _sentPerSecond = (link.TxBytes - _bytesSent) / seconds;
            (_at, _bytesReceived, _bytesSent) = (now, link.RxBytes, link.TxBytes);
        }

        return new ToeStatistics
        {
            Name = reading.Name,
            IsLinkUp = reading.IsLinkUp,
            SilentFor = _askedAt.IsNever ? Microseconds.Zero : now - _askedAt,
            Capacity = reading.Capacity,
            Connections = reading.Connections.Connections,
            BufferMemoryLimit = pool.Limit,
            BufferMemoryUsed = pool.RentedBytes,
            FramesReceived = link.RxFrames,
            BytesReceived = link.RxBytes,
            FramesSent = link.TxFrames,
            BytesSent = link.TxBytes,
            BytesReceivedPerSecond = _receivedPerSecond,
            BytesSentPerSecond = _sentPerSecond,
            DroppedByLink = link.RxDropped,
            DroppedByChannel = reading.Receive.FifoOverflow,
            DroppedByQueues = reading.Receive.QueueOverflow + reading.Connections.ForwardsDropped,
            DroppedAsInvalid = reading.Receive.Malformed + reading.Receive.BadChecksum,
            NotSent = link.TxDropped,
            MovesIn = reading.Connections.Taken,
            MovesOut = reading.Connections.GivenBack,
            UploadRequests = reading.Connections.UploadRequests,
            Refusals = reading.Connections.Refused,
        };
    }
}
