using System.Net;
using System.Net.Sockets;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide.Statistics;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>
/// The kernel's part of one connection: pumps it while the kernel owns it, takes it out of the kernel by TCP_REPAIR and puts it back. The order of
/// steps is what loses nothing: the flow is claimed before the socket is frozen, and released before the new one leaves repair mode.
/// </summary>
internal sealed partial class KernelHalf : IHostHalf
{
    private readonly KernelStack _stack;
    private readonly PostedMemory _memory;
    private readonly IHostHalfEvents _events;
    private readonly bool? _isActive;
    private readonly IPEndPoint _local;
    private readonly IPEndPoint _remote;
    private readonly long _scope;
    private KernelFlow? _flow;
    private Standby? _standby;
    private Socket? _left;
    private SocketOptions? _options;
    private ConnectionInvariants? _invariants;
    private KernelPath? _path;
    private LastHandBack _last = LastHandBack.None;

    // Of an upload, between its two steps.
    private bool _isFull;

    public KernelHalf(Socket socket, PostedMemory memory, IHostHalfEvents events, KernelStack stack, bool? isActive)
    {
        (_stack, _memory, _events, _isActive) = (stack, memory, events, isActive);
        _local = (IPEndPoint)socket.LocalEndPoint!;
        _remote = (IPEndPoint)socket.RemoteEndPoint!;
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
        _standby?.Dispose();
    }

    public void Abort()
    {
        _standby?.Dispose();
        if (_flow is { } flow)
        {
            flow.Abort();
        }
        else
        {
            _events.Closed();
        }
    }

    public void Apply(ConnectionSettings settings)
    {
        IReadOnlyList<SocketOption> options = SettingOptions.Of(settings, Flow.IsIPv4);
        if ((Socket ?? _standby?.Socket) is { } socket)
        {
            foreach (SocketOption option in options)
            {
                option.SetOn(socket);
            }
        }

        _options = _options?.With(options);
    }

    public int FindInterface()
    {
        _path = _stack.Paths.Find(Flow, _scope);
        return _path.LinkIndex;
    }

    public SegmentVariants Query()
    {
        if (Volatile.Read(ref _flow) is not { } flow)
        {
            // The kernel did not take it back.
            return new SegmentVariants { State = TcpState.Closed };
        }

        try
        {
            TcpInfo info = flow.GetTcpInfo();
            SegmentVariants variants = KernelVariants.Of(in info);
            LastHandBack last = Volatile.Read(ref _last);
            if (last != LastHandBack.None)
            {
                KernelVariants.AddSequences(ref variants, in last.Given, in info);
            }

            return variants;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return new SegmentVariants { State = TcpState.Closed };
        }
    }

    public Tally Count()
    {
        // Nobody who moves bytes holds this lock: it is taken here and at the end of a stay.
        lock (_memory.Counters)
        {
            var before = Tally.Of(_memory.Counters);
            if (Volatile.Read(ref _flow) is not { } flow)
            {
                return before;
            }

            try
            {
                TcpInfo info = flow.GetTcpInfo();
                return before + KernelCounts.Of(in info);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return before;
            }
        }
    }

    /// <summary>The kernel's stay ends: what it has counted is in one place or the other, and never in both.</summary>
    private void EndCount(in TcpInfo info)
    {
        lock (_memory.Counters)
        {
            KernelCounts.AddTo(ref _memory.Counters.Value, in info);
            Volatile.Write(ref _flow, null);
        }
    }

    private KernelFlow FlowOf(Socket socket) => new(socket, _memory.Send, _memory.Receive, _events, _stack.Pump);
}
