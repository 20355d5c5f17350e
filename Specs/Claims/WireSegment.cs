using System.Buffers.Binary;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Specs.Claims;

/// <summary>A TCP segment that was seen on the wire, lost or not; a super-segment counts as one.</summary>
internal sealed record WireSegment
{
    /// <summary>Whether the host under test has sent it, its stack or its TOE.</summary>
    public required bool IsFromHost { get; init; }

    /// <summary>Payload of each segment of a super-segment, in bytes; 0: it is one segment.</summary>
    public required int SegmentSize { get; init; }

    public MacAddress SourceMac { get; private init; }

    public MacAddress DestinationMac { get; private init; }

    public byte Ttl { get; private init; }

    public byte Tos { get; private init; }

    /// <summary>IPv4's identification.</summary>
    public ushort IpId { get; private init; }

    public FlowKey Flow { get; private init; }

    public SeqNum Seq { get; private init; }

    public SeqNum Ack { get; private init; }

    public TcpFlags Flags { get; private init; }

    /// <summary>As it stands there: not scaled.</summary>
    public ushort Window { get; private init; }

    public TcpOptions Options { get; private init; }

    /// <summary>Bytes of payload.</summary>
    public int Length { get; private init; }

    public SeqNum End => Seq + Length;

    /// <summary>How many segments it is cut into.</summary>
    public int Count => SegmentSize == 0 || Length <= SegmentSize ? 1 : (Length + SegmentSize - 1) / SegmentSize;

    public bool Has(TcpFlags flags) => (Flags & flags) == flags;

    /// <returns>Null when it is no TCP segment.</returns>
    public static WireSegment? Parse(ReadOnlySpan<byte> frame, int segmentSize, bool isFromHost)
    {
        if (!IpFrame.TryParse(frame, out IpFrame ip) || !ip.TryGetFlow(frame, out FlowKey flow)
            || !TcpSegment.TryParse(ip.PayloadOf(frame), out TcpSegment segment))
        {
            return null;
        }

        return new WireSegment
        {
            IsFromHost = isFromHost,
            SegmentSize = segmentSize,
            SourceMac = ip.SourceMac,
            DestinationMac = ip.DestinationMac,
            Ttl = ip.Ttl,
            Tos = ip.Tos,
            IpId = ip.IsIPv4 ? BinaryPrimitives.ReadUInt16BigEndian(frame[(ip.NetworkOffset + 4)..]) : (ushort)0,
            Flow = flow.Reversed,
            Seq = segment.Seq,
            Ack = segment.Ack,
            Flags = segment.Flags,
            Window = segment.Window,
            Options = segment.Options,
            Length = segment.Payload.Length,
        };
    }
}

/// <summary>The wire between the host under test and its peer.</summary>
internal abstract class Wire : IDisposable
{
    /// <summary>What has passed since the spec began to listen, in order, as seen at one place.</summary>
    public abstract IReadOnlyList<WireSegment> Segments { get; }

    public IEnumerable<WireSegment> FromHost => Segments.Where(segment => segment.IsFromHost);

    /// <summary>From now on what passes is kept.</summary>
    public abstract void Listen();

    /// <summary>From now on nothing is kept; what was is forgotten.</summary>
    public abstract void StopListening();

    /// <summary>What the host sends is lost until this is disposed.</summary>
    public abstract IDisposable LoseFromHost();

    /// <summary>What the peer sends is lost until this is disposed.</summary>
    public abstract IDisposable LoseFromPeer();

    /// <summary>Puts a frame of the spec's own making on the wire, towards the host.</summary>
    public abstract void SendToHost(byte[] frame);

    public abstract void Dispose();
}
