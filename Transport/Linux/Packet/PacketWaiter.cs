using System.Runtime.InteropServices;
using TcpActors.Engine.State;
using static TcpActors.Transport.Linux.PacketSystemCalls;

namespace TcpActors.Transport.Linux;

/// <summary>Why a wait ended.</summary>
internal enum PacketWait
{
    TimedOut,
    Woken,

    /// <summary>Something arrived since the last wait.</summary>
    Event,

    /// <summary>A socket has an error to tell.</summary>
    Error,
}

/// <summary>
/// Where the receiving thread sleeps. Edge-triggered, because the kernel calls a ring readable as long as the slot it filled last has not
/// been given back: poll would spin while a slow actor holds a frame. A watched socket costs whoever sends to it a call for each frame, so a
/// thread that has had no sleep for a while has it left alone until it is about to sleep again.
/// </summary>
internal sealed unsafe class PacketWaiter : IDisposable
{
    private const int MaxEvents = 4;
    private const uint SocketEvents = EpollIn | EpollError | EpollEdge;

    // Turns without a sleep after which the sockets are left alone: many times what the system calls for that cost.
    private const int SleeplessTurns = 64;

    private readonly List<PacketDescriptor> _sockets = [];
    private readonly PacketDescriptor _epoll;
    private readonly PacketDescriptor _wakeUp;
    private int _woken;
    private int _sleeping;
    private bool _hasError;
    private bool _isWatching = true;
    private int _turns;

    public PacketWaiter(string interfaceName)
    {
        _epoll = EpollCreate(SocketCloseOnExec);
        _wakeUp = EventDescriptor(0, SocketCloseOnExec | SocketNonBlocking);
        if (_epoll.IsInvalid || _wakeUp.IsInvalid)
        {
            throw PacketFailure.Last(interfaceName, "make an epoll and an eventfd");
        }

        PacketFailure.Check(Control(EpollAdd, _wakeUp, EpollIn), interfaceName, "watch for wake-ups");
    }

    // epoll_event is packed on x86-64 only.
    private static int EventSize => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    public void Watch(PacketDescriptor socket, string interfaceName)
    {
        _sockets.Add(socket);
        PacketFailure.Check(Control(EpollAdd, socket, SocketEvents), interfaceName, "watch a socket");
    }

    /// <summary>The thread that waits here has found something to do without a wait.</summary>
    public void HasWork()
    {
        if (_isWatching && ++_turns == SleeplessTurns)
        {
            _isWatching = false;
            foreach (PacketDescriptor socket in _sockets)
            {
                _ = Control(EpollDelete, socket, events: 0);
            }
        }
    }

    /// <summary>
    /// Sleeps; one thread. What happened after the last wait and before this one ends it at once; so may something older, once.
    /// </summary>
    public PacketWait Wait(Microseconds timeout)
    {
        if (_hasError)
        {
            _hasError = false;
            return PacketWait.Error;
        }

        // With Wake this is Dekker's pattern: either this thread sees the flag, or the waker sees it sleeping and writes.
        Interlocked.Exchange(ref _sleeping, 1);
        if (Interlocked.Exchange(ref _woken, 0) == 1)
        {
            Volatile.Write(ref _sleeping, 0);
            return PacketWait.Woken;
        }

        WatchAgain();
        byte* events = stackalloc byte[MaxEvents * 16];
        var until = new TimeSpecification
        {
            Seconds = (nint)(timeout.Value / 1_000_000),
            Nanoseconds = (nint)(timeout.Value % 1_000_000 * 1000),
        };
        nint count = EpollWait(EpollPwait2Number, _epoll, events, MaxEvents, timeout.IsNever ? null : &until, 0, 0);
        if (count < 0 && Marshal.GetLastPInvokeError() != PacketFailure.Interrupted)
        {
            throw PacketFailure.Last("a packet link", "wait for frames (epoll_pwait2, since Linux 5.11)");
        }

        Volatile.Write(ref _sleeping, 0);
        if (count > 0)
        {
            _ = Read(_wakeUp, out _, sizeof(ulong));
        }

        bool hasError = false;
        for (int i = 0; i < count; i++)
        {
            hasError |= (*(uint*)(events + (i * EventSize)) & EpollError) != 0;
        }

        if (Interlocked.Exchange(ref _woken, 0) == 1)
        {
            // The kernel tells an edge once: the error is left to the next wait.
            _hasError = hasError;
            return PacketWait.Woken;
        }

        return hasError ? PacketWait.Error : count > 0 ? PacketWait.Event : PacketWait.TimedOut;
    }

    /// <summary>Takes a wake-up that came while nobody slept.</summary>
    public bool TryTakeWake() => Volatile.Read(ref _woken) == 1 && Interlocked.Exchange(ref _woken, 0) == 1;

    /// <summary>Ends a wait, or the next one. Any thread; a system call only when somebody sleeps.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _woken, 1) == 0 && Volatile.Read(ref _sleeping) == 1)
        {
            _ = Write(_wakeUp, 1, sizeof(ulong));
        }
    }

    public void Dispose()
    {
        _epoll.Dispose();
        _wakeUp.Dispose();
    }

    /// <summary>The kernel looks at a socket when it is added, so nothing is missed that came while it was left alone.</summary>
    private void WatchAgain()
    {
        _turns = 0;
        if (!_isWatching)
        {
            _isWatching = true;
            foreach (PacketDescriptor socket in _sockets)
            {
                PacketFailure.Check(Control(EpollAdd, socket, SocketEvents), "a packet link", "watch a socket");
            }
        }
    }

    private int Control(int operation, PacketDescriptor descriptor, uint events)
    {
        byte* epollEvent = stackalloc byte[EventSize];
        new Span<byte>(epollEvent, EventSize).Clear();
        *(uint*)epollEvent = events;
        return EpollControl(_epoll, operation, descriptor, epollEvent);
    }
}
