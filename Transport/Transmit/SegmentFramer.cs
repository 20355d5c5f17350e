using System.Runtime.CompilerServices;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Transport.Transmit;

/// <summary>
/// Makes the frames of what a connection's engine decided to send and hands them to a link: headers from a template, payload where it
/// lies in the send buffer. A run is one super-segment where the link cuts and sums, else a frame per segment with its checksum complete.
/// Owned by the connection's owner; holds no memory of its own, the headers of a batch lie on the stack.
/// </summary>
public sealed unsafe class SegmentFramer
{
    private const int Batch = 64;
    private const int HeaderStride = (HeaderTemplate.MaxLength + 7) & ~7;
    private const LinkCapabilities CutsAndSums = LinkCapabilities.SegmentationOffload | LinkCapabilities.ChecksumOffload;

    public SegmentFramer(ILink link, HeaderTemplate template) => (Link, Template) = (link, template);

    /// <summary>Where frames go.</summary>
    public ILink Link { get; }

    /// <summary>Of the segment-invariants' present version; replaced with them.</summary>
    public HeaderTemplate Template { get; set; }

    /// <summary>Sends everything in the queue, in order, and clears it; allocates nothing.</summary>
    /// <param name="queue">What the engine decided to send; committed before.</param>
    /// <param name="buffer">Holds the bytes of every segment in the queue.</param>
    /// <returns>How many frames the link took; what it lost is lost as on the wire.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// When a segment names bytes that the buffer does not hold; the rest of the queue is lost.
    /// </exception>
    [SkipLocalsInit]
    public int Flush(TransmitQueue queue, SendBuffer buffer)
    {
        TxFrame* frames = stackalloc TxFrame[Batch];
        byte* headers = stackalloc byte[Batch * HeaderStride];
        bool isPartial = (Link.Capabilities & LinkCapabilities.ChecksumOffload) != LinkCapabilities.None;
        int count = 0;
        int taken = 0;
        try
        {
            foreach (ref readonly OutgoingSegment run in queue.Segments)
            {
                int step = FramePayload(in run, buffer);
                int offset = 0;
                do
                {
                    if (count == Batch)
                    {
                        taken += Link.Send(new ReadOnlySpan<TxFrame>(frames, count));
                        count = 0;
                    }

                    int length = Math.Min(run.Length - offset, step);
                    frames[count] = Frame(in run, offset, length, buffer, headers + (count * HeaderStride), isPartial);
                    count++;
                    offset += length;
                }
                while (offset < run.Length);
            }

            return taken + (count == 0 ? 0 : Link.Send(new ReadOnlySpan<TxFrame>(frames, count)));
        }
        finally
        {
            queue.Clear();
        }
    }

    /// <summary>How many bytes of a run one frame carries: the whole of it if possible, else as many whole segments as go in.</summary>
    private int FramePayload(in OutgoingSegment run, SendBuffer buffer)
    {
        if (run.Length <= run.SegmentSize)
        {
            return run.Length;
        }

        int largest = Math.Min(Link.MaxSuperSegment - (Template.LengthOf(in run) - Template.NetworkOffset), buffer.ChunkSize);
        int segments = (Link.Capabilities & CutsAndSums) == CutsAndSums ? largest / run.SegmentSize : 1;
        return Math.Max(segments, 1) * run.SegmentSize;
    }

    private TxFrame Frame(in OutgoingSegment run, int offset, int length, SendBuffer buffer, byte* header, bool isPartial)
    {
        SendSlices payload = default;
        if (length != 0)
        {
            // A segment without payload may lie before what the buffer holds: a keep-alive probe does (RFC 9293 3.8.4).
            buffer.GetSlices(run.Seq + offset, length, out payload);
        }

        int headerLength = Template.Write(new Span<byte>(header, HeaderStride), in run, offset, in payload, isPartial);
        return new TxFrame
        {
            Header = header,
            HeaderLength = headerLength,
            Payload0 = payload.P0,
            Payload0Length = payload.L0,
            Payload1 = payload.P1,
            Payload1Length = payload.L1,
            SegmentSize = length > run.SegmentSize ? run.SegmentSize : 0,
            TransportOffset = Template.TransportOffset,
            IsIPv4 = Template.IsIPv4,
            ChecksumPartial = isPartial,
        };
    }
}
