using System.Runtime.CompilerServices;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Links;

/// <summary>One end of an <see cref="InMemoryLinkPair"/>.</summary>
internal sealed unsafe class InMemoryLink : ILink
{
    private const int LargestPacket = 65535;
    private const int TaggedHeader = 18;

    private readonly InMemoryLinkPair _pair;
    private readonly InMemoryInbox _inbox;
    private StrongBox<MacAddress> _address;
    private InMemoryLink? _peer;
    private volatile bool _isOpen = true;
    private long _txFrames;
    private long _txBytes;
    private long _txDropped;

    public InMemoryLink(InMemoryLinkPair pair, string name, MacAddress address, InMemoryLinkOptions options)
    {
        _pair = pair;
        Name = name;
        _address = new StrongBox<MacAddress>(address);
        Mtu = options.Mtu;
        Capabilities = options.Capabilities;
        _inbox = new InMemoryInbox(options.QueueLength, MaxSuperSegment + TaggedHeader);
    }

    public string Name { get; }

    public MacAddress Address
    {
        get => Volatile.Read(ref _address).Value;
        set => Volatile.Write(ref _address, new StrongBox<MacAddress>(value));
    }

    public int Mtu { get; }

    public LinkCapabilities Capabilities { get; }

    public int MaxSuperSegment => (Capabilities & LinkCapabilities.SegmentationOffload) != LinkCapabilities.None ? LargestPacket : Mtu;

    public bool IsUp => _isOpen && _pair.HasCarrier;

    public LinkCounters Counters => _inbox.Counters with
    {
        TxFrames = Volatile.Read(ref _txFrames),
        TxBytes = Volatile.Read(ref _txBytes),
        TxDropped = Volatile.Read(ref _txDropped),
    };

    public void Connect(InMemoryLink peer) => _peer = peer;

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">When the link was disposed before the call.</exception>
    public int Receive(Span<RxFrame> frames, Microseconds timeout)
    {
        ObjectDisposedException.ThrowIf(!_isOpen, this);
        return _inbox.Take(frames, timeout);
    }

    /// <inheritdoc/>
    /// <remarks>What there is to know of it is known at once.</remarks>
    public void Refresh()
    {
    }

    public void Wake() => _inbox.Wake();

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">When a frame asks for an offload that this link does not have.</exception>
    public int Send(ReadOnlySpan<TxFrame> frames)
    {
        int sent = 0;
        long bytes = 0;
        foreach (ref readonly TxFrame frame in frames)
        {
            RequireOffloadsOf(in frame);
            if (IsUp && _peer!.IsUp && Fits(in frame) && _peer._inbox.TryAdd(in frame))
            {
                sent++;
                bytes += frame.Length;
            }
        }

        Interlocked.Add(ref _txFrames, sent);
        Interlocked.Add(ref _txBytes, bytes);
        Interlocked.Add(ref _txDropped, frames.Length - sent);
        return sent;
    }

    /// <summary>Drops what is in flight to this end: the cable was pulled.</summary>
    public void LoseCarrier() => _inbox.Clear();

    public void Dispose()
    {
        _isOpen = false;
        _inbox.Wake();
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

    private bool Fits(in TxFrame frame)
    {
        bool isTagged = frame.HeaderLength >= TaggedHeader && frame.Header[12] == 0x81 && frame.Header[13] == 0x00;
        int framing = isTagged ? TaggedHeader : TaggedHeader - 4;
        return frame.SegmentSize == 0
            ? frame.Length - framing <= Mtu
            : frame.HeaderLength - framing + frame.SegmentSize <= Mtu && frame.Length - framing <= LargestPacket;
    }
}
