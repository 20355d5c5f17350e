using System.Runtime.CompilerServices;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Transport.Transmit;

/// <summary>
/// Turns what one connection's engine decided to send into frames for a link: a super-segment as one frame where the link cuts it, otherwise a
/// frame for each segment with its checksum complete. Headers are written on the stack from a template, payload is handed over as slices of
/// the send buffer. Used by the connection's owner, one call at a time; allocates nothing.
/// </summary>
public sealed unsafe class SegmentFramer
{
    /// <summary>Frames handed to the link in one call.</summary>
    private const int BatchSize = 16;

    private readonly ILink _link;
    private readonly ConnectionInvariants _connection;
    private HeaderTemplate _template;

    public SegmentFramer(ILink link, ConnectionInvariants connection, SegmentInvariants segment)
    {
        (_link, _connection) = (link, connection);
        _template = new HeaderTemplate(connection, segment);
    }

    /// <summary>The host sent a new version: the next frame carries it.</summary>
    public void Update(SegmentInvariants segment) => _template = new HeaderTemplate(_connection, segment);

    /// <summary>Sends everything in the queue, in order; the queue is left as it is.</summary>
    /// <returns>How many frames the link took; the others are lost, which TCP repairs.</returns>
    public int Flush(TransmitQueue queue, SendBuffer buffer)
    {
        // No zeroing: every byte handed to the link is written first.
        Unsafe.SkipInit(out HeaderSpace headers);
        Unsafe.SkipInit(out FrameBatch batch);
        Span<TxFrame> frames = batch;
        byte* header = (byte*)Unsafe.AsPointer(ref headers);
        int count = 0;
        int taken = 0;
        foreach (ref readonly OutgoingSegment segment in queue.Segments)
        {
            int step = FrameLength(in segment);
            int offset = 0;
            do
            {
                if (count == BatchSize)
                {
                    taken += _link.Send(frames);
                    count = 0;
                }

                int length = Math.Min(step, segment.Length - offset);
                Write(in segment, buffer, offset, length, header + (count * HeaderTemplate.MaxLength), out frames[count]);
                count++;
                offset += length;
            }
            while (offset < segment.Length);
        }

        return count == 0 ? taken : taken + _link.Send(frames[..count]);
    }

    /// <summary>How much of a run goes into one frame: a whole number of segments.</summary>
    private int FrameLength(in OutgoingSegment segment)
    {
        if (segment.Length <= segment.SegmentSize || !Has(LinkCapabilities.SegmentationOffload))
        {
            return Math.Max(segment.SegmentSize, 1);
        }

        int room = _link.MaxSuperSegment - (_template.LengthOf(in segment) - _template.NetworkOffset);
        return Math.Max(room / segment.SegmentSize, 1) * segment.SegmentSize;
    }

    private void Write(in OutgoingSegment segment, SendBuffer buffer, int offset, int length, byte* header, out TxFrame frame)
    {
        SendSlices payload = default;
        if (length > 0)
        {
            buffer.GetSlices(segment.Seq + offset, length, out payload);
        }

        bool partial = Has(LinkCapabilities.ChecksumOffload);
        frame = new TxFrame
        {
            Header = header,
            HeaderLength = _template.Write(
                new Span<byte>(header, HeaderTemplate.MaxLength), in segment, offset, in payload, partial),
            Payload0 = payload.P0,
            Payload0Length = payload.L0,
            Payload1 = payload.P1,
            Payload1Length = payload.L1,
            SegmentSize = length > segment.SegmentSize ? segment.SegmentSize : 0,
            TransportOffset = _template.TransportOffset,
            IsIPv4 = _template.IsIPv4,
            ChecksumPartial = partial,
        };
    }

    private bool Has(LinkCapabilities capability) => (_link.Capabilities & capability) == capability;

    [InlineArray(BatchSize)]
    private struct FrameBatch
    {
        private TxFrame _first;
    }

    [InlineArray(BatchSize * HeaderTemplate.MaxLength)]
    private struct HeaderSpace
    {
        private byte _first;
    }
}
