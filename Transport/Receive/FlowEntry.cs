using TcpActors.Engine.Wire;

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

    private readonly Lock _lock = new();
    private QueuedSegment[] _ring = [];
    private int _head;
    private int _count;
    private int _memory;
    private bool _rung;
    private IFlowReceiver? _receiver;
    private PacketSink? _sink;
    private List<byte[]>? _unconsumed;
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

    /// <summary>Hands everything kept, and whatever still comes, to the host, in order.</summary>
    public void ForwardTo(PacketSink sink)
    {
        lock (_lock)
        {
            _sink = sink;
            _receiver = null;
            foreach (byte[] packet in _unconsumed ?? [])
            {
                sink(packet);
            }

            _unconsumed = null;
            while (_count > 0)
            {
                QueuedSegment segment = Take();
                Hand(in segment, sink);
            }
        }
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
            if (_unconsumed.Count < MaxUnconsumed)
            {
                _unconsumed.Add(segment.IpPacket.ToArray());
            }
        }
    }

    /// <summary>Appends a segment; on <see cref="Delivery.Overflow"/> and <see cref="Delivery.Forwarded"/> its frame was returned.</summary>
    public Delivery Deliver(in QueuedSegment segment)
    {
        lock (_lock)
        {
            if (_sink is not null)
            {
                Hand(in segment, _sink);
                return Delivery.Forwarded;
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
    internal void Evacuate(HeapFrames heap)
    {
        lock (_lock)
        {
            for (int left = _count; left > 0; left--)
            {
                QueuedSegment segment = Take();
                if (ReferenceEquals(segment.Frame.Owner, heap) || heap.TryCopy(segment.Frame, out segment.Frame))
                {
                    Append(in segment);
                }
            }
        }
    }

    private static void Hand(in QueuedSegment segment, PacketSink sink)
    {
        try
        {
            SegmentBytes packet = segment.IpPacket;
            sink(packet.Length == packet.InMemory.Length ? packet.InMemory : packet.ToArray());
        }
        catch (IOException)
        {
            // Its link has lost the rest of it: a lost packet.
        }
        finally
        {
            segment.Frame.Return();
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
