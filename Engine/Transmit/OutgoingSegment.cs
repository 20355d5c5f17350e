using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine.Transmit;

/// <summary>
/// What the engine has decided to send: every field of the TCP header that varies, and which bytes of the send buffer follow it. It
/// becomes frames only after the commit. Longer than <see cref="SegmentSize"/> it stands for a run of segments (a super-segment), which the
/// link, or whoever writes the frames, cuts: the last one may be shorter, PSH belongs to the last, sequence numbers and IP ids count up.
/// </summary>
public struct OutgoingSegment
{
    public SeqNum Seq;
    public SeqNum Ack;

    /// <summary>Bytes of the send buffer, from <see cref="Seq"/> on; 0 for a pure acknowledgement.</summary>
    public int Length;

    /// <summary>Payload of each segment of the run in bytes; at least <see cref="Length"/> when it is one segment.</summary>
    public int SegmentSize;

    public TcpFlags Flags;

    /// <summary>Whether routers may mark it instead of dropping it: ECT(0) in the IP header (RFC 3168 5).</summary>
    public bool IsEcnCapable;

    /// <summary>The window field as sent: already shifted right by Rcv.Wind.Shift.</summary>
    public ushort Window;

    /// <summary>Identification of the first IPv4 packet of the run.</summary>
    public ushort IpId;

    /// <summary>TSval and TSecr (RFC 7323 3.2); sent when the connection negotiated timestamps.</summary>
    public uint TsVal;

    /// <inheritdoc cref="TsVal"/>
    public uint TsEcr;

    /// <summary>SACK blocks to report (RFC 2018 3), the most recent first; at most 3 with timestamps, 4 without.</summary>
    public SackBlocks Sack;

    /// <summary>How many segments go on the wire.</summary>
    public readonly int SegmentCount => Length <= SegmentSize ? 1 : (Length + SegmentSize - 1) / SegmentSize;
}
