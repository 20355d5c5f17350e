using System.Net.Sockets;
using System.Runtime.InteropServices;
using TcpActors.Engine.State;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// Repair mode of a kernel TCP socket (CRIU's): reading and setting what TCP keeps for a connection, while nothing of it reaches the wire.
/// </summary>
internal sealed class TcpRepair(Socket socket)
{
    /// <summary>TCP_MIN_MSS of net/tcp.h: the kernel takes no smaller <see cref="MaxSegment"/>.</summary>
    public const int SmallestMaxSegment = 88;

    /// <summary>MAX_TCP_WINDOW of net/tcp.h: nor a larger one, though a peer may have more.</summary>
    public const int LargestMaxSegment = 32767;

    private const int QueueNone = 0;
    private const int QueueReceive = 1;
    private const int QueueSend = 2;

    private const uint OptionMss = 2;
    private const uint OptionWindowScale = 3;
    private const uint OptionSackPermitted = 4;
    private const uint OptionTimestamps = 8;

    public void Enter() => socket.SetInt(TcpOption.LevelTcp, TcpOption.Repair, 1);

    /// <summary>Leaves repair mode; the kernel sends a window probe, which tells the peer that we are here.</summary>
    public void Leave() => socket.SetInt(TcpOption.LevelTcp, TcpOption.Repair, 0);

    /// <summary>Leaves repair mode and sends nothing: the connection goes on as it was.</summary>
    public void LeaveSilently() => socket.SetInt(TcpOption.LevelTcp, TcpOption.Repair, -1);

    /// <summary>
    /// Lets go of the connection, in silence and at once. Closing alone may come later: while this process starts another, that one has the
    /// descriptor too until it runs its program, and the addresses stay taken.
    /// </summary>
    public void Drop() => socket.Unconnect();

    /// <summary>RCV_NXT and the end of the send queue.</summary>
    public (SeqNum ReceiveNext, SeqNum EndOfSendQueue) Sequences
    {
        get
        {
            Choose(QueueReceive);
            var receive = new SeqNum((uint)socket.GetInt(TcpOption.LevelTcp, TcpOption.QueueSequence));
            Choose(QueueSend);
            var send = new SeqNum((uint)socket.GetInt(TcpOption.LevelTcp, TcpOption.QueueSequence));
            Choose(QueueNone);
            return (receive, send);
        }

        set
        {
            Choose(QueueReceive);
            socket.SetInt(TcpOption.LevelTcp, TcpOption.QueueSequence, (int)value.ReceiveNext.Value);
            Choose(QueueSend);
            socket.SetInt(TcpOption.LevelTcp, TcpOption.QueueSequence, (int)value.EndOfSendQueue.Value);
            Choose(QueueNone);
        }
    }

    /// <summary>The timestamp clock's present value; its lowest bit says that a tick is a microsecond.</summary>
    public uint Timestamp
    {
        get => (uint)socket.GetInt(TcpOption.LevelTcp, TcpOption.Timestamp);
        set => socket.SetInt(TcpOption.LevelTcp, TcpOption.Timestamp, (int)value);
    }

    public RepairWindow Window
    {
        get
        {
            RepairWindow window = default;
            return socket.TryGetBytes(
                TcpOption.LevelTcp, TcpOption.RepairWindow, MemoryMarshal.AsBytes(new Span<RepairWindow>(ref window))) >= 0
                ? window
                : throw TcpSocketExtensions.LastError();
        }

        set => socket.SetRawSocketOption(
            TcpOption.LevelTcp, TcpOption.RepairWindow, MemoryMarshal.AsBytes(new ReadOnlySpan<RepairWindow>(in value)));
    }

    /// <summary>
    /// Lets the kernel advertise up to so many bytes (window_clamp), and as many as <see cref="RepairWindow.RcvWnd"/> promises at once
    /// (rcv_ssthresh): after a restore both are those of a new connection, and while the buffer was small they shrank for good, as the
    /// kernel looks again only when the size of segments changes. Does nothing if the clamp is that already.
    /// </summary>
    public void OpenWindowClamp(int bytes) => socket.SetInt(TcpOption.LevelTcp, TcpOption.WindowClamp, bytes);

    /// <summary>The MSS as negotiated; outside repair mode the kernel tells a smaller one.</summary>
    public int MaxSegment
    {
        get => socket.GetInt(TcpOption.LevelTcp, TcpOption.MaxSegment);
        set => socket.SetInt(TcpOption.LevelTcp, TcpOption.MaxSegment, value);
    }

    /// <summary>
    /// Copies the bytes that were sent and not acknowledged, and those not sent: they end at the queue's end and may begin before SND_UNA, since
    /// the kernel frees whole segments.
    /// </summary>
    /// <returns>Bytes copied; -1 when the span is too small.</returns>
    public int PeekSendQueue(Span<byte> bytes) => Peek(QueueSend, bytes);

    /// <summary>Copies the bytes that were received and not read.</summary>
    /// <returns>Bytes copied; fewer than there are when urgent data hides what follows it.</returns>
    public int PeekReceiveQueue(Span<byte> bytes) => Peek(QueueReceive, bytes);

    /// <summary>What the handshake negotiated. Only before bytes were sent.</summary>
    public void SetOptions(ConnectionInvariants connection, int mss)
    {
        Span<uint> options = stackalloc uint[8];
        int count = 0;
        Add(options, ref count, OptionMss, (uint)mss);
        Add(options, ref count, OptionWindowScale, connection.SendWindowScale | ((uint)connection.ReceiveWindowScale << 16));
        if (connection.SackPermitted)
        {
            Add(options, ref count, OptionSackPermitted, 0);
        }

        if (connection.TimestampsEnabled)
        {
            Add(options, ref count, OptionTimestamps, 0);
        }

        socket.SetRawSocketOption(TcpOption.LevelTcp, TcpOption.RepairOptions, MemoryMarshal.AsBytes(options[..count]));
    }

    /// <summary>Puts bytes into the send queue as if they had been sent.</summary>
    /// <returns>How many the kernel has room for.</returns>
    public unsafe int FillSendQueue(byte* bytes, int length)
    {
        Choose(QueueSend);
        int done = 0;
        while (done < length)
        {
            nint count = TcpSystemCalls.Send(socket.SafeHandle, bytes + done, (nuint)(length - done), TcpSystemCalls.DoNotWait);
            if (count <= 0)
            {
                break;
            }

            done += (int)count;
        }

        Choose(QueueNone);
        return done;
    }

    private static void Add(Span<uint> options, ref int count, uint code, uint value)
    {
        options[count++] = code;
        options[count++] = value;
    }

    private void Choose(int queue) => socket.SetInt(TcpOption.LevelTcp, TcpOption.RepairQueue, queue);

    private int Peek(int queue, Span<byte> bytes)
    {
        Choose(queue);
        int count = socket.PeekQueue(bytes);
        Choose(QueueNone);
        return count;
    }
}

/// <summary>linux/tcp.h, struct tcp_repair_window.</summary>
[StructLayout(LayoutKind.Sequential)]
internal record struct RepairWindow
{
    public uint SndWl1;
    public uint SndWnd;
    public uint MaxWindow;
    public uint RcvWnd;
    public uint RcvWup;
}
