using TcpActors.Engine.State;
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
/// The wire: sends and receives Ethernet frames. One thread receives; any thread may send, frames of one call leave in order. A link
/// that has gone down (interface removed, carrier lost) returns no frames and refuses sends; <see cref="IsUp"/> says so.
/// </summary>
public interface ILink : IDisposable
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

    /// <summary>How many frames may be received while an older one is still lent; 0: it wants them back with the batch.</summary>
    int LendingDepth => 0;

    /// <summary>
    /// Looks at its interface again; for whoever is told that it went up or down, or that its address or MTU is another one. Any thread.
    /// </summary>
    void Refresh();

    /// <summary>
    /// Takes frames that have arrived, waiting up to <paramref name="timeout"/> (<see cref="Microseconds.Never"/>: without bound,
    /// zero: not at all) for the first one.
    /// </summary>
    /// <returns>How many frames were written to <paramref name="frames"/>; 0 after the time-out or a <see cref="Wake"/>.</returns>
    int Receive(Span<RxFrame> frames, Microseconds timeout);

    /// <summary>Ends a waiting <see cref="Receive"/>, or the next one if none waits. Any thread.</summary>
    void Wake();

    /// <summary>Sends frames in order.</summary>
    /// <returns>How many the link took; the rest are lost and counted, as a NIC with a full ring would.</returns>
    int Send(ReadOnlySpan<TxFrame> frames);
}

/// <summary>What a link has counted since it was opened.</summary>
public record struct LinkCounters(
    long RxFrames, long RxBytes, long RxDropped, long TxFrames, long TxBytes, long TxDropped);
