using System.Diagnostics;
using static TcpActors.Transport.Linux.Netlink.NetlinkSystemCalls;

namespace TcpActors.Transport.Linux.Netlink;

/// <summary>Something changed in the network namespace.</summary>
public abstract record RtNetlinkEvent;

/// <summary>A neighbour entry is new, has changed, or was removed.</summary>
public sealed record NeighborChanged(NeighborInfo Neighbor, bool Removed) : RtNetlinkEvent;

/// <summary>An interface is new, has changed, or was removed.</summary>
public sealed record LinkChanged(LinkInfo Link, bool Removed) : RtNetlinkEvent;

/// <summary>A route is new, has changed, or was removed. Learned path MTUs do not appear here: the kernel does not tell.</summary>
public sealed record RouteChanged(RouteInfo Route, bool Removed) : RtNetlinkEvent;

/// <summary>An address is new, has changed, or was removed.</summary>
public sealed record AddressChanged(AddressInfo Address, bool Removed) : RtNetlinkEvent;

/// <summary>Events came faster than they were received and some are lost: read the tables again.</summary>
public sealed record Overrun : RtNetlinkEvent;

/// <summary>
/// Tells what changes among the neighbours, links, routes and addresses of one network namespace: that of the thread that made it.
/// Received by one thread at a time; disposed by any.
/// </summary>
public sealed unsafe class RtNetlinkMonitor : IDisposable
{
    private const int GroupLink = 1;
    private const int GroupNeighbor = 3;
    private const int GroupIPv4Address = 5;
    private const int GroupIPv4Route = 7;
    private const int GroupIPv6Address = 9;
    private const int GroupIPv6Route = 11;
    private const int QueueBytes = 4 * 1024 * 1024;
    private static readonly int[] s_groups = [GroupLink, GroupNeighbor, GroupIPv4Address, GroupIPv4Route, GroupIPv6Address, GroupIPv6Route];
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly Queue<RtNetlinkEvent> _received = new();
    private readonly DescriptorHandle _socket;
    private readonly DescriptorHandle _wake;
    private volatile bool _disposed;

    /// <summary>Changes from now on are told.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public RtNetlinkMonitor()
        : this(QueueBytes)
    {
    }

    /// <param name="queueBytes">The kernel's room for events that wait to be received, in bytes with its overhead.</param>
    internal RtNetlinkMonitor(int queueBytes)
    {
        _socket = NetlinkSocket.Open(NetlinkProtocol.Route, out _);
        _wake = new DescriptorHandle(EventFd(0, EfdCloexec | EfdNonblock));
        try
        {
            if (_wake.IsInvalid)
                throw NetlinkException.FromLastError("watch the network");
            // The forced size needs CAP_NET_ADMIN; without it the system's limit applies.
            if (SetSocketOption(_socket, SolSocket, SoRcvbufForce, queueBytes, sizeof(int)) != 0)
                _ = SetSocketOption(_socket, SolSocket, SoRcvbuf, queueBytes, sizeof(int));
            foreach (var group in s_groups)
            {
                if (SetSocketOption(_socket, SolNetlink, NetlinkAddMembership, group, sizeof(int)) != 0)
                    throw NetlinkException.FromLastError("watch the network");
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Waits for the next event.</summary>
    /// <param name="timeout">How long, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>Null when none came in time.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The monitor was disposed, before or during the wait.</exception>
    public RtNetlinkEvent? Receive(TimeSpan timeout, CancellationToken cancellation = default)
    {
        using var registration = cancellation.UnsafeRegister(static monitor => ((RtNetlinkMonitor)monitor!).Wake(), this);
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_received.TryDequeue(out var next))
                return next;
            ReceiveDatagram();
            if (_received.Count > 0)
                continue;
            var left = timeout == Timeout.InfiniteTimeSpan ? TimeSpan.MaxValue : timeout - Stopwatch.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
                return null;
            WaitReadable(left);
        }
    }

    public void Dispose()
    {
        // First the flag: who has taken the wake-up already would wait again, on descriptors that its own wait keeps open.
        _disposed = true;
        if (!_wake.IsClosed && !_wake.IsInvalid)
            Wake();
        _socket.Dispose();
        _wake.Dispose();
    }

    private void Wake()
    {
        try
        {
            _ = Write(_wake, 1UL, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // Cancelled and disposed at the same time: nobody waits any more.
        }
    }

    private void ReceiveDatagram()
    {
        try
        {
            ReadOnlySpan<byte> datagram = _buffer.AsSpan(0, NetlinkSocket.Receive(_socket, _buffer, "watch the network"));
            while (NetlinkMessage.TryRead(ref datagram, out var message))
            {
                if (Translate(message) is { } change)
                    _received.Enqueue(change);
            }
        }
        catch (NetlinkException exception) when (exception.Errno is Errno.NoBufferSpace or Errno.MessageTooLong)
        {
            _received.Enqueue(new Overrun());
        }
    }

    private static RtNetlinkEvent? Translate(in NetlinkMessage message)
    {
        switch (message.Type)
        {
            case RtMessage.NewNeighbor or RtMessage.DeleteNeighbor:
                return NeighborInfo.Parse(message) is { } neighbor
                    ? new NeighborChanged(neighbor, message.Type == RtMessage.DeleteNeighbor) : null;
            case RtMessage.NewLink or RtMessage.DeleteLink:
                return LinkInfo.Parse(message) is { } link ? new LinkChanged(link, message.Type == RtMessage.DeleteLink) : null;
            case RtMessage.NewRoute or RtMessage.DeleteRoute:
                return RouteInfo.Parse(message) is { } route ? new RouteChanged(route, message.Type == RtMessage.DeleteRoute) : null;
            case RtMessage.NewAddress or RtMessage.DeleteAddress:
                return AddressInfo.Parse(message) is { } address
                    ? new AddressChanged(address, message.Type == RtMessage.DeleteAddress) : null;
            default:
                return null;
        }
    }

    private void WaitReadable(TimeSpan left)
    {
        bool socketHeld = false, wakeHeld = false;
        try
        {
            // Held, so that a Dispose meanwhile cannot have the numbers given to other files.
            _socket.DangerousAddRef(ref socketHeld);
            _wake.DangerousAddRef(ref wakeHeld);
            var descriptors = stackalloc PollDescriptor[2];
            descriptors[0] = new PollDescriptor { Descriptor = (int)_socket.DangerousGetHandle(), Events = PollIn };
            descriptors[1] = new PollDescriptor { Descriptor = (int)_wake.DangerousGetHandle(), Events = PollIn };
            _ = Poll(descriptors, 2, left.TotalMilliseconds >= int.MaxValue ? -1 : (int)Math.Ceiling(left.TotalMilliseconds));
            if (descriptors[1].Returned != 0)
                _ = Read(_wake, out _, sizeof(ulong));
        }
        finally
        {
            if (wakeHeld)
                _wake.DangerousRelease();
            if (socketHeld)
                _socket.DangerousRelease();
        }
    }
}
