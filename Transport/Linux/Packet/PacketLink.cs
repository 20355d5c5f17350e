using System.Diagnostics;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;
using static TcpActors.Transport.Linux.PacketSystemCalls;

namespace TcpActors.Transport.Linux;

/// <summary>
/// A Linux network interface as a link, through packet(7) sockets: a receive ring for IPv4 and one for IPv6 behind the ingress program that
/// marks owned flows, and a send socket under the owner's mark. Checksum and segmentation offload always work: what the device cannot do,
/// the kernel does.
/// </summary>
public sealed class PacketLink : ILink
{
    // A frame of 64 KiB or more, its Ethernet and 802.1Q header included, goes past the usual gso_max_size of a device: the kernel
    // would cut it into wire segments before handing it over.
    private const int LargestPacket = 65535 - 18;

    private readonly PacketInterface _device;
    private readonly PacketWaiter _waiter;
    private readonly PacketRing _ringIPv4;
    private readonly PacketRing _ringIPv6;
    private readonly PacketTransmitter _transmitter;
    private volatile PacketInterfaceState _state;
    private readonly BusyPoll _busyPoll;
    private bool _startWithIPv6;
    private long _rxFrames;
    private long _rxBytes;
    private long _txFrames;
    private long _txBytes;
    private long _txDropped;

    private PacketLink(string interfaceName, PacketLinkOptions options)
    {
        options.Validate();
        try
        {
            _device = PacketInterface.Open(interfaceName);
            _state = _device.Read() ?? throw new LinkException($"{interfaceName} has gone.");
            _busyPoll = new BusyPoll(options.BusyPoll);
            _waiter = new PacketWaiter(interfaceName);
            _transmitter = new PacketTransmitter(_device, options);
            _ringIPv4 = new PacketRing(_device, EtherTypeIPv4, PacketFilter.ForIPv4(options.OwnedMark), options);
            _ringIPv6 = new PacketRing(_device, EtherTypeIPv6, PacketFilter.ForIPv6(options.OwnedMark), options);
            _waiter.Watch(_ringIPv4.Socket, interfaceName);
            _waiter.Watch(_ringIPv6.Socket, interfaceName);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Name => _device.Name;

    /// <summary>The interface's index in the network namespace that the link was opened in.</summary>
    public int InterfaceIndex => _device.Index;

    public MacAddress Address => _state.Address;

    public int Mtu => _state.Mtu;

    public LinkCapabilities Capabilities => LinkCapabilities.ChecksumOffload | LinkCapabilities.SegmentationOffload;

    public int MaxSuperSegment => LargestPacket;

    public bool IsUp => _state.IsUp;

    public int LendingDepth => Math.Min(_ringIPv4.Slots, _ringIPv6.Slots) / 2;

    /// <inheritdoc/>
    public LinkCounters Counters => new(
        Volatile.Read(ref _rxFrames),
        Volatile.Read(ref _rxBytes),
        _ringIPv4.Dropped + _ringIPv6.Dropped,
        Volatile.Read(ref _txFrames),
        Volatile.Read(ref _txBytes),
        Volatile.Read(ref _txDropped));

    /// <summary>
    /// Opens a link on an interface of the calling thread's network namespace, where it stays. Needs CAP_NET_RAW and CAP_NET_ADMIN.
    /// </summary>
    /// <exception cref="LinkException">No such interface, not Ethernet, no privilege, an option out of range; says what to do.</exception>
    /// <exception cref="PlatformNotSupportedException">Not 64-bit Linux.</exception>
    public static PacketLink Open(string interfaceName, PacketLinkOptions options) =>
        OperatingSystem.IsLinux() && Environment.Is64BitProcess
            ? new PacketLink(interfaceName, options)
            : throw new PlatformNotSupportedException("A packet link needs 64-bit Linux. The in-memory link works everywhere.");

    /// <inheritdoc/>
    /// <remarks>A lost carrier shows in no other way, nor that the interface is up again before the next wait for frames.</remarks>
    public void Refresh() => _state = _device.Read() ?? _state with { IsUp = false };

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">When the link was disposed before the call.</exception>
    public int Receive(Span<RxFrame> frames, Microseconds timeout)
    {
        int taken = Take(frames);
        if (taken > 0 || timeout <= Microseconds.Zero)
        {
            return taken;
        }

        if (!IsUp)
        {
            Refresh();
        }

        long start = Stopwatch.GetTimestamp();
        if (_busyPoll.IsWorthIt)
        {
            taken = Poll(frames, start, timeout, out bool isWoken);
            if (taken > 0 || isWoken)
            {
                return taken;
            }
        }

        taken = Sleep(frames, start, timeout);
        _busyPoll.SleptUntil(taken > 0, start);
        return taken;
    }

    /// <summary>Looks at the rings for a while.</summary>
    private int Poll(Span<RxFrame> frames, long start, Microseconds timeout, out bool isWoken)
    {
        Microseconds longest = Microseconds.Min(_busyPoll.Longest, timeout);
        isWoken = false;
        do
        {
            int taken = Take(frames);
            isWoken = _waiter.TryTakeWake();
            if (taken > 0 || isWoken)
            {
                _busyPoll.Polled(hasPaid: true);
                return taken;
            }

            Thread.Yield();
        }
        while (new Microseconds((long)Stopwatch.GetElapsedTime(start).TotalMicroseconds) < longest);
        _busyPoll.Polled(hasPaid: false);
        return 0;
    }

    private int Sleep(Span<RxFrame> frames, long start, Microseconds timeout)
    {
        int taken;
        Microseconds remaining = timeout;
        do
        {
            PacketWait wait = _waiter.Wait(remaining);
            if (wait is PacketWait.Woken or PacketWait.TimedOut)
            {
                return 0;
            }

            if (wait == PacketWait.Error)
            {
                _ringIPv4.ClearError();
                _ringIPv6.ClearError();
                Refresh();
            }

            // There may be none: the event may be older than the last look, or tell of a frame that found no free slot.
            taken = Take(frames);
            if (!timeout.IsNever)
            {
                remaining = timeout - new Microseconds((long)Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }
        }
        while (taken == 0 && remaining > Microseconds.Zero);

        return taken;
    }

    public void Wake() => _waiter.Wake();

    public int Send(ReadOnlySpan<TxFrame> frames)
    {
        int sent = 0;
        if (_state.IsUp)
        {
            sent = _transmitter.Send(frames, out long bytes, out bool isDown);
            Interlocked.Add(ref _txFrames, sent);
            Interlocked.Add(ref _txBytes, bytes);
            if (isDown)
            {
                Refresh();
            }
        }

        if (sent != frames.Length)
        {
            Interlocked.Add(ref _txDropped, frames.Length - sent);
        }

        return sent;
    }

    /// <summary>Closes the sockets. Frames still lent stay valid until they are returned; a waiting <see cref="Receive"/> ends.</summary>
    public void Dispose()
    {
        _waiter?.Wake();
        _transmitter?.Dispose();
        _ringIPv4?.Dispose();
        _ringIPv6?.Dispose();
        _waiter?.Dispose();
        _device?.Dispose();
    }

    private int Take(Span<RxFrame> frames)
    {
        // Neither family may starve the other.
        (PacketRing first, PacketRing second) = _startWithIPv6 ? (_ringIPv6, _ringIPv4) : (_ringIPv4, _ringIPv6);
        _startWithIPv6 = !_startWithIPv6;
        int taken = first.Take(frames);
        taken += second.Take(frames[taken..]);
        long bytes = 0;
        foreach (ref readonly RxFrame frame in frames[..taken])
        {
            bytes += frame.Length;
        }

        if (taken > 0)
        {
            Volatile.Write(ref _rxFrames, _rxFrames + taken);
            Volatile.Write(ref _rxBytes, _rxBytes + bytes);
        }

        return taken;
    }
}
