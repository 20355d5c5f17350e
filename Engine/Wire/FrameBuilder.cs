using System.Buffers.Binary;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Wire;

/// <summary>
/// Builds one whole frame with a TCP segment from plain values: for segments that no connection's <see cref="HeaderTemplate"/> covers (a
/// handshake, a reset) and for specs.
/// </summary>
public ref struct FrameBuilder
{
    public FrameBuilder()
    {
    }

    public MacAddress SourceMac { get; init; }

    public MacAddress DestinationMac { get; init; }

    public MacEncapsulation Encapsulation { get; init; }

    /// <summary>The connection, seen from the sender.</summary>
    public required FlowKey Flow { get; init; }

    public byte Ttl { get; init; } = 64;

    /// <summary>Type of service (traffic class), ECN bits included.</summary>
    public byte Tos { get; init; }

    /// <summary>IPv4 identification.</summary>
    public ushort IpId { get; init; }

    public SeqNum Seq { get; init; }

    public SeqNum Ack { get; init; }

    public TcpFlags Flags { get; init; }

    public ushort Window { get; init; }

    public ushort UrgentPointer { get; init; }

    public TcpOptions Options { get; init; }

    public ReadOnlySpan<byte> Payload { get; init; }

    /// <summary>Bytes of the frame.</summary>
    public readonly int Length =>
        Encapsulation.HeaderLength + (Flow.IsIPv4 ? IpPacket.IPv4HeaderLength : IpPacket.IPv6HeaderLength) + TcpLength;

    private readonly int TcpLength => TcpSegment.MinHeaderLength + Options.EncodedLength + Payload.Length;

    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    /// <exception cref="ArgumentException">
    /// When the destination is too short, the options need more than 40 bytes or the packet more than 65,535.
    /// </exception>
    public readonly int Write(Span<byte> destination)
    {
        int length = Length;
        int packetLength = length - Encapsulation.HeaderLength;
        if (Options.EncodedLength > TcpOptions.MaxLength || packetLength > ushort.MaxValue || destination.Length < length)
        {
            throw new ArgumentException(
                $"A frame of {length} bytes, {Options.EncodedLength} of them options, cannot be built.", nameof(destination));
        }

        FlowKey flow = Flow;
        int networkOffset = FrameHeaders.WriteEthernet(destination, DestinationMac, SourceMac, Encapsulation, flow.IsIPv4);
        int transportOffset = networkOffset + FrameHeaders.WriteIp(destination[networkOffset..], in flow, Ttl, Tos);
        InternetChecksum ipSum = default;
        ipSum.Add(destination[networkOffset..transportOffset]);
        FrameHeaders.CompleteIp(destination[networkOffset..], flow.IsIPv4, IpId, TcpLength, ipSum);

        Span<byte> tcp = destination[transportOffset..length];
        BinaryPrimitives.WriteUInt16BigEndian(tcp, flow.LocalPort);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[2..], flow.RemotePort);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], Seq.Value);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[8..], Ack.Value);
        tcp[12] = (byte)((TcpSegment.MinHeaderLength + Options.EncodedLength) / 4 << 4);
        tcp[13] = (byte)Flags;
        BinaryPrimitives.WriteUInt16BigEndian(tcp[14..], Window);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[18..], UrgentPointer);
        Options.WriteTo(tcp[TcpSegment.MinHeaderLength..]);
        Payload.CopyTo(tcp[(tcp.Length - Payload.Length)..]);

        InternetChecksum sum = default;
        sum.AddPseudoHeader(flow.LocalAddress, flow.RemoteAddress, IpPacket.Tcp, tcp.Length);
        sum.Add(tcp);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], sum.Value);
        return length;
    }

    public readonly byte[] ToArray()
    {
        byte[] frame = new byte[Length];
        Write(frame);
        return frame;
    }
}
