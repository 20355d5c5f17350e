using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Simulation;

/// <summary>One end of a <see cref="SimulatedCable"/>. It never waits: what has not arrived at this moment is not there.</summary>
internal sealed unsafe class SimulatedLink(
    World world, FrameStore store, string name, MacAddress address, CableOptions options, Bottleneck outward) : ILink, IRxFrameOwner
{
    private const int LargestPacket = 65535;
    private const int EthernetHeader = 14;

    private readonly Dice _jitter = world.Dice.Fork($"{name} jitter");
    private readonly Queue<FrameCopy> _underWay = new();
    private readonly Queue<FrameCopy> _arrived = new();
    private readonly List<FrameCopy?> _lent = [];
    private SimulatedLink? _peer;
    private Action? _arrive;
    private Microseconds _lastArrival;
    private LinkCounters _counters;
    private int _lost;
    private bool _isClosed;

    public string Name => name;

    public MacAddress Address => address;

    public int Mtu => options.Mtu;

    public LinkCapabilities Capabilities => options.Capabilities;

    public int MaxSuperSegment => (Capabilities & LinkCapabilities.SegmentationOffload) != LinkCapabilities.None ? LargestPacket : Mtu;

    public bool IsUp => HasCarrier && !_isClosed;

    public LinkCounters Counters => _counters;

    public bool HasCarrier
    {
        get;
        set
        {
            field = value;
            if (!value)
            {
                // Their arrivals are planned and will find nothing.
                _lost += _underWay.Count;
                _counters.TxDropped += _underWay.Count;
                Drain(_underWay);
                Drain(_arrived);
            }
        }
    } = true;

    public void Connect(SimulatedLink peer) => (_peer, _arrive) = (peer, Arrive);

    public void Refresh()
    {
    }

    public void Wake()
    {
    }

    public int Receive(Span<RxFrame> frames, Microseconds timeout)
    {
        int taken = 0;
        while (taken < frames.Length && _arrived.TryDequeue(out FrameCopy? frame))
        {
            int token = _lent.IndexOf(null);
            token = token < 0 ? _lent.Count : token;
            if (token == _lent.Count)
            {
                _lent.Add(null);
            }

            _lent[token] = frame;
            _counters.RxFrames++;
            _counters.RxBytes += frame.Length;
            frames[taken++] = new RxFrame
            {
                Data = frame.Address,
                Length = frame.Length,
                SegmentSize = (ushort)frame.SegmentSize,
                Checksum = frame.ChecksumPartial ? ChecksumStatus.Good : ChecksumStatus.Unverified,
                Token = token,
                Owner = this,
            };
        }

        return taken;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">When the frame has been returned before.</exception>
    public void Return(int token)
    {
        store.Return(_lent[token] ?? throw new InvalidOperationException($"Frame {token} was returned twice."));
        _lent[token] = null;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">When a frame asks for an offload that this link does not have.</exception>
    public int Send(ReadOnlySpan<TxFrame> frames)
    {
        int sent = 0;
        foreach (ref readonly TxFrame frame in frames)
        {
            RequireOffloadsOf(in frame);
            sent += TrySend(in frame) ? 1 : 0;
        }

        return sent;
    }

    public void Dispose() => _isClosed = true;

    private bool TrySend(in TxFrame frame)
    {
        int packet = frame.SegmentSize == 0 ? frame.Length - EthernetHeader : frame.HeaderLength - EthernetHeader + frame.SegmentSize;
        if (!IsUp || packet > Mtu || !outward.TryPass(frame.Length, out Microseconds sentAt, out bool isMarked))
        {
            _counters.TxDropped++;
            world.Trace.Add(name, IsUp ? packet > Mtu ? "is too small for" : "has no room for" : "is down for", in frame);
            return false;
        }

        FrameCopy copy = store.Copy(in frame);
        bool marked = isMarked && copy.TryMarkCongestion();
        long jitter = options.Jitter == Microseconds.Zero ? 0 : _jitter.Below(options.Jitter.Value + 1);
        _lastArrival = Microseconds.Max(_lastArrival, sentAt + options.Delay + new Microseconds(jitter));
        _underWay.Enqueue(copy);
        world.At(_lastArrival, _arrive!);
        _counters.TxFrames++;
        _counters.TxBytes += frame.Length;
        world.Trace.Add(name, marked ? "marks" : "takes", in frame, _lastArrival.Value);
        return true;
    }

    private void Arrive()
    {
        if (_lost > 0)
        {
            _lost--;
        }
        else
        {
            FrameCopy frame = _underWay.Dequeue();
            world.Trace.Add(name, "delivers", frame.Bytes);
            _peer!._arrived.Enqueue(frame);
        }
    }

    private void Drain(Queue<FrameCopy> frames)
    {
        while (frames.TryDequeue(out FrameCopy? frame))
        {
            store.Return(frame);
        }
    }

    private void RequireOffloadsOf(in TxFrame frame)
    {
        if (frame.SegmentSize != 0 && (Capabilities & LinkCapabilities.SegmentationOffload) == LinkCapabilities.None)
        {
            throw new ArgumentException($"{Name} does not cut super-segments.", nameof(frame));
        }

        if (frame.ChecksumPartial && (Capabilities & LinkCapabilities.ChecksumOffload) == LinkCapabilities.None)
        {
            throw new ArgumentException($"{Name} does not complete checksums.", nameof(frame));
        }
    }
}
