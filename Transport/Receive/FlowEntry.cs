using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Transport.Receive;

/// <summary>Takes an IP packet that goes back to the host's stack; the bytes are valid during the call only.</summary>
public delegate void PacketSink(ReadOnlySpan<byte> ipPacket);

/// <summary>What the dispatcher did with a segment.</summary>
public enum Delivery
{
    /// <summary>It is in the queue, which the owner knows.</summary>
    Queued,

    /// <summary>It is in the queue and the owner's doorbell is due.</summary>
    QueuedRing,

    /// <summary>The queue is full, by number or by memory: dropped, as a NIC's FIFO would.</summary>
    Overflow,

    /// <summary>The flow went back to the host: the packet was handed to its sink.</summary>
    Forwarded,

    /// <summary>The flow went back to the host, and the packet was lost on its way to the sink, or by it.</summary>
    Lost,
}

/// <summary>
/// One flow of a TOE: a bounded queue of segments and who gets them. It is <em>keeping</em> from the claim until its actor is there,
/// <em>attached</em> while the actor owns the flow, and <em>forwarding</em> after the release, when what still comes goes to the host.
/// </summary>
public sealed class FlowEntry
{
    private const int MaxQueued = 1024;

    // Bytes that the queue takes once it is copied out of the ring.
    private const int MaxQueuedMemory = 8 << 20;
    private const int MaxUnconsumed = 64;
    private const int MaxUnconsumedMemory = 256 << 10;

    private readonly Lock _lock = new();
    private QueuedSegment[] _ring = [];
    private int _head;
    private int _count;
    private int _memory;
    private bool _rung;
    private IFlowReceiver? _receiver;
    private PacketSink? _sink;
    private List<byte[]>? _unconsumed;
    private int _unconsumedMemory;
    private bool _retired;

    public FlowEntry(FlowKey flow) => Flow = flow;

    public FlowKey Flow { get; }

    /// <summary>Segments that wait.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The owner; null while nobody is attached.</summary>
    public IFlowReceiver? Receiver => Volatile.Read(ref _receiver);

    /// <summary>Hands the flow to its owner, who is rung at once when segments were kept for it.</summary>
    public void Attach(IFlowReceiver receiver)
    {
        bool ring;
        lock (_lock)
        {
            _receiver = receiver;
            _sink = null;
            ring = _count > 0;
            _rung = ring;
        }

        if (ring)
        {
            receiver.SegmentsReady();
        }
    }

    /// <summary>The owner leaves; what comes is kept until the host forwards it or another owner attaches.</summary>
    public void Detach()
    {
        lock (_lock)
        {
            _receiver = null;
            _rung = false;
        }
    }

    /// <summary>The flow is claimed (again): whatever comes is kept.</summary>
    /// <returns>False when the entry is retired: the flow needs another.</returns>
    public bool TryKeep()
    {
        lock (_lock)
        {
            if (!_retired)
            {
                _sink = null;
            }

            return !_retired;
        }
    }

    /// <summary>Ends the entry for good, unless the flow was claimed again after it was released.</summary>
    public bool TryRetire()
    {
        lock (_lock)
        {
            _retired = _sink is not null;
            return _retired;
        }
    }

    /// <summary>Hands everything kept, and whatever still comes, to the host, in order. A packet that its sink throws at is lost, and no other.</summary>
    /// <returns>How many of those kept were lost.</returns>
    public int ForwardTo(PacketSink sink)
    {
        int lost = 0;
        lock (_lock)
        {
            _sink = sink;
            _receiver = null;
            foreach (byte[] packet in _unconsumed ?? [])
            {
                lost += TryHand(packet, sink) ? 0 : 1;
            }

            (_unconsumed, _unconsumedMemory) = (null, 0);
            while (_count > 0)
            {
                QueuedSegment segment = Take();
                lost += TryHand(in segment, sink) ? 0 : 1;
            }
        }

        return lost;
    }

    /// <summary>
    /// Keeps a copy of a segment that the owner does not consume (a FIN, an RST, urgent data), to be forwarded to the host before all
    /// others. Bounded: beyond that the peer's retransmission has to do.
    /// </summary>
    public void KeepUnconsumed(in QueuedSegment segment)
    {
        lock (_lock)
        {
            _unconsumed ??= [];
            if (_unconsumed.Count < MaxUnconsumed && _unconsumedMemory + segment.IpLength <= MaxUnconsumedMemory)
            {
                _unconsumed.Add(segment.IpPacket.ToArray());
                _unconsumedMemory += segment.IpLength;
            }
        }
    }

    /// <summary>Appends a segment; its frame was returned unless it is queued.</summary>
    public Delivery Deliver(in QueuedSegment segment)
    {
        lock (_lock)
        {
            if (_sink is not null)
            {
                return TryHand(in segment, _sink) ? Delivery.Forwarded : Delivery.Lost;
            }

            int memory = HeapFrames.SizeFor(segment.Frame.Length);
            if (_count == MaxQueued || _memory + memory > MaxQueuedMemory)
            {
                segment.Frame.Return();
                return Delivery.Overflow;
            }

            if (_count == _ring.Length)
            {
                Grow();
            }

            Append(in segment);
            if (_receiver is null || _rung)
            {
                return Delivery.Queued;
            }

            _rung = true;
            return Delivery.QueuedRing;
        }
    }

    /// <summary>The owner answers its doorbell, before it takes segments: what comes from now on rings again.</summary>
    public void AnswerDoorbell()
    {
        lock (_lock)
        {
            _rung = false;
        }
    }

    /// <summary>
    /// Whether the owner, who stops taking segments, must ring itself: some wait and no doorbell is on its way to it. Then one is.
    /// </summary>
    public bool TryRing()
    {
        lock (_lock)
        {
            bool ring = _count > 0 && !_rung && _receiver is not null;
            _rung |= ring;
            return ring;
        }
    }

    /// <summary>Takes up to as many segments as fit; the caller returns their frames.</summary>
    public int Dequeue(Span<QueuedSegment> segments)
    {
        lock (_lock)
        {
            int taken = Math.Min(_count, segments.Length);
            for (int i = 0; i < taken; i++)
            {
                segments[i] = Take();
            }

            return taken;
        }
    }

    /// <summary>
    /// Moves what waits out of the link's memory, so that an owner that lags does not hold up the link's ring.
    /// </summary>
    /// <returns>How many could not be copied: lost segments, whose frames were returned.</returns>
    internal int Evacuate(HeapFrames heap)
    {
        int lost = 0;
        lock (_lock)
        {
            for (int left = _count; left > 0; left--)
            {
                QueuedSegment segment = Take();
                if (ReferenceEquals(segment.Frame.Owner, heap) || TryCopy(heap, ref segment.Frame))
                {
                    Append(in segment);
                }
                else
                {
                    lost++;
                }
            }
        }

        return lost;
    }

    /// <summary>Whatever breaks it: those behind it must keep their order.</summary>
    private static bool TryCopy(HeapFrames heap, ref RxFrame frame)
    {
        try
        {
            return heap.TryCopy(frame, out frame);
        }
        catch (Exception)
        {
            return false;
        }
    }

    private static bool TryHand(in QueuedSegment segment, PacketSink sink)
    {
        try
        {
            SegmentBytes packet = segment.IpPacket;
            return TryHand(packet.Length == packet.InMemory.Length ? packet.InMemory : packet.ToArray(), sink);
        }
        catch (Exception)
        {
            // Its link has lost the rest of it, or there is no memory for that: a lost packet.
            return false;
        }
        finally
        {
            segment.Frame.Return();
        }
    }

    /// <summary>What the host makes of a packet is no matter of the others that wait.</summary>
    private static bool TryHand(ReadOnlySpan<byte> packet, PacketSink sink)
    {
        try
        {
            sink(packet);
            return true;
        }
        catch (Exception)
        {
            return false;
        }
    }

    private void Append(in QueuedSegment segment)
    {
        _ring[(_head + _count) & (_ring.Length - 1)] = segment;
        _count++;
        _memory += HeapFrames.SizeFor(segment.Frame.Length);
    }

    /// <summary>Gives up the memory of an empty queue; it comes back with the next segment.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            if (_count == 0)
            {
                (_ring, _head) = ([], 0);
            }
        }
    }

    private QueuedSegment Take()
    {
        QueuedSegment segment = _ring[_head];
        _ring[_head] = default;
        _head = (_head + 1) & (_ring.Length - 1);
        _count--;
        _memory -= HeapFrames.SizeFor(segment.Frame.Length);
        return segment;
    }

    private void Grow()
    {
        var larger = new QueuedSegment[Math.Max(4, _ring.Length * 2)];
        for (int i = 0; i < _count; i++)
        {
            larger[i] = _ring[(_head + i) & (_ring.Length - 1)];
        }

        (_ring, _head) = (larger, 0);
    }
}
