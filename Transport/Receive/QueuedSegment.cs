using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Transport.Receive;

/// <summary>A validated TCP segment (or run of segments) in a frame that waits for its flow's owner, who returns the frame.</summary>
public struct QueuedSegment
{
    public RxFrame Frame;

    /// <summary>Offset of the IP header in the frame.</summary>
    public int IpOffset;

    /// <summary>Length of the IP packet in bytes, link padding taken off.</summary>
    public int IpLength;

    /// <summary>Offset of the TCP header in the frame.</summary>
    public int TcpOffset;

    /// <summary>The two ECN bits of the IP header (RFC 3168 5).</summary>
    public byte Ecn;

    /// <summary>The IP packet.</summary>
    public readonly SegmentBytes IpPacket => Frame.Slice(IpOffset, IpLength);

    /// <summary>TCP header and payload.</summary>
    public readonly SegmentBytes Tcp => Frame.Slice(TcpOffset, IpOffset + IpLength - TcpOffset);
}
