using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace TcpActors.Transport.Linux.Tcp;

/// <summary>Options and queues of a kernel TCP socket that .NET has no name for. Errors are <see cref="SocketException"/>.</summary>
internal static unsafe class TcpSocketExtensions
{
    public static int GetInt(this Socket socket, int level, int option) =>
        socket.TryGetInt(level, option, out int value) ? value : throw LastError();

    /// <returns>False when this kernel or this kind of socket does not know the option: no exception, as a move asks for many.</returns>
    public static bool TryGetInt(this Socket socket, int level, int option, out int value)
    {
        int read = 0;
        int length = sizeof(int);
        bool isKnown = TcpSystemCalls.GetOption(socket.SafeHandle, level, option, &read, &length) == 0;
        value = read;
        return isKnown;
    }

    /// <returns>How many bytes the kernel has written; -1 when it refused, with the reason in <see cref="LastErrno"/>.</returns>
    public static int TryGetBytes(this Socket socket, int level, int option, Span<byte> bytes)
    {
        int length = bytes.Length;
        fixed (byte* first = bytes)
        {
            return TcpSystemCalls.GetOption(socket.SafeHandle, level, option, first, &length) == 0 ? length : -1;
        }
    }

    public static void SetInt(this Socket socket, int level, int option, int value)
    {
        if (!socket.TrySetInt(level, option, value))
        {
            throw LastError();
        }
    }

    /// <returns>False when the kernel does not take it.</returns>
    public static bool TrySetInt(this Socket socket, int level, int option, int value) =>
        TcpSystemCalls.SetOption(socket.SafeHandle, level, option, &value, sizeof(int)) == 0;

    /// <inheritdoc cref="TrySetInt"/>
    public static bool TrySetBytes(this Socket socket, int level, int option, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* first = bytes)
        {
            return TcpSystemCalls.SetOption(socket.SafeHandle, level, option, first, bytes.Length) == 0;
        }
    }

    public static TcpInfo GetTcpInfo(this Socket socket)
    {
        TcpInfo info = default;
        return socket.TryGetBytes(TcpOption.LevelTcp, TcpOption.Info, MemoryMarshal.AsBytes(new Span<TcpInfo>(ref info))) >= 0
            ? info
            : throw LastError();
    }

    /// <summary>An integer that ioctl(2) tells of a socket: bytes unread, unacknowledged, unsent.</summary>
    public static int Ask(this Socket socket, uint request)
    {
        int value = 0;
        return TcpSystemCalls.IoControl(socket.SafeHandle, request, &value) == 0 ? value : throw LastError();
    }

    /// <summary>Copies what the queue holds that repair mode has chosen.</summary>
    /// <returns>Bytes copied; -1 when the span is too small for the send queue, which is copied whole or not at all.</returns>
    public static int PeekQueue(this Socket socket, Span<byte> bytes)
    {
        const int tryAgain = 11;
        const int badAddress = 14;
        fixed (byte* first = bytes)
        {
            nint count = TcpSystemCalls.Receive(socket.SafeHandle, first, (nuint)bytes.Length, TcpSystemCalls.Peek | TcpSystemCalls.DoNotWait);
            return count >= 0 ? (int)count : Marshal.GetLastPInvokeError() switch
            {
                tryAgain => 0,
                badAddress => -1,
                int errno => throw ErrorOf(errno),
            };
        }
    }

    /// <summary>Whether urgent data waits, or was announced and has not come (RFC 9293 3.8.5).</summary>
    public static bool HasUrgentData(this Socket socket)
    {
        const int invalid = 22;
        const uint atMark = 0x8905;
        byte one;
        nint count = TcpSystemCalls.Receive(
            socket.SafeHandle, &one, 1, TcpSystemCalls.OutOfBand | TcpSystemCalls.Peek | TcpSystemCalls.DoNotWait);
        return count >= 0 || Marshal.GetLastPInvokeError() != invalid || socket.Ask(atMark) != 0;
    }

    /// <summary>Connects and nothing else: after a failure <see cref="Socket.Connect(EndPoint)"/> would not try again on the same socket.</summary>
    /// <returns>False when the addresses and ports are another connection's.</returns>
    /// <exception cref="SocketException">Any other failure.</exception>
    public static bool TryConnectAsIs(this Socket socket, IPEndPoint address)
    {
        const int addressNotAvailable = 99;
        ReadOnlySpan<byte> bytes = address.Serialize().Buffer.Span[..address.Serialize().Size];
        fixed (byte* first = bytes)
        {
            if (TcpSystemCalls.Connect(socket.SafeHandle, first, (uint)bytes.Length) == 0)
            {
                return true;
            }
        }

        return Marshal.GetLastPInvokeError() == addressNotAvailable ? false : throw LastError();
    }

    /// <summary>connect(2) to no address: the socket is no connection's any more.</summary>
    /// <exception cref="SocketException">When the kernel refuses.</exception>
    public static void Unconnect(this Socket socket)
    {
        // AF_UNSPEC is 0.
        byte* nowhere = stackalloc byte[16];
        new Span<byte>(nowhere, 16).Clear();
        if (TcpSystemCalls.Connect(socket.SafeHandle, nowhere, 16) != 0)
        {
            throw LastError();
        }
    }

    /// <summary>
    /// Binds and nothing else: <see cref="Socket.Bind"/> sets SO_REUSEADDR first, which takes the forced reuse of repair mode away.
    /// </summary>
    public static void BindAsIs(this Socket socket, IPEndPoint address)
    {
        ReadOnlySpan<byte> bytes = address.Serialize().Buffer.Span;
        fixed (byte* first = bytes)
        {
            if (TcpSystemCalls.Bind(socket.SafeHandle, first, (uint)bytes.Length) != 0)
            {
                throw LastError();
            }
        }
    }

    /// <summary>The last system call's error number.</summary>
    public static int LastErrno => Marshal.GetLastPInvokeError();

    /// <summary>The last system call's error, as .NET's own sockets would report it.</summary>
    public static SocketException LastError() => ErrorOf(Marshal.GetLastPInvokeError());

    /// <summary>.NET's name for an error number of errno(3).</summary>
    public static SocketException ErrorOf(int errno) => new((int)(errno switch
    {
        1 or 13 => SocketError.AccessDenied,
        11 => SocketError.WouldBlock,
        22 => SocketError.InvalidArgument,
        24 or 23 => SocketError.TooManyOpenSockets,
        32 => SocketError.Shutdown,
        71 or 92 => SocketError.ProtocolOption,
        90 => SocketError.MessageSize,
        98 => SocketError.AddressAlreadyInUse,
        99 => SocketError.AddressNotAvailable,
        100 => SocketError.NetworkDown,
        101 => SocketError.NetworkUnreachable,
        103 => SocketError.ConnectionAborted,
        104 => SocketError.ConnectionReset,
        105 => SocketError.NoBufferSpaceAvailable,
        106 => SocketError.IsConnected,
        107 => SocketError.NotConnected,
        110 => SocketError.TimedOut,
        111 => SocketError.ConnectionRefused,
        112 => SocketError.HostDown,
        113 => SocketError.HostUnreachable,
        _ => SocketError.SocketError,
    }));
}
