using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using Microsoft.Extensions.Logging;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;
using TcpActors.HostSide.Kernel;
using TcpActors.Transport;
using TcpActors.Transport.Linux;

namespace TcpActors.HostSide;

/// <summary>
/// The kernel host: listens and connects through the Linux kernel, and moves established connections between the kernel and TOEs of
/// this process. One for a process is enough; it works in the network namespace of the thread that creates it.
/// </summary>
public sealed class OffloadHost : IAsyncDisposable
{
    private readonly OffloadHostOptions _options;
    private readonly ILogger _logger;
    private readonly ActorSystem _system;
    private readonly bool _ownsSystem;
    private readonly WorkerThreads _workers = new(Math.Max(2, Environment.ProcessorCount));
    private readonly PostedBuffers _buffers = new();
    private readonly TransferStack _fromToes = new();
    private readonly ChunkPool _pool;
    private readonly ToeFactory _factory;
    private readonly KernelStack _kernel;
    private readonly IActorRef _supervisor;
    private readonly ConnectionParts _parts;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ToeUnit> _toes = new(StringComparer.Ordinal);
    private long _lastId;
    private int _disposed;

    private OffloadHost(OffloadHostOptions options)
    {
        _options = options;
        _logger = options.LoggerFactory.CreateLogger("TcpActors.Host");
        _factory = new ToeFactory(options, options.LoggerFactory.CreateLogger("TcpActors.Toe"));
        _pool = new MemfdChunkPool(limit: options.BufferMemoryLimit);
        (_system, _ownsSystem) = options.System is { } given
            ? (given, false)
            : (ActorSystem.Create("tcpactors", OffloadEngine.ReferenceConfig), true);
        _kernel = new KernelStack(_logger);
        _supervisor = _system.ActorOf(
            Props.Create(() => new HostSupervisor("kernel", _buffers, _fromToes, _kernel, _workers, _logger)), "tcpactors-host");
        _kernel.ReportTo(changed => _supervisor.Tell(changed));
        _parts = new ConnectionParts(
            _supervisor, options.Policy, _pool, new SlotTable(_pool), MonotonicClock.System,
            options.SendBufferLimit, options.ReceiveBufferLimit);
        foreach (ToeOptions toe in options.Toes)
        {
            AddToe(toe);
        }
    }

    /// <summary>What steers frames, in one line: eBPF, or nftables and why not eBPF.</summary>
    public string Steering => _factory.Steering;

    /// <summary>The TOEs there are: name and interface.</summary>
    public IReadOnlyList<ToeOptions> Toes
    {
        get
        {
            lock (_lock)
            {
                return [.. _toes.Select(toe => new ToeOptions(toe.Key, toe.Value.Name))];
            }
        }
    }

    /// <summary>The memory posted for connections.</summary>
    internal PostedBuffers Buffers => _buffers;

    /// <inheritdoc cref="ToeFactory.CountFlows"/>
    internal int? CountFlows() => _factory.CountFlows();

    /// <summary>Makes a host in the network namespace of the calling thread.</summary>
    /// <exception cref="OffloadHostException">Missing privileges, an unknown interface, no Linux: the message says what to do.</exception>
    public static OffloadHost Create(OffloadHostOptions options) => OperatingSystem.IsLinux()
        ? new OffloadHost(options)
        : throw new OffloadHostException("The kernel host needs Linux. 'tcpactors demo --in-memory' runs on any operating system.");

    /// <summary>Listens through the kernel. Without TOEs in the options, one starts for each interface that carries the address.</summary>
    /// <exception cref="SocketException">As for a socket: address in use, not available, access denied.</exception>
    /// <exception cref="OffloadHostException">When a TOE cannot be started.</exception>
    public ConnectionListener Listen(IPEndPoint endPoint, int backlog = 512)
    {
        Socket socket = InHostNamespace(() =>
        {
            var listening = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                listening.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, optionValue: true);
                if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
                {
                    listening.DualMode = endPoint.Address.Equals(IPAddress.IPv6Any);
                }

                listening.Bind(endPoint);
                listening.Listen(backlog);
                EnsureToes(endPoint.Address);
                return listening;
            }
            catch
            {
                listening.Dispose();
                throw;
            }
        });
        return new ConnectionListener(this, socket);
    }

    /// <summary>Connects through the kernel.</summary>
    /// <exception cref="SocketException">As for a socket.</exception>
    public async Task<Connection> ConnectAsync(IPEndPoint remote, CancellationToken cancellationToken = default)
    {
        Socket socket = InHostNamespace(() => new Socket(remote.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            await socket.ConnectAsync(remote, cancellationToken);
            return Adopt(socket, isActive: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Takes over a connected socket that the application has, and offloads it. The socket must not be used or disposed of any more, and no
    /// operation may be pending on it; what it holds (unread, unacknowledged, unsent) travels along.
    /// </summary>
    /// <exception cref="OffloadHostException">When the offload was refused: the socket is the application's as before.</exception>
    public async Task<Connection> OffloadAsync(Socket connected)
    {
        Connection connection = ConnectionOf(connected, isActive: null);
        var done = new TaskCompletionSource<MoveResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        _supervisor.Tell(new HostMessages.TakeOver(connection, done));
        MoveResult result = await done.Task;
        return result.Refused.Count == 0 || connection.Epoch.Value > 0
            ? connection
            : throw new OffloadHostException($"{connection} is not offloaded: {result.Refused[0].Reason}. The socket is as it was.");
    }

    /// <summary>Moves these connections (null: all) to TOEs; completes when that is done.</summary>
    public Task<MoveResult> OffloadAsync(IReadOnlyList<ConnectionId>? connections = null) => MoveAsync(connections, toToe: true);

    /// <summary>Moves these connections (null: all) back to the kernel; completes when that is done.</summary>
    public Task<MoveResult> UploadAsync(IReadOnlyList<ConnectionId>? connections = null) => MoveAsync(connections, toToe: false);

    /// <summary>Every connection there is at this moment.</summary>
    public Task<IReadOnlyList<ConnectionReport>> ListAsync()
    {
        var done = new TaskCompletionSource<IReadOnlyList<ConnectionReport>>(TaskCreationOptions.RunContinuationsAsynchronously);
        _supervisor.Tell(new HostMessages.List(done));
        return done.Task;
    }

    /// <summary>
    /// Brings every connection back to the kernel and lets it close them in order: what was written still reaches the peer.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        var quiesced = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _supervisor.Tell(new HostMessages.Quiesce(quiesced));
        await quiesced.Task;
        _kernel.Dispose();
        foreach (ToeUnit toe in _toes.Values)
        {
            toe.Engine.Dispose();
        }

        _factory.Dispose();
        _workers.Dispose();
        if (_ownsSystem)
        {
            await _system.Terminate();
        }
        else
        {
            _supervisor.Tell(PoisonPill.Instance);
        }

        _parts.Slots.Dispose();
        (_pool as IDisposable)?.Dispose();
    }

    /// <summary>Makes a connection of a socket that the kernel has set up.</summary>
    internal Connection Adopt(Socket socket, bool? isActive)
    {
        Connection connection = ConnectionOf(socket, isActive);
        _supervisor.Tell(new HostMessages.Register(connection));
        return connection;
    }

    private Connection ConnectionOf(Socket socket, bool? isActive)
    {
        var local = (IPEndPoint)socket.LocalEndPoint!;
        var remote = (IPEndPoint)socket.RemoteEndPoint!;
        if (isActive != false)
        {
            InHostNamespace(() =>
            {
                EnsureToes(local.Address);
                return 0;
            });
        }

        var id = new ConnectionId(Interlocked.Increment(ref _lastId));
        return new Connection(id, local, remote, _parts, (self, events) => _kernel.HalfOf(socket, self.Memory, events, isActive));
    }

    private Task<MoveResult> MoveAsync(IReadOnlyList<ConnectionId>? connections, bool toToe)
    {
        var done = new TaskCompletionSource<MoveResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        _supervisor.Tell(new HostMessages.Move(connections, toToe, done));
        return done.Task;
    }

    private void EnsureToes(IPAddress local)
    {
        if (_options.Toes.Count == 0)
        {
            foreach (string name in ServedInterfaces.Of(local))
            {
                AddToe(new ToeOptions(name));
            }
        }
    }

    private void AddToe(ToeOptions toe)
    {
        lock (_lock)
        {
            if (!_toes.ContainsKey(toe.Interface))
            {
                ToeUnit unit = _factory.Create(
                    toe, _system, _buffers, _fromToes, _supervisor, isOnlyOne: _options.Toes.Count <= 1 && _toes.Count == 0);
                _toes.Add(toe.Interface, unit);
                _supervisor.Tell(new HostMessages.AddToe(unit));
            }
        }
    }

    /// <summary>Sockets and netlink belong to the namespace of the thread that opens them: the workers have the host's.</summary>
    private T InHostNamespace<T>(Func<T> function) => _workers.Factory.StartNew(function).GetAwaiter().GetResult();
}
