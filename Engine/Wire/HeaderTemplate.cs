using System.Buffers.Binary;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;

namespace TcpActors.Engine.Wire;

/// <summary>
/// Writes the headers of a connection's frames: what does not vary is prepared once, for one version of the segment-invariants, and copied.
/// Immutable; writing allocates nothing.
/// </summary>
public sealed class HeaderTemplate
{
    /// <summary>The longest header, in bytes: 802.1Q, IPv6, TCP with 40 bytes of options.</summary>
    public const int MaxLength = 18 + IpPacket.IPv6HeaderLength + TcpSegment.MinHeaderLength + TcpOptions.MaxLength;

    /// <summary>RFC 3168 5.</summary>
    private const ushort Ect0 = 2;

    private readonly byte[] _bytes;
    private readonly InternetChecksum _ipSum;
    private readonly InternetChecksum _pseudoHeaderSum;
    private readonly bool _timestamps;

    public HeaderTemplate(ConnectionInvariants connection, SegmentInvariants invariants)
    {
        FlowKey flow = connection.Flow;
        Span<byte> bytes = stackalloc byte[MaxLength];
        bytes.Clear();
        NetworkOffset = FrameHeaders.WriteEthernet(
            bytes, invariants.Neighbor.Mac, invariants.Neighbor.SourceMac, invariants.Neighbor.Encapsulation, flow.IsIPv4);
        byte tos = (byte)(invariants.Tos & ~3);
        TransportOffset = NetworkOffset + FrameHeaders.WriteIp(bytes[NetworkOffset..], in flow, invariants.Ttl, tos);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[TransportOffset..], flow.LocalPort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[(TransportOffset + 2)..], flow.RemotePort);

        IsIPv4 = flow.IsIPv4;
        _timestamps = connection.TimestampsEnabled;
        _bytes = bytes[..(TransportOffset + TcpSegment.MinHeaderLength)].ToArray();
        _ipSum.Add(bytes[NetworkOffset..TransportOffset]);
        _pseudoHeaderSum.AddPseudoHeader(flow.LocalAddress, flow.RemoteAddress, IpPacket.Tcp, length: 0);
    }

    public bool IsIPv4 { get; }

    /// <summary>Offset of the IP header in the frame: 14 or 18.</summary>
    public int NetworkOffset { get; }

    /// <summary>Offset of the TCP header in the frame.</summary>
    public int TransportOffset { get; }

    /// <summary>Bytes of the header that <see cref="Write"/> makes for a segment.</summary>
    public int LengthOf(in OutgoingSegment segment) => _bytes.Length + OptionsLength(in segment);

    /// <summary>Writes the header of one frame, which carries all of an outgoing segment or one piece of a run.</summary>
    /// <param name="destination">At least <see cref="LengthOf"/> bytes; <see cref="MaxLength"/> are always enough.</param>
    /// <param name="run">What the engine decided to send.</param>
    /// <param name="offset">First byte of the run that this frame carries: 0, or a multiple of its segment size.</param>
    /// <param name="payload">The bytes that this frame carries: one wire segment's, or those of a super-segment.</param>
    /// <param name="partialChecksum">Whether the TCP checksum field gets the pseudo-header's sum only, for the link to complete.</param>
    /// <returns>Bytes written.</returns>
    /// <exception cref="ArgumentException">
    /// When the packet would be longer than 65,535 bytes, or the payload reaches beyond the run.
    /// </exception>
    public unsafe int Write(Span<byte> destination, in OutgoingSegment run, int offset, in SendSlices payload, bool partialChecksum)
    {
        int length = payload.L0 + payload.L1;
        int headerLength = LengthOf(in run);
        int tcpLength = headerLength - TransportOffset + length;
        if (headerLength - NetworkOffset + length > ushort.MaxValue || (uint)offset + (uint)length > (uint)run.Length)
        {
            throw new ArgumentException($"{length} bytes from {offset} on of a run of {run.Length} make no packet.", nameof(payload));
        }

        _bytes.CopyTo(destination);
        InternetChecksum ipSum = _ipSum;
        if (run.IsEcnCapable)
        {
            // The second byte is the type of service, or has the lower half of the traffic class in its upper half.
            destination[NetworkOffset + 1] |= (byte)(IsIPv4 ? Ect0 : Ect0 << 4);
            ipSum.Add(Ect0);
        }

        FrameHeaders.CompleteIp(destination[NetworkOffset..], IsIPv4, IpIdAt(in run, offset), tcpLength, ipSum);

        Span<byte> tcp = destination[TransportOffset..headerLength];
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], (run.Seq + offset).Value);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[8..], run.Ack.Value);
        tcp[12] = (byte)(tcp.Length / 4 << 4);
        tcp[13] = (byte)FlagsAt(in run, offset, length);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[14..], run.Window);
        WriteOptions(tcp[TcpSegment.MinHeaderLength..], in run);

        InternetChecksum sum = _pseudoHeaderSum;
        sum.Add((ushort)tcpLength);
        if (partialChecksum)
        {
            BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], sum.Sum);
            return headerLength;
        }

        sum.Add(tcp);
        sum.Add(new ReadOnlySpan<byte>(payload.P0, payload.L0));
        sum.Add(new ReadOnlySpan<byte>(payload.P1, payload.L1));
        BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], sum.Value);
        return headerLength;
    }

    private static ushort IpIdAt(in OutgoingSegment run, int offset) =>
        (ushort)(run.IpId + (offset == 0 ? 0 : offset / run.SegmentSize));

    private static TcpFlags FlagsAt(in OutgoingSegment run, int offset, int length)
    {
        TcpFlags flags = run.Flags;
        if (offset + length < run.Length)
        {
            // What ends a run belongs to its last segment.
            flags &= ~(TcpFlags.Psh | TcpFlags.Fin);
        }

        // RFC 3168 6.1.2: CWR is set once per window reduction.
        return offset == 0 ? flags : flags & ~TcpFlags.Cwr;
    }

    private int SackCount(in OutgoingSegment segment) => Math.Min(segment.Sack.Count, _timestamps ? 3 : 4);

    private int OptionsLength(in OutgoingSegment segment)
    {
        int blocks = SackCount(in segment);
        return (_timestamps ? 12 : 0) + (blocks == 0 ? 0 : 4 + (8 * blocks));
    }

    private void WriteOptions(Span<byte> destination, in OutgoingSegment run)
    {
        if (_timestamps)
        {
            destination = destination[TcpOptions.WriteTimestamps(destination, run.TsVal, run.TsEcr)..];
        }

        TcpOptions.WriteSack(destination, in run.Sack, SackCount(in run));
    }
}
