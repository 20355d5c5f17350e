using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Simulation;

/// <summary>A frame on its way: a copy in memory that stays where it is, used again through a <see cref="FrameStore"/>.</summary>
internal sealed unsafe class FrameCopy
{
    private const int SmallFrame = 2048;
    private const int LargestFrame = 65536 + 256;
    private byte[] _buffer = GC.AllocateUninitializedArray<byte>(SmallFrame, pinned: true);

    public int Length { get; private set; }

    public int HeaderLength { get; private set; }

    public int SegmentSize { get; private set; }

    public int TransportOffset { get; private set; }

    public bool ChecksumPartial { get; private set; }

    public bool IsIPv4 { get; private set; }

    /// <summary>The whole frame.</summary>
    public Span<byte> Bytes => _buffer.AsSpan(0, Length);

    public byte* Address => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_buffer));

    public void Take(in TxFrame frame)
    {
        if (frame.Length > _buffer.Length)
        {
            _buffer = GC.AllocateUninitializedArray<byte>(LargestFrame, pinned: true);
        }

        (Length, HeaderLength, SegmentSize) = (frame.Length, frame.HeaderLength, frame.SegmentSize);
        (TransportOffset, ChecksumPartial, IsIPv4) = (frame.TransportOffset, frame.ChecksumPartial, frame.IsIPv4);
        Span<byte> buffer = _buffer;
        new ReadOnlySpan<byte>(frame.Header, frame.HeaderLength).CopyTo(buffer);
        new ReadOnlySpan<byte>(frame.Payload0, frame.Payload0Length).CopyTo(buffer[frame.HeaderLength..]);
        new ReadOnlySpan<byte>(frame.Payload1, frame.Payload1Length).CopyTo(buffer[(frame.HeaderLength + frame.Payload0Length)..]);
    }

    /// <summary>The frame, to be sent; it refers to this copy.</summary>
    public TxFrame ToFrame() => new()
    {
        Header = Address,
        HeaderLength = HeaderLength,
        Payload0 = Address + HeaderLength,
        Payload0Length = Length - HeaderLength,
        SegmentSize = SegmentSize,
        TransportOffset = TransportOffset,
        IsIPv4 = IsIPv4,
        ChecksumPartial = ChecksumPartial,
    };

    /// <summary>Cuts its end off.</summary>
    public void Truncate(int length)
    {
        Length = length;
        HeaderLength = Math.Min(HeaderLength, length);
        (SegmentSize, ChecksumPartial) = (0, false);
    }

    /// <summary>Puts other bytes in its place.</summary>
    /// <param name="change">Gets the bytes, with room for more behind them, and how many there are; returns how many there are then.</param>
    public void Change(Func<Span<byte>, int, int> change)
    {
        Length = change(_buffer, Length);
        HeaderLength = Math.Min(HeaderLength, Length);
        (SegmentSize, ChecksumPartial) = (0, false);
    }

    /// <summary>Makes the TCP checksum fit what the frame holds now, as the link would have.</summary>
    public void CompleteChecksum()
    {
        ChecksumPartial = false;
        if (IpFrame.TryParse(Bytes, out IpFrame ip) && ip.Protocol == IpPacket.Tcp && ip.PayloadLength >= TcpSegment.MinHeaderLength)
        {
            Span<byte> tcp = Bytes.Slice(ip.PayloadOffset, ip.PayloadLength);
            BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], 0);
            InternetChecksum sum = default;
            sum.AddPseudoHeader(ip.SourceAddress, ip.DestinationAddress, IpPacket.Tcp, tcp.Length);
            sum.Add(tcp);
            BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], sum.Value);
        }
    }

    /// <summary>RFC 3168 5: sets CE where the sender said that it understands it.</summary>
    /// <returns>Whether it did.</returns>
    public bool TryMarkCongestion()
    {
        if (!IpFrame.TryParse(Bytes, out IpFrame ip) || ip.Ecn is not (1 or 2))
        {
            return false;
        }

        Span<byte> header = Bytes[ip.NetworkOffset..];
        if (!ip.IsIPv4)
        {
            header[1] |= 0x30;
            return true;
        }

        header[1] |= 3;
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], InternetChecksum.Of(header[..(ip.PayloadOffset - ip.NetworkOffset)]));
        return true;
    }
}

/// <summary>Frames that are not in use.</summary>
internal sealed class FrameStore
{
    private readonly Stack<FrameCopy> _free = new();

    public FrameCopy Copy(in TxFrame frame)
    {
        FrameCopy copy = _free.TryPop(out FrameCopy? free) ? free : new FrameCopy();
        copy.Take(in frame);
        return copy;
    }

    public void Return(FrameCopy copy) => _free.Push(copy);
}
