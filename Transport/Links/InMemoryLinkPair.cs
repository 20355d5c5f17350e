using TcpActors.Engine.Wire;

namespace TcpActors.Transport.Links;

/// <summary>What a pair of in-memory links is like; both ends are alike.</summary>
public sealed record InMemoryLinkOptions
{
    public LinkCapabilities Capabilities { get; init; } = LinkCapabilities.ChecksumOffload | LinkCapabilities.SegmentationOffload;

    /// <summary>The largest IP packet in bytes, 68 (RFC 791 3.1) to 65,535.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>Frames that one end holds at most, waiting and lent together; what arrives beyond that is dropped and counted.</summary>
    public int QueueLength { get; init; } = 512;

    public MacAddress AddressA { get; init; } = MacAddress.Parse("02:00:00:00:00:0a");

    public MacAddress AddressB { get; init; } = MacAddress.Parse("02:00:00:00:00:0b");

    public string NameA { get; init; } = "memory-a";

    public string NameB { get; init; } = "memory-b";
}

/// <summary>
/// A cable within the process: what one end sends, the other receives, in order, copied once. Like a veth pair it leaves the offloads
/// undone: an unfinished checksum arrives as <see cref="ChecksumStatus.Good"/>, a super-segment as one frame. With no time-out in
/// <see cref="IReceiveQueue.Receive"/> it runs deterministically on one thread; each end may as well have a thread of its own.
/// </summary>
public sealed class InMemoryLinkPair : IDisposable
{
    private readonly InMemoryLink _a;
    private readonly InMemoryLink _b;

    /// <exception cref="ArgumentOutOfRangeException">When the MTU or the queue length is out of range.</exception>
    public InMemoryLinkPair(InMemoryLinkOptions? options = null)
    {
        options ??= new InMemoryLinkOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Mtu, 68, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Mtu, 65535, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.QueueLength, 1, nameof(options));
        _a = new InMemoryLink(this, options.NameA, options.AddressA, options);
        _b = new InMemoryLink(this, options.NameB, options.AddressB, options);
        _a.Connect(_b);
        _b.Connect(_a);
    }

    public ILink A => _a;

    public ILink B => _b;

    /// <summary>Whether the cable is plugged in; both ends are down while it is not, and what was in flight is lost. Any thread.</summary>
    public bool HasCarrier
    {
        get => Volatile.Read(ref field);
        set
        {
            Volatile.Write(ref field, value);
            if (!value)
            {
                _a.LoseCarrier();
                _b.LoseCarrier();
            }
        }
    } = true;

    /// <summary>Gives one end another MAC address. Frames to the old one still arrive; whoever stands there does not know them any more.</summary>
    /// <exception cref="ArgumentException">When <paramref name="end"/> is of another pair.</exception>
    public void ChangeAddress(ILink end, MacAddress address)
    {
        InMemoryLink link = ReferenceEquals(end, _a) ? _a
            : ReferenceEquals(end, _b) ? _b
            : throw new ArgumentException("This link is not an end of this pair.", nameof(end));
        link.Address = address;
    }

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
    }
}
