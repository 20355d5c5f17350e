using System.Buffers;
using System.Net;
using System.Net.Sockets;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport;
using TcpActors.Transport.Linux.Netlink;
using TcpActors.Transport.Linux.Tcp;
using TcpActors.Transport.Steering;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// The kernel's part of one connection: pumps it while the kernel owns it, takes it out of the kernel by TCP_REPAIR and puts it back. The order of
/// steps is what loses nothing: the flow is claimed before the socket is frozen, and released before the new one leaves repair mode.
/// </summary>
internal sealed class KernelHalf : IHostHalf
{
    private readonly KernelStack _stack;
    private readonly PostedMemory _memory;
    private readonly IHostHalfEvents _events;
    private readonly bool? _isActive;
    private readonly IPEndPoint _local;
    private readonly IPEndPoint _remote;
    private readonly AddressFamily _family;
    private readonly long _scope;
    private KernelFlow? _flow;
    private Socket? _placeholder;
    private SocketOptions? _options;
    private ConnectionInvariants? _invariants;
    private KernelPath? _path;

    public KernelHalf(Socket socket, PostedMemory memory, IHostHalfEvents events, KernelStack stack, bool? isActive)
    {
        (_stack, _memory, _events, _isActive) = (stack, memory, events, isActive);
        _local = (IPEndPoint)socket.LocalEndPoint!;
        _remote = (IPEndPoint)socket.RemoteEndPoint!;
        _family = socket.AddressFamily;
        _scope = _remote.Address.AddressFamily == AddressFamily.InterNetworkV6 ? _remote.Address.ScopeId : 0;
        Flow = FlowKey.From(_local, _remote);
        _flow = FlowOf(socket);
    }

    public FlowKey Flow { get; }

    /// <summary>The kernel's socket; null while a TOE owns the connection.</summary>
    internal Socket? Socket => Volatile.Read(ref _flow)?.Socket;

    public void Start() => _flow?.Start();

    public void DataReady() => Volatile.Read(ref _flow)?.Work();

    public void WindowOpened() => Volatile.Read(ref _flow)?.Work();

    public void ShutdownSend() => _flow?.ShutdownSend();

    public void Close()
    {
        _flow?.Close();
        _placeholder?.Dispose();
    }

    public void Abort()
    {
        _placeholder?.Dispose();
        if (_flow is { } flow)
        {
            flow.Abort();
        }
        else
        {
            _events.Closed();
        }
    }

    public int FindInterface()
    {
        _path = _stack.Paths.Find(Flow, _scope);
        return _path.LinkIndex;
    }

    public TakeOut TakeOut(IFlowGate gate)
    {
        KernelFlow flow = _flow!;
        Socket socket = flow.Socket;
        if (flow.HasEnding)
        {
            return new TakeOut.Refused("one of its directions has ended");
        }

        if (_stack.Checks.Refuse(socket, Flow) is { } reason)
        {
            return new TakeOut.Refused(reason);
        }

        // 1. Stop reading and writing.
        flow.Stop();

        // 2. Claim the flow: repair mode alone does not stop the kernel from receiving and acknowledging.
        try
        {
            gate.Claim(Flow);
        }
        catch (SteeringException e)
        {
            flow.Resume();
            return new TakeOut.Refused(e.Message);
        }

        var repair = new TcpRepair(socket);
        try
        {
            // 3. Freeze, look at the state as it is now, read everything.
            repair.Enter();
            TcpInfo info = socket.GetTcpInfo();
            if ((TcpState)info.State != TcpState.Established)
            {
                return GiveUp(gate, repair, flow, $"its state is {(TcpState)info.State}");
            }

            _options = SocketOptions.Of(socket);
            Microseconds now = MonotonicClock.System.Now;
            SegmentVariants variants = Read(socket, repair, in info, now);
            SegmentInvariants segment = Snapshot(in info);

            // 4. In repair mode closing sends nothing. Who connects finds the port taken all the same.
            _placeholder = _isActive == false ? null : HoldPort();
            _stack.Paths.Watch(Flow, _path!);
            Volatile.Write(ref _flow, null);
            socket.Dispose();
            return new TakeOut.Taken(_invariants!, segment, variants);
        }
        catch (Exception e) when (e is SocketException or NetlinkException or Engine.Buffers.OutOfBufferMemoryException)
        {
            return GiveUp(gate, repair, flow, e.Message);
        }
    }

    public unsafe void PutBack(in HandBack state, IFlowGate gate)
    {
        SegmentVariants variants = state.Variants;
        ConnectionInvariants connection = state.Connection;
        bool released = false;
        Socket? socket = null;
        try
        {
            socket = new Socket(_family, SocketType.Stream, ProtocolType.Tcp);
            if (_family == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = _remote.Address.IsIPv4MappedToIPv6;
            }

            var repair = new TcpRepair(socket);

            // Repair mode forces address reuse, beside a listener too; setting SO_REUSEADDR now would weaken that.
            repair.Enter();

            // Before connect; afterwards its send MSS would be that of a connection without options.
            repair.MaxSegment = connection.PeerMss;
            repair.EndOfSendQueue = variants.SndUna;
            repair.ReceiveNext = variants.RcvNxt;
            socket.BindAsIs(_local);
            socket.Connect(_remote);
            repair.SetOptions(connection, connection.PeerMss);
            if (connection.TimestampsEnabled)
            {
                repair.Timestamp = TimestampOf(connection, in variants);
            }

            int promised = (int)variants.RcvWnd;
            int flight = (int)variants.Flight;
            _options!.ApplyBuffers(socket, flight, promised);
            repair.Window = new RepairWindow
            {
                SndWl1 = variants.SndWl1.Value,
                SndWnd = variants.SndWnd,
                MaxWindow = Math.Max(variants.MaxWindow, variants.SndWnd),
                RcvWnd = (uint)(variants.RcvNxt - variants.LastAckSent) + variants.RcvWnd,
                RcvWup = variants.LastAckSent.Value,
            };
            int filled = Fill(repair, variants.SndUna, flight);
            _options.Apply(socket);
            _stack.Checks.ForgetTracking(Flow);

            // 3. Release, and only then leave repair mode: its window probe would be stopped by our own fence and cost 200 ms.
            released = true;
            gate.Release(Flow);

            // 4. What the TOE did not consume arrives as if it came now: at once, for a segment that comes behind it must not overtake it. An RST
            // that overtook the FIN before it would seem one too far.
            gate.Forward(Flow, packet => _stack.Reinjector.Inject(packet, _scope));
            repair.Leave();
            _options.ApplyAfterRepair(socket);
            _placeholder?.Dispose();
            _placeholder = null;
            _memory.Receive.DiscardBeyond(variants.RcvNxt);
            _memory.Send.FreeTo(variants.SndUna + filled);
            KernelFlow flow = FlowOf(socket);
            Volatile.Write(ref _flow, flow);
            flow.Start();
        }
        catch (Exception e) when (e is SocketException or NetlinkException or SteeringException)
        {
            if (!released)
            {
                gate.Release(Flow);
                gate.Forward(Flow, static _ => { });
            }

            socket?.Dispose();
            _placeholder?.Dispose();
            throw new IOException($"The kernel does not take {Flow} back: {e.Message}", e);
        }
    }

    public SegmentVariants Query()
    {
        if (Volatile.Read(ref _flow) is not { } flow)
        {
            return _memory.Slot.Read(out _);
        }

        try
        {
            TcpInfo info = flow.Socket.GetTcpInfo();
            SegmentVariants variants = KernelVariants.Of(in info);
            variants.RcvNxt = _memory.Receive.Committed;
            return variants;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return new SegmentVariants { State = TcpState.Closed };
        }
    }

    private static uint TimestampOf(ConnectionInvariants connection, in SegmentVariants variants)
    {
        uint ticks = (uint)(MonotonicClock.System.Now.Value / connection.TimestampTick.Value) + variants.TsOffset;
        bool isMicroseconds = connection.TimestampTick.Value == 1;

        // The lowest bit says what a tick is, so the value is rounded: up, as TSval must never go back.
        return isMicroseconds ? ticks | 1 : (ticks + 1) & ~1u;
    }

    private KernelFlow FlowOf(Socket socket) => new(socket, _memory.Send, _memory.Receive, _events, _stack.Pump);

    private TakeOut.Refused GiveUp(IFlowGate gate, TcpRepair repair, KernelFlow flow, string reason)
    {
        gate.Release(Flow);
        repair.LeaveSilently();
        _options?.ApplyAfterRepair(flow.Socket);
        gate.Forward(Flow, packet => _stack.Reinjector.Inject(packet, _scope));
        flow.Resume();
        return new TakeOut.Refused(reason);
    }

    /// <summary>Reads the variables, and moves what the kernel's queues hold into the buffers.</summary>
    private SegmentVariants Read(Socket socket, TcpRepair repair, in TcpInfo info, Microseconds now)
    {
        SeqNum end = repair.EndOfSendQueue;
        SeqNum rcvNxt = repair.ReceiveNext;
        int outstanding = socket.Ask(TcpSystemCalls.BytesUnacknowledged);
        int unsent = socket.Ask(TcpSystemCalls.BytesUnsent);
        int unread = socket.Ask(TcpSystemCalls.BytesUnread);
        RepairWindow window = repair.Window;
        uint timestamp = info.HasTimestamps ? repair.Timestamp : 0;

        byte[] outgoing = ArrayPool<byte>.Shared.Rent(Math.Max(outstanding, 1));
        byte[] incoming = ArrayPool<byte>.Shared.Rent(Math.Max(unread, 1));
        repair.PeekSendQueue(outgoing.AsSpan(0, outstanding));
        repair.PeekReceiveQueue(incoming.AsSpan(0, unread));

        _invariants ??= Invariants(repair, in info, end - outstanding, rcvNxt);
        _memory.Send.Rebase(end);
        _memory.Send.Prepend(outgoing.AsSpan(0, outstanding));
        _memory.Receive.Rebase(rcvNxt - unread);
        if (!_memory.Receive.TryWrite(rcvNxt - unread, incoming.AsSpan(0, unread)))
        {
            throw new Engine.Buffers.OutOfBufferMemoryException("There is no buffer memory for what the kernel had received.");
        }

        _memory.Receive.Commit(rcvNxt);
        ArrayPool<byte>.Shared.Return(outgoing);
        ArrayPool<byte>.Shared.Return(incoming);
        if (unread > 0)
        {
            _events.Readable();
        }

        SegmentVariants variants = KernelVariants.Of(in info);
        variants.SndUna = end - outstanding;
        variants.SndNxt = end - unsent;
        variants.SndMax = end - unsent;
        variants.SndWl1 = new SeqNum(window.SndWl1);
        variants.SndWl2 = variants.SndUna;
        variants.SndWnd = window.SndWnd;
        variants.MaxWindow = window.MaxWindow;
        variants.RcvNxt = rcvNxt;
        variants.RcvWnd = (uint)Math.Max(0, (new SeqNum(window.RcvWup) + window.RcvWnd) - rcvNxt);
        variants.LastAckSent = new SeqNum(window.RcvWup);
        variants.RecoveryPoint = variants.SndUna;
        variants.IpId = (ushort)Random.Shared.Next(ushort.MaxValue);
        variants.TsOffset = timestamp - (uint)(now.Value / _invariants.TimestampTick.Value);
        if (variants.Flight > 0)
        {
            variants.RetransmitAt = variants.Rto;
        }

        return variants;
    }

    private ConnectionInvariants Invariants(TcpRepair repair, in TcpInfo info, SeqNum sndUna, SeqNum rcvNxt) => new()
    {
        Flow = Flow,
        InitialTtl = (byte)(Flow.IsIPv4
            ? _options![TcpOption.LevelIPv4, TcpOption.IPv4Ttl]
            : _options![TcpOption.LevelIPv6, TcpOption.IPv6Hops]),
        InitialTos = Tos(),

        // The kernel tells neither; both follow from what was acknowledged and received since.
        InitialSendSequence = sndUna - (int)((uint)info.BytesAcknowledged + 1),
        InitialReceiveSequence = rcvNxt - (int)((uint)info.BytesReceived + 1),
        SendWindowScale = info.HasWindowScale ? info.SendWindowScale : (byte)0,
        ReceiveWindowScale = info.HasWindowScale ? info.ReceiveWindowScale : (byte)0,
        SackPermitted = info.HasSack,
        TimestampsEnabled = info.HasTimestamps,
        TimestampTick = new Microseconds(info.HasMicrosecondTimestamps ? 1 : 1000),
        EcnNegotiated = info.HasEcn,
        PeerMss = (ushort)repair.MaxSegment,
    };

    private SegmentInvariants Snapshot(in TcpInfo info)
    {
        KernelPath path = _path!;
        SocketOptions options = _options!;
        int timestamps = info.HasTimestamps ? 12 : 0;
        int headers = (Flow.IsIPv4 ? 20 : 40) + 20;
        int pathMtu = info.PathMtu > 0 ? (int)Math.Min(info.PathMtu, path.Mtu) : path.Mtu;
        int userTimeout = options[TcpOption.LevelTcp, TcpOption.UserTimeout];
        return new SegmentInvariants
        {
            SourceMac = path.SourceMac,
            NextHopMac = path.NextHopMac,
            PathMtu = pathMtu,
            EffectiveMss = Math.Min(_invariants!.PeerMss, pathMtu - headers) - timestamps,
            Ttl = (byte)(Flow.IsIPv4
                ? options[TcpOption.LevelIPv4, TcpOption.IPv4Ttl]
                : options[TcpOption.LevelIPv6, TcpOption.IPv6Hops]),
            Tos = Tos(),
            NagleEnabled = options[TcpOption.LevelTcp, TcpOption.NoDelay] == 0,
            KeepAliveEnabled = options[TcpOption.LevelSocket, TcpOption.KeepAlive] != 0,
            KeepAliveTime = Microseconds.FromSeconds(options[TcpOption.LevelTcp, TcpOption.KeepIdle]),
            KeepAliveInterval = Microseconds.FromSeconds(options[TcpOption.LevelTcp, TcpOption.KeepInterval]),
            KeepAliveMaxProbes = options[TcpOption.LevelTcp, TcpOption.KeepCount],
            UserTimeout = userTimeout == 0 ? Microseconds.Never : Microseconds.FromMilliseconds(userTimeout),
            ReceiveBufferLimit = Math.Min(_memory.Receive.Limit, 65535 << _invariants.ReceiveWindowScale),
            SendBufferLimit = _memory.Send.Limit,
        };
    }

    private byte Tos() => (byte)((Flow.IsIPv4
        ? _options![TcpOption.LevelIPv4, TcpOption.IPv4Tos]
        : _options![TcpOption.LevelIPv6, TcpOption.IPv6TrafficClass]) & ~3);

    private Socket? HoldPort()
    {
        var holder = new Socket(_family, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (_family == AddressFamily.InterNetworkV6)
            {
                holder.DualMode = _remote.Address.IsIPv4MappedToIPv6;
            }

            new TcpRepair(holder).Enter();
            holder.BindAsIs(_local);
            return holder;
        }
        catch (SocketException)
        {
            // A listener or another connection holds the port already, which does as well.
            holder.Dispose();
            return null;
        }
    }

    private unsafe int Fill(TcpRepair repair, SeqNum from, int length)
    {
        int done = 0;
        while (done < length)
        {
            int step = Math.Min(length - done, 64 << 10);
            _memory.Send.GetSlices(from + done, step, out Engine.Buffers.SendSlices slices);
            int filled = repair.FillSendQueue(slices.P0, slices.L0);
            if (filled == slices.L0 && slices.L1 > 0)
            {
                filled += repair.FillSendQueue(slices.P1, slices.L1);
            }

            done += filled;
            if (filled < step)
            {
                // The rest is pumped as if it had not been sent: the peer takes what it has as duplicates.
                break;
            }
        }

        return done;
    }
}
