using System.Buffers;
using System.Net.Sockets;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Transport;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// What a socket in repair mode holds, read as one consistent picture: a segment that had passed the interface's ingress before the flow was
/// claimed may still change the socket, so it is read until two looks at its numbers agree.
/// </summary>
internal sealed class FrozenSocket : IDisposable
{
    private const int Attempts = 8;

    /// <summary>The kernel frees whole segments: so much more than is unacknowledged may be in the send queue.</summary>
    private const int SendQueueSlack = 64 << 10;

    private readonly Marks _marks;
    private readonly Progress _before;
    private readonly byte[] _outgoing;
    private readonly int _outgoingFrom;
    private readonly byte[] _incoming;
    private readonly uint _timestamp;
    private readonly Microseconds _readAt;

    private FrozenSocket(
        Progress before, in Marks marks, in TcpInfo info, byte[] outgoing, int outgoingFrom, byte[] incoming, uint timestamp, Microseconds readAt)
    {
        (_before, _marks, Info, _outgoing, _outgoingFrom) = (before, marks, info, outgoing, outgoingFrom);
        (_incoming, _timestamp, _readAt) = (incoming, timestamp, readAt);
    }

    public TcpInfo Info { get; }

    /// <summary>
    /// ISS: the kernel does not tell it, it follows from what was sent. (The count of acknowledged bytes would have the SYN in it on the side
    /// that connected, and not on the other.)
    /// </summary>
    public SeqNum InitialSendSequence => SndMax - (int)((uint)(Info.BytesSent - Info.BytesRetransmitted) + 1);

    /// <summary>IRS, likewise.</summary>
    public SeqNum InitialReceiveSequence => _marks.RcvNxt - (int)((uint)Info.BytesReceived + 1);

    private SeqNum SndUna => _marks.SendEnd - _marks.Outstanding;

    /// <summary>
    /// What was really sent. While repair mode has the send queue chosen, an acknowledgement or a pacing timer makes the kernel count
    /// everything that waits as sent, beyond any window, and send nothing: so what was unsent before, less what has left since.
    /// </summary>
    private SeqNum SndMax
    {
        get
        {
            int unsent = Math.Max(_before.Unsent - (int)(Progress.Sent(Info) - _before.Bytes), _marks.Unsent);
            return SeqNum.Max(SndUna, _marks.SendEnd - unsent);
        }
    }

    /// <exception cref="SocketException">When the socket does not come to rest, or hides bytes behind urgent data.</exception>
    public static FrozenSocket Read(Socket socket, TcpRepair repair)
    {
        var before = Progress.Of(socket);
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            TcpInfo info = socket.GetTcpInfo();
            Marks marks = Marks.Of(socket, repair, in info);
            uint timestamp = info.HasTimestamps ? repair.Timestamp : 0;
            Microseconds readAt = MonotonicClock.System.Now;
            byte[] incoming = ArrayPool<byte>.Shared.Rent(Math.Max(marks.Unread, 1));
            int unread = marks.Unread == 0 ? 0 : repair.PeekReceiveQueue(incoming.AsSpan(0, marks.Unread));
            byte[] outgoing = PeekSendQueue(repair, marks.Outstanding, out int queued);
            if (Marks.Of(socket, repair, socket.GetTcpInfo()) == marks && unread == marks.Unread && queued >= marks.Outstanding)
            {
                return new FrozenSocket(before, in marks, in info, outgoing, queued - marks.Outstanding, incoming, timestamp, readAt);
            }

            ArrayPool<byte>.Shared.Return(incoming);
            ArrayPool<byte>.Shared.Return(outgoing);
        }

        throw new SocketException((int)SocketError.InProgress);
    }

    /// <summary>The segment-variant variables, as times remaining.</summary>
    public SegmentVariants Variants(ConnectionInvariants connection)
    {
        SegmentVariants variants = KernelVariants.Of(Info);
        variants.SndUna = SndUna;
        variants.SndNxt = SndMax;
        variants.SndMax = SndMax;
        variants.SndWl1 = new SeqNum(_marks.Window.SndWl1);
        variants.SndWl2 = SndUna;
        variants.SndWnd = _marks.Window.SndWnd;
        variants.MaxWindow = _marks.Window.MaxWindow;
        variants.RcvNxt = _marks.RcvNxt;
        variants.RcvWnd = (uint)Math.Max(0, (new SeqNum(_marks.Window.RcvWup) + _marks.Window.RcvWnd) - _marks.RcvNxt);
        variants.LastAckSent = new SeqNum(_marks.Window.RcvWup);
        variants.RecoveryPoint = SndUna;
        variants.IpId = (ushort)Random.Shared.Next(ushort.MaxValue);
        if (connection.TimestampsEnabled)
        {
            // A clock in milliseconds is told with its lowest bit cleared, so one more may have been sent.
            uint next = connection.TimestampTick.Value == 1 ? _timestamp : _timestamp + 1;
            variants.TsOffset = next - (uint)(_readAt.Value / connection.TimestampTick.Value);
        }

        if (variants.Flight > 0)
        {
            variants.RetransmitAt = new Microseconds(Info.Rto);
            variants.StalledSince = Microseconds.Zero;
        }

        return variants;
    }

    /// <summary>Puts what the kernel's queues hold into the connection's buffers, around what they hold already.</summary>
    /// <exception cref="OutOfBufferMemoryException">When there is no room; the buffers hold what they held.</exception>
    public void MoveInto(SendBuffer send, ReceiveBuffer receive)
    {
        SeqNum delivered = _marks.RcvNxt - _marks.Unread;
        receive.Rebase(delivered);
        if (!receive.TryWrite(delivered, _incoming.AsSpan(0, _marks.Unread)))
        {
            throw new OutOfBufferMemoryException("there is no buffer memory for what the kernel had received");
        }

        try
        {
            send.Rebase(_marks.SendEnd);
            send.Prepend(_outgoing.AsSpan(_outgoingFrom, _marks.Outstanding));
        }
        catch (OutOfBufferMemoryException)
        {
            receive.DiscardBeyond(delivered);
            throw;
        }

        receive.Commit(_marks.RcvNxt);
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_outgoing);
        ArrayPool<byte>.Shared.Return(_incoming);
    }

    private static byte[] PeekSendQueue(TcpRepair repair, int outstanding, out int queued)
    {
        for (int slack = SendQueueSlack; ; slack *= 2)
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent(outstanding + slack);
            queued = outstanding == 0 ? 0 : repair.PeekSendQueue(buffer);
            if (queued >= 0)
            {
                return buffer;
            }

            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>How much had left of what the application wrote, at one moment.</summary>
    /// <param name="Unsent">Bytes that waited.</param>
    /// <param name="Bytes">Bytes sent, each counted once.</param>
    private readonly record struct Progress(int Unsent, long Bytes)
    {
        public static Progress Of(Socket socket)
        {
            for (int attempt = 0; attempt < Attempts; attempt++)
            {
                long bytes = Sent(socket.GetTcpInfo());
                int unsent = socket.Ask(TcpSystemCalls.BytesUnsent);
                if (Sent(socket.GetTcpInfo()) == bytes)
                {
                    return new Progress(unsent, bytes);
                }
            }

            throw new SocketException((int)SocketError.InProgress);
        }

        public static long Sent(in TcpInfo info) => (long)(info.BytesSent - info.BytesRetransmitted);
    }

    /// <summary>What tells whether the socket changed between two looks.</summary>
    private readonly record struct Marks(
        byte State, SeqNum RcvNxt, SeqNum SendEnd, int Outstanding, int Unsent, int Unread, RepairWindow Window)
    {
        public static Marks Of(Socket socket, TcpRepair repair, in TcpInfo info)
        {
            (SeqNum receiveNext, SeqNum endOfSendQueue) = repair.Sequences;
            return new Marks(
                info.State,
                receiveNext,
                endOfSendQueue,
                socket.Ask(TcpSystemCalls.BytesUnacknowledged),
                socket.Ask(TcpSystemCalls.BytesUnsent),
                socket.Ask(TcpSystemCalls.BytesUnread),
                repair.Window);
        }
    }
}
