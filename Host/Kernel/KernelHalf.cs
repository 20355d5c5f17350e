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
    /// <summary>As the kernel's own floor: with less, a peer could have us send tiny segments without end (CVE-2019-11479).</summary>
    private const int SmallestMss = 48;

    private readonly KernelStack _stack;
    /// <summary>How long the kernel may take to forget the socket that was there before.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

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
    private LastHandBack _last;

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

        if (_stack.Checks.Refuse(socket, Flow, _path!.LinkIndex) is { } reason)
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
            var state = (TcpState)socket.GetTcpInfo().State;
            if (state != TcpState.Established)
            {
                return GiveUp(gate, repair, flow, $"its state is {state}");
            }

            if (socket.HasUrgentData())
            {
                return GiveUp(gate, repair, flow, "urgent data is pending");
            }

            _options = SocketOptions.Of(socket, flow.WhenThereIsRoom is null ? null : _options);
            using FrozenSocket frozen = FrozenSocket.Read(socket, repair);
            _invariants ??= Invariants(repair, frozen);
            SegmentVariants variants = frozen.Variants(_invariants);
            _last.Complete(ref variants, _path!.NextHopMac, MonotonicClock.System.Now);
            SegmentInvariants segment = Snapshot(frozen.Info);
            if (segment.EffectiveMss < SmallestMss)
            {
                return GiveUp(gate, repair, flow, $"its segments carry {segment.EffectiveMss} bytes at most");
            }

            // Who connects finds the port taken all the same. The last step that may fail comes after it: once the bytes have moved there is
            // no way back.
            _placeholder = _isActive == false ? null : HoldPort();
            frozen.MoveInto(_memory.Send, _memory.Receive);

            // Sizes that the application has fixed on its socket hold for its buffers here too.
            _memory.Receive.Limit = _options.ReceiveBufferLimit ?? _memory.Receive.Limit;
            _memory.Send.Limit = _options.SendBufferLimit ?? _memory.Send.Limit;

            // 4. In repair mode closing sends nothing.
            _stack.Paths.Watch(Flow, _path!);
            Volatile.Write(ref _flow, null);
            LetGo(repair);
            socket.Dispose();
            if (_memory.Receive.Unread > 0)
            {
                // What the kernel had not delivered may be all that comes for a long time.
                _events.Readable();
            }

            return new TakeOut.Taken(_invariants, segment, variants);
        }
        catch (Exception e) when (e is SocketException or NetlinkException or Engine.Buffers.OutOfBufferMemoryException)
        {
            return GiveUp(gate, repair, flow, e.Message);
        }
    }

    public unsafe void PutBack(in HandBack state, IFlowGate gate)
    {
        SegmentVariants variants = state.Variants;
        _last = new LastHandBack(in state, MonotonicClock.System.Now);
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

            // Before connect; afterwards its send MSS would be that of a connection without options. What this option does not take is
            // set as the negotiated one below.
            repair.MaxSegment = Math.Clamp((int)connection.PeerMss, TcpRepair.SmallestMaxSegment, TcpRepair.LargestMaxSegment);
            repair.EndOfSendQueue = variants.SndUna;
            repair.ReceiveNext = variants.RcvNxt;
            socket.BindAsIs(_local);
            if (!SpinWait.SpinUntil(() => socket.TryConnectAsIs(_remote), s_patience))
            {
                throw new SocketException((int)SocketError.AddressAlreadyInUse);
            }

            repair.SetOptions(connection, connection.PeerMss);
            if (connection.TimestampsEnabled)
            {
                repair.Timestamp = TimestampOf(connection, in variants);
            }

            int promised = (int)variants.RcvWnd;
            int flight = (int)variants.Flight;
            bool isFull = _memory.Receive.Free == 0;
            _options!.ApplyBuffers(socket, flight, promised, isFull);
            repair.Window = new RepairWindow
            {
                SndWl1 = variants.SndWl1.Value,
                SndWnd = variants.SndWnd,
                MaxWindow = Math.Max(variants.MaxWindow, variants.SndWnd),
                RcvWnd = (uint)(variants.RcvNxt - variants.LastAckSent) + variants.RcvWnd,
                RcvWup = variants.LastAckSent.Value,
            };
            if (!isFull)
            {
                repair.OpenWindowClamp(socket.GetInt(TcpOption.LevelSocket, TcpOption.ReceiveBuffer));
            }

            int filled = Fill(repair, variants.SndUna, flight);
            if (filled < flight)
            {
                Log.ShortFill(_stack.Logger, Flow, filled, flight);
            }

            _options.Apply(socket);
            _stack.Checks.ForgetTracking(Flow);

            // 3. Release, and only then leave repair mode: its window probe would be stopped by our own fence and cost 200 ms.
            released = true;
            gate.Release(Flow);

            // 4. What the TOE did not consume arrives as if it came now: at once, for a segment that comes behind it must not overtake it.
            // An RST that overtook the FIN before it would seem one too far.
            gate.Forward(Flow, packet => _stack.Reinjector.Inject(packet, _scope));
            repair.Leave();
            _options.ApplyAfterRepair(socket, isFull);
            _placeholder?.Dispose();
            _placeholder = null;
            _memory.Receive.DiscardBeyond(variants.RcvNxt);
            _memory.Send.FreeTo(variants.SndUna + filled);
            KernelFlow flow = FlowOf(socket);
            flow.WhenThereIsRoom = isFull ? () => OpenWindow(socket, _options) : null;
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
            return KernelVariants.Of(in info);
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

    /// <summary>
    /// The application reads again. The kernel tells the peer of a larger buffer only when bytes are read from the socket, and there are none;
    /// leaving repair mode makes it tell. Whatever changed between looking at the windows and setting them is set right by the probe it sends:
    /// the answer to it tells SND.WND anew.
    /// </summary>
    private void OpenWindow(Socket socket, SocketOptions options)
    {
        options.RestoreReceiveBuffer(socket);
        int buffer = socket.GetInt(TcpOption.LevelSocket, TcpOption.ReceiveBuffer);
        var repair = new TcpRepair(socket);
        repair.Enter();
        RepairWindow window = repair.Window;

        // Half of what the kernel counts is bytes, the rest its overhead.
        uint promise = (uint)Math.Min(buffer / 2, 65535 << _invariants!.ReceiveWindowScale);
        repair.Window = window with { RcvWnd = Math.Max(window.RcvWnd, promise) };
        repair.OpenWindowClamp(buffer);
        repair.Leave();
        options.ApplyAfterRepair(socket);
    }

    private static void LetGo(TcpRepair repair)
    {
        try
        {
            repair.Drop();
        }
        catch (SocketException)
        {
            // It is closed next, which does as well unless somebody else holds the descriptor at this moment.
        }
    }

    private TakeOut.Refused GiveUp(IFlowGate gate, TcpRepair repair, KernelFlow flow, string reason)
    {
        _placeholder?.Dispose();
        _placeholder = null;
        gate.Release(Flow);
        repair.LeaveSilently();
        _options?.ApplyAfterRepair(flow.Socket);
        gate.Forward(Flow, packet => _stack.Reinjector.Inject(packet, _scope));
        flow.Resume();
        return new TakeOut.Refused(reason);
    }

    private ConnectionInvariants Invariants(TcpRepair repair, FrozenSocket frozen) => new()
    {
        Flow = Flow,
        InitialTtl = (byte)(Flow.IsIPv4
            ? _options![TcpOption.LevelIPv4, TcpOption.IPv4Ttl]
            : _options![TcpOption.LevelIPv6, TcpOption.IPv6Hops]),
        InitialTos = Tos(),

        InitialSendSequence = frozen.InitialSendSequence,
        InitialReceiveSequence = frozen.InitialReceiveSequence,
        SendWindowScale = frozen.Info.HasWindowScale ? frozen.Info.SendWindowScale : (byte)0,
        ReceiveWindowScale = frozen.Info.HasWindowScale ? frozen.Info.ReceiveWindowScale : (byte)0,
        SackPermitted = frozen.Info.HasSack,
        TimestampsEnabled = frozen.Info.HasTimestamps,
        TimestampTick = new Microseconds(frozen.Info.HasMicrosecondTimestamps ? 1 : 1000),
        EcnNegotiated = frozen.Info.HasEcn,
        PeerMss = (ushort)repair.MaxSegment,
    };

    private SegmentInvariants Snapshot(in TcpInfo info)
    {
        KernelPath path = _path!;
        SocketOptions options = _options!;
        int pathMtu = info.PathMtu > 0 ? (int)Math.Min(info.PathMtu, path.Mtu) : path.Mtu;
        int userTimeout = options[TcpOption.LevelTcp, TcpOption.UserTimeout];
        return new SegmentInvariants
        {
            SourceMac = path.SourceMac,
            NextHopMac = path.NextHopMac,
            PathMtu = pathMtu,
            EffectiveMss = _invariants!.EffectiveMss(pathMtu),
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
            ReceiveBufferLimit = Math.Min(options.ReceiveBufferLimit ?? _memory.Receive.Limit, 65535 << _invariants.ReceiveWindowScale),
            SendBufferLimit = options.SendBufferLimit ?? _memory.Send.Limit,
        };
    }

    private byte Tos() => (byte)((Flow.IsIPv4
        ? _options![TcpOption.LevelIPv4, TcpOption.IPv4Tos]
        : _options![TcpOption.LevelIPv6, TcpOption.IPv6TrafficClass]) & ~3);

    private Socket? HoldPort()
    {
        Socket? holder = null;
        try
        {
            holder = new Socket(_family, SocketType.Stream, ProtocolType.Tcp);
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
            holder?.Dispose();
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
