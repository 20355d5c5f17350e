using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace TcpActors.Transport.Linux.Tcp;

/// <summary>The system calls of tcp(7), epoll(7) and raw(7) that .NET's sockets do not offer.</summary>
internal static unsafe partial class TcpSystemCalls
{
    public const int DoNotWait = 0x40;
    public const int NoSignal = 0x4000;
    public const int OutOfBand = 0x01;
    public const int Peek = 0x02;

    public const uint EpollIn = 0x001;
    public const uint EpollOut = 0x004;
    public const uint EpollEdge = 1u << 31;
    public const int EpollAdd = 1;
    public const int EpollRemove = 2;
    public const int CloseOnExec = 0x80000;

    public const uint BytesUnread = 0x541b;
    public const uint BytesUnacknowledged = 0x5411;
    public const uint BytesUnsent = 0x894b;

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(SafeSocketHandle socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    public static partial nint Send(SafeSocketHandle socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(SafeSocketHandle socket, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    public static partial int Connect(SafeSocketHandle socket, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int IoControl(SafeSocketHandle socket, nuint request, int* value);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetOption(SafeSocketHandle socket, int level, int option, void* value, int* length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetOption(SafeSocketHandle socket, int level, int option, void* value, int length);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollControl(SafeHandle epoll, int operation, SafeHandle descriptor, EpollEvent* change);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int EpollWait(SafeHandle epoll, EpollEvent* events, int capacity, int timeout);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventDescriptor(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(SafeHandle descriptor, void* bytes, nuint length);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(SafeHandle descriptor, void* bytes, nuint length);
}

/// <summary>One <c>struct epoll_event</c>: packed on x86-64 only.</summary>
internal struct EpollEvent
{
    private static readonly bool s_packed = RuntimeInformation.ProcessArchitecture is Architecture.X64;
    private uint _w0, _w1, _w2, _w3;

    /// <summary>Bytes of one element in an array of them.</summary>
    public static int Stride => s_packed ? 12 : 16;

    public static unsafe uint EventsAt(EpollEvent* array, int index) => *(uint*)((byte*)array + (index * Stride));

    public static unsafe ulong DataAt(EpollEvent* array, int index)
    {
        byte* element = (byte*)array + (index * Stride);
        return System.Runtime.CompilerServices.Unsafe.ReadUnaligned<ulong>(element + (s_packed ? 4 : 8));
    }

    public static unsafe EpollEvent Of(uint events, ulong data)
    {
        EpollEvent made = default;
        byte* element = (byte*)&made;
        *(uint*)element = events;
        System.Runtime.CompilerServices.Unsafe.WriteUnaligned(element + (s_packed ? 4 : 8), data);
        return made;
    }
}
