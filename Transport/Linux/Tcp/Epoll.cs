using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TcpActors.Transport.Linux.Tcp;

/// <summary>An epoll(7) instance with a wake-up: edge-triggered readiness of sockets, each known by a number of the caller's.</summary>
internal sealed unsafe class Epoll : IDisposable
{
    private const int Capacity = 256;
    private readonly SafeFileHandle _epoll;
    private readonly SafeFileHandle _wake;
    private readonly EpollEvent[] _events = GC.AllocateArray<EpollEvent>(Capacity, pinned: true);

    /// <exception cref="SocketException">When the process has run out of descriptors.</exception>
    public Epoll()
    {
        _epoll = Owned(TcpSystemCalls.EpollCreate(TcpSystemCalls.CloseOnExec));
        _wake = Owned(TcpSystemCalls.EventDescriptor(0, TcpSystemCalls.CloseOnExec | 0x800));
        Change(TcpSystemCalls.EpollAdd, _wake, TcpSystemCalls.EpollIn | TcpSystemCalls.EpollEdge, 0);
    }

    /// <summary>Watches a socket for both directions.</summary>
    /// <param name="socket">Not watched yet.</param>
    /// <param name="number">Not 0.</param>
    public void Add(SafeSocketHandle socket, ulong number) => Change(
        TcpSystemCalls.EpollAdd, socket, TcpSystemCalls.EpollIn | TcpSystemCalls.EpollOut | TcpSystemCalls.EpollEdge, number);

    public void Remove(SafeSocketHandle socket) => Change(TcpSystemCalls.EpollRemove, socket, 0, 0);

    /// <summary>Waits for readiness or <see cref="Wake"/>.</summary>
    /// <param name="ready">Gets the numbers.</param>
    /// <param name="timeout">Milliseconds; -1: without bound.</param>
    /// <returns>How many numbers were written: sockets that are ready for something.</returns>
    public int Wait(Span<ulong> ready, int timeout)
    {
        EpollEvent* events = (EpollEvent*)Marshal.UnsafeAddrOfPinnedArrayElement(_events, 0);
        int count = TcpSystemCalls.EpollWait(_epoll, events, Math.Min(Capacity, ready.Length), timeout);
        int written = 0;
        for (int i = 0; i < count; i++)
        {
            ulong number = EpollEvent.DataAt(events, i);
            if (number != 0)
            {
                ready[written++] = number;
            }
            else
            {
                ulong value;
                TcpSystemCalls.Read(_wake, &value, sizeof(ulong));
            }
        }

        return written;
    }

    public void Wake()
    {
        ulong one = 1;
        TcpSystemCalls.Write(_wake, &one, sizeof(ulong));
    }

    public void Dispose()
    {
        _epoll.Dispose();
        _wake.Dispose();
    }

    private static SafeFileHandle Owned(int descriptor) =>
        descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw TcpSocketExtensions.LastError();

    private void Change(int operation, SafeHandle descriptor, uint events, ulong number)
    {
        EpollEvent change = EpollEvent.Of(events, number);
        if (TcpSystemCalls.EpollControl(_epoll, operation, descriptor, &change) != 0)
        {
            throw TcpSocketExtensions.LastError();
        }
    }
}
