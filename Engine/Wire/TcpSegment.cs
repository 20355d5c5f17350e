using System.Buffers.Binary;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Wire;

/// <summary>
/// A received TCP segment (RFC 9293 3.1), parsed; its payload is with the frame it came in. A run of segments that the link or the sender
/// merged is one segment with the whole run as its payload. Its checksum is not looked at here.
/// </summary>
public readonly ref struct TcpSegment
{
    /// <summary>Bytes of a TCP header without options.</summary>
    public const int MinHeaderLength = 20;

    public TcpSegment()
    {
    }

    public ushort SourcePort { get; init; }

    public ushort DestinationPort { get; init; }

    public SeqNum Seq { get; init; }

    public SeqNum Ack { get; init; }

    public TcpFlags Flags { get; init; }

    /// <summary>As on the wire: not scaled.</summary>
    public ushort Window { get; init; }

    public ushort UrgentPointer { get; init; }

    public TcpOptions Options { get; init; }

    public SegmentBytes Payload { get; init; }

    /// <summary>How many segments of the wire this one stands for: 1 or more.</summary>
    public int SegmentCount { get; init; } = 1;

    /// <summary>The two ECN bits of the IP header (RFC 3168 5).</summary>
    public byte Ecn { get; init; }

    /// <summary>Sequence number after the segment: SEG.SEQ + SEG.LEN, with SYN and FIN counted (RFC 9293 3.4).</summary>
    public SeqNum End => Seq + (Payload.Length + (Has(TcpFlags.Syn) ? 1 : 0) + (Has(TcpFlags.Fin) ? 1 : 0));

    public bool Has(TcpFlags flags) => (Flags & flags) == flags;

    /// <param name="bytes">TCP header and payload: an IP packet's payload, without what Ethernet padded it with.</param>
    /// <param name="segment">The segment; its payload is part of <paramref name="bytes"/>.</param>
    /// <returns>False when the header is cut off or its data offset is impossible.</returns>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out TcpSegment segment) => TryParse(bytes, segmentSize: 0, ecn: 0, out segment);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out TcpSegment)"/>
    /// <param name="whole">
    /// TCP header and payload: an IP packet's payload, without what Ethernet padded it with. The header must be in memory.
    /// </param>
    /// <param name="segmentSize">Payload bytes of each of the segments that were merged; 0 when none were.</param>
    /// <param name="ecn">The ECN bits of the IP header.</param>
    /// <param name="segment">The segment; its payload is part of <paramref name="whole"/>.</param>
    public static bool TryParse(SegmentBytes whole, int segmentSize, byte ecn, out TcpSegment segment)
    {
        segment = default;
        ReadOnlySpan<byte> bytes = whole.InMemory;
        if (bytes.Length < MinHeaderLength)
        {
            return false;
        }

        int headerLength = (bytes[12] >> 4) * 4;
        if (headerLength < MinHeaderLength || headerLength > bytes.Length)
        {
            return false;
        }

        SegmentBytes payload = whole[headerLength..];
        segment = new TcpSegment
        {
            SourcePort = BinaryPrimitives.ReadUInt16BigEndian(bytes),
            DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            Seq = new SeqNum(BinaryPrimitives.ReadUInt32BigEndian(bytes[4..])),
            Ack = new SeqNum(BinaryPrimitives.ReadUInt32BigEndian(bytes[8..])),
            Flags = (TcpFlags)bytes[13],
            Window = BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]),
            UrgentPointer = BinaryPrimitives.ReadUInt16BigEndian(bytes[18..]),
            Options = headerLength == MinHeaderLength ? default : TcpOptions.Parse(bytes[MinHeaderLength..headerLength]),
            Payload = payload,
            SegmentCount = segmentSize <= 0 || payload.Length <= segmentSize ? 1 : (payload.Length + segmentSize - 1) / segmentSize,
            Ecn = ecn,
        };
        return true;
    }
}
