using System.Diagnostics;
using TcpActors.Engine.State;
using TcpActors.Transport.Links;
using static TcpActors.Transport.Linux.PacketSystemCalls;

namespace TcpActors.Transport.Linux;

/// <summary>One receive queue of a <see cref="PacketLink"/>: a ring for IPv4 and one for IPv6, and where its thread sleeps.</summary>
internal sealed class PacketReceiver : IReceiveQueue, IDisposable
{
    private readonly Func<bool> _isUp;
    private readonly Action _refresh;
    private readonly PacketWaiter _waiter;
    private readonly PacketRing _ringIPv4;
    private readonly PacketRing _ringIPv6;
    private readonly BusyPoll _busyPoll;
    private bool _startWithIPv6;
    private long _frames;
    private long _bytes;

    /// <param name="device">The interface.</param>
    /// <param name="options">Rings, filter and waiting.</param>
    /// <param name="first">Of several queues the one opened before: they share what arrives. Null: this is the first.</param>
    /// <param name="isUp">Whether the link is up.</param>
    /// <param name="refresh">Has the link look at its interface again.</param>
    /// <exception cref="LinkException">When the kernel refuses.</exception>
    public PacketReceiver(PacketInterface device, PacketLinkOptions options, PacketReceiver? first, Func<bool> isUp, Action refresh)
    {
        (_isUp, _refresh) = (isUp, refresh);
        _busyPoll = new BusyPoll(options.BusyPoll);
        try
        {
            _waiter = new PacketWaiter(device.Name);
            _ringIPv4 = new PacketRing(device, EtherTypeIPv4, PacketFilter.ForIPv4(options.OwnedMark), options);
            _ringIPv6 = new PacketRing(device, EtherTypeIPv6, PacketFilter.ForIPv6(options.OwnedMark), options);
            if (options.Queues > 1)
            {
                _ringIPv4.Share(device, first?._ringIPv4);
                _ringIPv6.Share(device, first?._ringIPv6);
            }

            _waiter.Watch(_ringIPv4.Socket, device.Name);
            _waiter.Watch(_ringIPv6.Socket, device.Name);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int LendingDepth => Math.Min(_ringIPv4.Slots, _ringIPv6.Slots) / 2;

    public int Depth => _ringIPv4.Slots + _ringIPv6.Slots;

    public long Frames => Volatile.Read(ref _frames);

    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Frames lost because no slot was free or none was large enough.</summary>
    public long Dropped => _ringIPv4.Dropped + _ringIPv6.Dropped;

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">When the link was disposed before the call.</exception>
    public int Receive(Span<RxFrame> frames, Microseconds timeout)
    {
        int taken = Take(frames);
        if (taken > 0)
        {
            _waiter.HasWork();
            return taken;
        }

        if (timeout <= Microseconds.Zero)
        {
            return 0;
        }

        if (!_isUp())
        {
            _refresh();
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
                _waiter.HasWork();
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
                _refresh();
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

    /// <summary>Closes the sockets. Frames still lent stay valid until they are returned; a waiting <see cref="Receive"/> ends.</summary>
    public void Dispose()
    {
        _waiter?.Wake();
        _ringIPv4?.Dispose();
        _ringIPv6?.Dispose();
        _waiter?.Dispose();
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
            Volatile.Write(ref _frames, _frames + taken);
            Volatile.Write(ref _bytes, _bytes + bytes);
        }

        return taken;
    }
}
