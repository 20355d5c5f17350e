using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Links;

/// <summary>What a link does for its user.</summary>
[Flags]
public enum LinkCapabilities
{
    None = 0,

    /// <summary>Completes TCP checksums (<see cref="TxFrame.ChecksumPartial"/>).</summary>
    ChecksumOffload = 1,

    /// <summary>Cuts super-segments of up to <see cref="ILink.MaxSuperSegment"/> bytes (<see cref="TxFrame.SegmentSize"/>).</summary>
    SegmentationOffload = 2,
}

/// <summary>
/// The wire: sends and receives Ethernet frames. It is its own first receive queue; from each of its queues one thread receives. Any thread
/// may send, frames of one call leave in order. A link that has gone down (interface removed, carrier lost) returns no frames and refuses
/// sends; <see cref="IsUp"/> says so.
/// </summary>
public interface ILink : IReceiveQueue, IDisposable
{
    /// <summary>The interface's name.</summary>
    string Name { get; }

    MacAddress Address { get; }

    /// <summary>The largest IP packet in bytes.</summary>
    int Mtu { get; }

    LinkCapabilities Capabilities { get; }

    /// <summary>The largest IP packet of a super-segment, in bytes (65,535 at most); equals <see cref="Mtu"/> without segmentation offload.</summary>
    int MaxSuperSegment { get; }

    bool IsUp { get; }

    LinkCounters Counters { get; }

    /// <summary>Its receive queues beside the first; all of them have to be received from.</summary>
    IReadOnlyList<IReceiveQueue> FurtherQueues => [];

    /// <summary>
    /// Looks at its interface again; for whoever is told that it went up or down, or that its address or MTU is another one. Any thread.
    /// </summary>
    void Refresh();

    /// <summary>Sends frames in order.</summary>
    /// <returns>How many the link took; the rest are lost and counted, as a NIC with a full ring would.</returns>
    int Send(ReadOnlySpan<TxFrame> frames);
}

/// <summary>What a link has counted since it was opened.</summary>
public record struct LinkCounters(
    long RxFrames, long RxBytes, long RxDropped, long TxFrames, long TxBytes, long TxDropped);
