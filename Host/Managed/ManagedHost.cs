using System.Net;
using System.Security.Cryptography;
using Akka.Actor;
using Microsoft.Extensions.Logging;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Actors.Scheduling;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide.Managed;
using TcpActors.HostSide.Statistics;
using TcpActors.Transport;
using TcpActors.Transport.Links;

namespace TcpActors.HostSide;

/// <summary>
/// The managed host: a TCP stack in C# on a link that no kernel's stack stands on, with one TOE on the same link. In its first form it does
/// handshake, orderly close and reset with neighbours whose MAC address it is told.
/// </summary>
public sealed class ManagedHost : IOffloadHost
{
    private const int InterfaceIndex = 1;
    private readonly HostCore _core;
    private readonly ManagedStack _stack;
    private readonly OffloadEngine _toe;
    private int _disposed;

    internal ManagedHost(string name, ILink link, IReadOnlyList<IPAddress> addresses, HostOptions options)
    {
        ILogger logger = options.LoggerFactory.CreateLogger("TcpActors.Host");
        var wheel = new TimerWheel(MonotonicClock.System.Now);
        var memory = new PathMemory(MonotonicClock.System);
        _stack = new ManagedStack(new ManagedStackOptions
        {
            Link = link,
            Wheel = wheel,
            Addresses = addresses,
            InterfaceIndex = InterfaceIndex,
            Memory = memory,
            Secret = RandomNumberGenerator.GetBytes(16),
            SendBufferLimit = options.SendBufferLimit,
            ReceiveBufferLimit = options.ReceiveBufferLimit,
            CongestionControl = options.CongestionControl ?? SegmentInvariants.DefaultCongestionControl,
        });
        _core = new HostCore("managed", options, new ManagedChunkPool(limit: options.BufferMemoryLimit), new HostBooks(_stack.Paths, memory), logger);
        _stack.Paths.ReportTo(_core.Line.Tell);
        _toe = new OffloadEngine(_core.System, new OffloadEngineOptions
        {
            Name = name,
            Link = link,
            Buffers = _core.Buffers,
            ToHost = _core.FromToes,
            Host = _core.Line.Supervisor,
            HostStack = _stack,
            Wheel = wheel,
            Capacity = options.ToeCapacity,
            Requests = options.UploadRequests,
            Logger = options.LoggerFactory.CreateLogger("TcpActors.Toe"),
        });
        _core.AddToe(new ToeUnit(_toe, new ManagedFlowGate(_toe.Flows), InterfaceIndex));
        _toe.Start();
        Tcp = _core.ServeMessages(this);
    }

    /// <summary>The TOE's name.</summary>
    public string Toe => _toe.Name;

    public IActorRef Tcp { get; }

    internal ChunkPool Pool => _core.Pool;

    /// <summary>Two hosts joined by an in-memory link: <c>10.77.0.1</c> and <c>fd77::1</c>, <c>10.77.0.2</c> and <c>fd77::2</c>.</summary>
    /// <param name="optionsA">Of the first host, whose TOE is called <c>toe-a</c>.</param>
    /// <param name="optionsB">Of the second host, whose TOE is called <c>toe-b</c>.</param>
    /// <param name="link">What joins them; null: a new link with segmentation offload, MTU 1500.</param>
    public static (ManagedHost A, ManagedHost B) CreatePair(
        HostOptions optionsA, HostOptions optionsB, InMemoryLinkPair? link = null)
    {
        InMemoryLinkPair pair = link ?? new InMemoryLinkPair();
        IPAddress[] a = [IPAddress.Parse("10.77.0.1"), IPAddress.Parse("fd77::1")];
        IPAddress[] b = [IPAddress.Parse("10.77.0.2"), IPAddress.Parse("fd77::2")];
        var hosts = (A: new ManagedHost("toe-a", pair.A, a, optionsA), B: new ManagedHost("toe-b", pair.B, b, optionsB));
        foreach (IPAddress address in b)
        {
            hosts.A.SetNeighbor(address, pair.B.Address);
        }

        foreach (IPAddress address in a)
        {
            hosts.B.SetNeighbor(address, pair.A.Address);
        }

        return hosts;
    }

    /// <summary>Says which MAC address a neighbour has; owned flows hear of a change by an update of their invariants.</summary>
    public void SetNeighbor(IPAddress address, MacAddress mac) => _stack.SetNeighbor(address, mac);

    public ConnectionListener Listen(IPEndPoint endPoint, int backlog = 512)
    {
        ManagedListener listener = _stack.Listen(endPoint, backlog);
        return new ConnectionListener(listener.Local, cancellation => AcceptAsync(listener, cancellation), listener.Dispose);
    }

    public async Task<Connection> ConnectAsync(IPEndPoint remote, CancellationToken cancellationToken = default) =>
        Add(await _stack.ConnectAsync(remote, cancellationToken));

    public ConnectionBuffers CreateBuffers(long bytes) => _core.CreateBuffers(bytes);

    public Task<MoveResult> OffloadAsync(IReadOnlyList<ConnectionId>? connections = null) => _core.MoveAsync(connections, toToe: true);

    public Task<MoveResult> UploadAsync(IReadOnlyList<ConnectionId>? connections = null) => _core.MoveAsync(connections, toToe: false);

    public Task<HostReport> ReportAsync() => _core.ReportAsync();

    public async Task<IReadOnlyList<ConnectionReport>> ListAsync() => (await ReportAsync()).Connections;

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            await _core.QuiesceAsync();
            _toe.Dispose();
            _stack.Dispose();
            await _core.DisposeAsync();
        }
    }

    private async ValueTask<Connection?> AcceptAsync(ManagedListener listener, CancellationToken cancellationToken)
    {
        try
        {
            return Add(await listener.AcceptAsync(cancellationToken));
        }
        catch (Exception e) when (e is ObjectDisposedException or System.Threading.Channels.ChannelClosedException)
        {
            return null;
        }
    }

    private Connection Add(ManagedHalf half)
    {
        Connection connection = _core.Make(half.LocalEndPoint, half.RemoteEndPoint, (self, events) =>
        {
            half.Attach(self.Memory.Send, self.Memory.Receive, events, self.Memory.Counters);
            return half;
        });
        _core.Register(connection);
        return connection;
    }
}
