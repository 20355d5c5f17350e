using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <summary>What the halves of all connections of a kernel host share.</summary>
/// <param name="congestionControl">Of every connection that a TOE takes; null: what its socket has.</param>
/// <param name="logger">The host's.</param>
internal sealed class KernelStack(string? congestionControl, ILogger logger) : IPathWatch, IDisposable
{
    private readonly Lazy<SocketOptions> _freshIPv4 = new(() => Fresh(AddressFamily.InterNetwork));
    private readonly Lazy<SocketOptions> _freshIPv6 = new(() => Fresh(AddressFamily.InterNetworkV6));

    public KernelPump Pump { get; } = new(logger);

    public KernelPaths Paths { get; } = new(logger);

    public RefusalChecks Checks { get; } = new();

    public Reinjector Reinjector { get; } = new();

    public ILogger Logger { get; } = logger;

    /// <summary>Of every connection that a TOE takes; null: what its socket has.</summary>
    public string? CongestionControl { get; } = congestionControl;

    /// <summary>
    /// Bytes in flight that the kernel takes back. Without CAP_NET_ADMIN over the machine a send buffer is bounded by net.core.wmem_max, which the
    /// kernel doubles for its own overhead.
    /// </summary>
    public int ReturnableFlight { get; } = LargestSendBuffer();

    /// <summary>What a new socket of this family has, so that only what differs is set on one that takes a connection back.</summary>
    public SocketOptions FreshOptions(AddressFamily family) => (family == AddressFamily.InterNetworkV6 ? _freshIPv6 : _freshIPv4).Value;

    /// <param name="socket">Connected; the half owns it from now on.</param>
    /// <param name="memory">The connection's buffers.</param>
    /// <param name="events">The connection.</param>
    /// <param name="isActive">Whether this side opened the connection; null: not known.</param>
    public KernelHalf HalfOf(Socket socket, PostedMemory memory, IHostHalfEvents events, bool? isActive) =>
        new(socket, memory, events, this, isActive);

    public void ReportTo(Action<object> report) => Paths.ReportTo(report);

    public void Watch(ReadOnlySpan<FlowKey> flows) => Paths.Watch(flows);

    public void Forget(in FlowKey flow) => Paths.Forget(in flow);

    public void ProbeAgain(in FlowKey flow) => Paths.ProbeAgain(in flow);

    public void Confirm(NeighborId neighbor) => Paths.Confirm(neighbor);

    public void LearnMtu(PathId path, int mtu) => Paths.LearnMtu(path, mtu);

    public void Dispose()
    {
        Pump.Dispose();
        Paths.Dispose();
        Checks.Dispose();
        Reinjector.Dispose();
    }

    private static SocketOptions Fresh(AddressFamily family)
    {
        using var socket = new Socket(family, SocketType.Stream, ProtocolType.Tcp);
        return SocketOptions.Of(socket);
    }

    private static int LargestSendBuffer()
    {
        using var probe = new Socket(SocketType.Stream, ProtocolType.Tcp);
        if (probe.TrySetInt(TcpOption.LevelSocket, TcpOption.SendBufferForce, 1 << 16))
        {
            return int.MaxValue;
        }

        probe.SetInt(TcpOption.LevelSocket, TcpOption.SendBuffer, int.MaxValue / 2);
        return probe.GetInt(TcpOption.LevelSocket, TcpOption.SendBuffer) / 2;
    }
}
