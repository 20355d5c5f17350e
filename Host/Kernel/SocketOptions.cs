using System.Net.Sockets;
using System.Text;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// The options an application may have set on a kernel socket: read before a socket is given up, set on the one that replaces it.
/// </summary>
internal sealed class SocketOptions
{
    private static readonly (int Level, int Option)[] s_integers =
    [
        (TcpOption.LevelSocket, TcpOption.KeepAlive),
        (TcpOption.LevelSocket, TcpOption.OutOfBandInline),
        (TcpOption.LevelSocket, TcpOption.Mark),
        (TcpOption.LevelSocket, TcpOption.ReceiveLowWater),
        (TcpOption.LevelSocket, TcpOption.BusyPoll),
        (TcpOption.LevelTcp, TcpOption.NoDelay),
        (TcpOption.LevelTcp, TcpOption.KeepIdle),
        (TcpOption.LevelTcp, TcpOption.KeepInterval),
        (TcpOption.LevelTcp, TcpOption.KeepCount),
        (TcpOption.LevelTcp, TcpOption.UserTimeout),
        (TcpOption.LevelTcp, TcpOption.NotSentLowWater),
        (TcpOption.LevelTcp, TcpOption.Linger2),
        (TcpOption.LevelTcp, TcpOption.MinRtoMicroseconds),
        (TcpOption.LevelTcp, TcpOption.MaxRtoMilliseconds),
    ];

    private static readonly (int Level, int Option)[] s_ipv4 =
    [
        (TcpOption.LevelIPv4, TcpOption.IPv4Tos),
        (TcpOption.LevelIPv4, TcpOption.IPv4Ttl),
        (TcpOption.LevelIPv4, TcpOption.IPv4MtuDiscover),
        (TcpOption.LevelIPv4, TcpOption.IPv4FreeBind),
    ];

    private static readonly (int Level, int Option)[] s_ipv6 =
    [
        (TcpOption.LevelIPv6, TcpOption.IPv6TrafficClass),
        (TcpOption.LevelIPv6, TcpOption.IPv6Hops),
        (TcpOption.LevelIPv6, TcpOption.IPv6MtuDiscover),
        (TcpOption.LevelIPv6, TcpOption.IPv6FreeBind),
    ];

    // Setting the type of service sets the priority too (ip(7)), so this comes last.
    private static readonly (int Level, int Option)[] s_afterTos = [(TcpOption.LevelSocket, TcpOption.Priority)];

    // A name is set as bytes: congestion control and device.
    private static readonly (int Level, int Option)[] s_names =
    [
        (TcpOption.LevelTcp, TcpOption.Congestion),
        (TcpOption.LevelSocket, TcpOption.BindToDevice),
    ];

    private const int Overhead = 64 << 10;
    private const int SmallestFixed = 16 << 10;
    private const int SendLocked = 1;
    private const int ReceiveLocked = 2;

    private readonly OptionValues _values;
    private readonly bool _reuseAddress;
    private readonly bool _reusePort;
    private readonly int _bufferLock;
    private readonly int _sendBuffer;
    private readonly int _receiveBuffer;

    private SocketOptions(Socket socket)
    {
        bool isIPv6 = socket.AddressFamily == AddressFamily.InterNetworkV6;
        var integers = new List<(int Level, int Option, int Value)>();
        foreach ((int level, int option) in (ReadOnlySpan<(int, int)>)
            [.. s_integers, .. s_ipv4, .. isIPv6 ? s_ipv6 : [], .. s_afterTos])
        {
            if (socket.TryGetInt(level, option, out int value))
            {
                integers.Add((level, option, value));
            }
        }

        var bytes = new List<(int Level, int Option, byte[] Value)>();
        Span<byte> name = stackalloc byte[16];
        foreach ((int level, int option) in s_names)
        {
            int length = socket.TryGetBytes(level, option, name);
            if (length > 0 && name[0] != 0)
            {
                bytes.Add((level, option, name[..length].ToArray()));
            }
        }

        byte[] rate = new byte[sizeof(ulong)];
        if (socket.TryGetBytes(TcpOption.LevelSocket, TcpOption.MaxPacingRate, rate) == rate.Length)
        {
            bytes.Add((TcpOption.LevelSocket, TcpOption.MaxPacingRate, rate));
        }

        byte[] linger = new byte[8];
        socket.TryGetBytes(TcpOption.LevelSocket, TcpOption.Linger, linger);
        bytes.Add((TcpOption.LevelSocket, TcpOption.Linger, linger));
        _values = OptionValues.Shared([.. integers], [.. bytes]);
        _reuseAddress = socket.GetInt(TcpOption.LevelSocket, TcpOption.ReuseAddress) != 0;
        _reusePort = socket.GetInt(TcpOption.LevelSocket, TcpOption.ReusePort) != 0;
        _bufferLock = socket.TryGetInt(TcpOption.LevelSocket, TcpOption.BufferLock, out int locked) ? locked : 0;
        _sendBuffer = socket.GetInt(TcpOption.LevelSocket, TcpOption.SendBuffer);
        _receiveBuffer = socket.GetInt(TcpOption.LevelSocket, TcpOption.ReceiveBuffer);
    }

    private SocketOptions(SocketOptions former, OptionValues values, int sendBuffer, int receiveBuffer)
    {
        _values = values;
        (_reuseAddress, _reusePort, _bufferLock) = (former._reuseAddress, former._reusePort, former._bufferLock);
        (_sendBuffer, _receiveBuffer) = (sendBuffer, receiveBuffer);
    }

    /// <summary>What the application fixed, as it counts: half of what the kernel does; null: the size is the kernel's affair.</summary>
    public int? ReceiveBufferLimit => (_bufferLock & ReceiveLocked) != 0 ? _receiveBuffer / 2 : null;

    /// <inheritdoc cref="ReceiveBufferLimit"/>
    public int? SendBufferLimit => (_bufferLock & SendLocked) != 0 ? _sendBuffer / 2 : null;

    /// <summary>TCP_CONGESTION; empty where the kernel does not tell.</summary>
    public string CongestionControl => Encoding.ASCII.GetString(Bytes(TcpOption.LevelTcp, TcpOption.Congestion)).TrimEnd('\0');

    /// <summary>SO_MAX_PACING_RATE in bytes a second; 0: no bound.</summary>
    public long MaxPacingRate
    {
        get
        {
            ReadOnlySpan<byte> value = Bytes(TcpOption.LevelSocket, TcpOption.MaxPacingRate);
            ulong rate = value.IsEmpty ? ulong.MaxValue : BitConverter.ToUInt64(value);
            return rate > long.MaxValue ? 0 : (long)rate;
        }
    }

    public static SocketOptions Of(Socket socket) => new(socket);

    /// <summary>
    /// As they are on the socket that these were set on, and that nobody else sets any on: only the sizes of its buffers have changed since.
    /// </summary>
    /// <param name="socket">That socket.</param>
    /// <param name="keepsReceiveBuffer">Whether its receive buffer was kept small, and what was before is really meant.</param>
    public SocketOptions Renewed(Socket socket, bool keepsReceiveBuffer) => new(
        this,
        _values,
        socket.GetInt(TcpOption.LevelSocket, TcpOption.SendBuffer),
        keepsReceiveBuffer ? _receiveBuffer : socket.GetInt(TcpOption.LevelSocket, TcpOption.ReceiveBuffer));

    /// <summary>These with some set to other values, after all others: a type of service sets the priority again, as it did on the socket.</summary>
    public SocketOptions With(IReadOnlyList<SocketOption> changed) => new(this, _values.With(changed), _sendBuffer, _receiveBuffer);

    public int this[int level, int option]
    {
        get
        {
            foreach ((int Level, int Option, int Value) each in _values.Integers)
            {
                if (each.Level == level && each.Option == option)
                {
                    return each.Value;
                }
            }

            return 0;
        }
    }

    /// <summary>Sets everything but what <see cref="ApplyAfterRepair"/> sets, as far as a new socket does not have it anyway.</summary>
    /// <param name="socket">Without a connection.</param>
    /// <param name="fresh">The options of a new socket.</param>
    public void Apply(Socket socket, SocketOptions fresh)
    {
        // The type of service sets the priority too.
        bool setsPriority = false;
        foreach ((int level, int option, int value) in _values.Integers)
        {
            if (fresh[level, option] == value && !(setsPriority && (level, option) == s_afterTos[0]))
            {
                continue;
            }

            setsPriority |= (level, option) is (TcpOption.LevelIPv4, TcpOption.IPv4Tos);

            // What this process may not set (a priority, a mark) it could not have set before; then the value is the default. So it is
            // where an algorithm may not be chosen without privilege.
            socket.TrySetInt(level, option, value);
        }

        foreach ((int level, int option, byte[] value) in _values.Bytes)
        {
            if (!fresh.Bytes(level, option).SequenceEqual(value))
            {
                socket.TrySetBytes(level, option, value);
            }
        }
    }

    /// <summary>
    /// Makes room for what the connection holds and may receive, then hands buffer sizes back to the kernel, or to the application if it had
    /// fixed them.
    /// </summary>
    /// <param name="socket">In repair mode.</param>
    /// <param name="send">Bytes that go into the send queue.</param>
    /// <param name="receive">Bytes the peer was told it may send.</param>
    /// <param name="isFull">
    /// The application's own buffer is full: the kernel gets no room beyond that, or with every move the peer could send a kernel's buffer
    /// more, without end. <see cref="RestoreReceiveBuffer"/> ends that.
    /// </param>
    public void ApplyBuffers(Socket socket, int send, int receive, bool isFull)
    {
        // A send buffer counts the kernel's own overhead too.
        Grow(socket, TcpOption.SendBufferForce, TcpOption.SendBuffer, Math.Max(send + (send / 4) + Overhead, _sendBuffer));
        if (isFull)
        {
            // What was promised must fit with the kernel's overhead. Where the size is the kernel's affair it grows for what really comes;
            // one that may not grow would drop it and close the window on what the peer has sent already.
            bool isFixed = (_bufferLock & ReceiveLocked) != 0;
            Fix(socket, TcpOption.ReceiveBufferForce, TcpOption.ReceiveBuffer, isFixed ? (2 * receive) + SmallestFixed : receive);
            socket.TrySetInt(TcpOption.LevelSocket, TcpOption.BufferLock, _bufferLock);
            return;
        }

        // No more than was promised or than there was: the kernel advertises nearly all of it, so any factor would grow with each move.
        Grow(socket, TcpOption.ReceiveBufferForce, TcpOption.ReceiveBuffer, Math.Max(receive, _receiveBuffer));
        socket.TrySetInt(TcpOption.LevelSocket, TcpOption.BufferLock, _bufferLock);
    }

    public void RestoreReceiveBuffer(Socket socket)
    {
        Fix(socket, TcpOption.ReceiveBufferForce, TcpOption.ReceiveBuffer, _receiveBuffer);
        socket.TrySetInt(TcpOption.LevelSocket, TcpOption.BufferLock, _bufferLock);
    }

    /// <summary>
    /// What leaving repair mode forgets: without it no new listener could bind while this connection or its TIME-WAIT exists.
    /// </summary>
    public void ApplyAfterRepair(Socket socket, bool isFull = false)
    {
        socket.SetInt(TcpOption.LevelSocket, TcpOption.ReuseAddress, _reuseAddress ? 1 : 0);
        socket.SetInt(TcpOption.LevelSocket, TcpOption.ReusePort, _reusePort ? 1 : 0);

        // Sizes that the application has fixed: what had to be larger for the move is so no more.
        if ((_bufferLock & SendLocked) != 0)
        {
            Fix(socket, TcpOption.SendBufferForce, TcpOption.SendBuffer, _sendBuffer);
        }

        if ((_bufferLock & ReceiveLocked) != 0 && !isFull)
        {
            Fix(socket, TcpOption.ReceiveBufferForce, TcpOption.ReceiveBuffer, _receiveBuffer);
        }
    }

    /// <returns>Empty for an option that the kernel does not know or that has no name.</returns>
    private ReadOnlySpan<byte> Bytes(int level, int option)
    {
        foreach ((int Level, int Option, byte[] Value) each in _values.Bytes)
        {
            if (each.Level == level && each.Option == option)
            {
                return each.Value;
            }
        }

        return [];
    }

    /// <summary>The kernel doubles what it is given, and tells the double.</summary>
    private static void Grow(Socket socket, int force, int option, int bytes)
    {
        if (bytes > socket.GetInt(TcpOption.LevelSocket, option))
        {
            Fix(socket, force, option, bytes);
        }
    }

    private static void Fix(Socket socket, int force, int option, int bytes)
    {
        if (!socket.TrySetInt(TcpOption.LevelSocket, force, bytes / 2))
        {
            socket.TrySetInt(TcpOption.LevelSocket, option, bytes / 2);
        }
    }
}
