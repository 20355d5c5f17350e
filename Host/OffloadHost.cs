using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;
using TcpActors.HostSide.Kernel;
using TcpActors.HostSide.Statistics;
using TcpActors.Transport;
using TcpActors.Transport.Linux;

namespace TcpActors.HostSide;

/// <summary>
/// The kernel host: listens and connects through the Linux kernel, and moves established connections between the kernel and TOEs of
/// this process. One for a process is enough; it works in the network namespace of the thread that creates it.
/// </summary>
public sealed class OffloadHost : IOffloadHost
{
    private readonly OffloadHostOptions _options;
    private readonly ToeFactory _factory;
    private readonly KernelStack _kernel;
    private readonly HostCore _core;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ToeUnit> _toes = new(StringComparer.Ordinal);
    private readonly HashSet<Socket> _listening = [];
    private int _disposed;

    private OffloadHost(OffloadHostOptions options)
    {
        _options = options;
        ILogger logger = options.LoggerFactory.CreateLogger("TcpActors.Host");
        _factory = new ToeFactory(options, options.LoggerFactory.CreateLogger("TcpActors.Toe"));
        try
        {
            _kernel = new KernelStack(options.CongestionControl, logger);
        }
        catch (SocketException e)
        {
            _factory.Dispose();
            throw new OffloadHostException(
                $"TcpActors cannot open a raw socket here ({e.Message}): it needs CAP_NET_RAW in this network namespace. "
                + "Run it as root, or in a container with --cap-add NET_RAW.",
                e);
        }

        var memory = new MemfdChunkPool(limit: options.BufferMemoryLimit);
        try
        {
            _core = new HostCore("kernel", options, memory, new HostBooks(_kernel, new PathMemory(MonotonicClock.System)), logger);
        }
        catch
        {
            memory.Dispose();
            _kernel.Dispose();
            _factory.Dispose();
            throw;
        }

        Tcp = _core.ServeMessages(this);
        _kernel.ReportTo(changed => _core.Line.Tell(changed));
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

    public IActorRef Tcp { get; }

    /// <summary>The memory posted for connections.</summary>
    internal PostedBuffers Buffers => _core.Buffers;

    internal ChunkPool Pool => _core.Pool;

    /// <inheritdoc cref="ToeFactory.CountFlows"/>
    internal int? CountFlows() => _factory.CountFlows();

    /// <summary>Makes a host in the network namespace of the calling thread.</summary>
    /// <exception cref="OffloadHostException">Missing privileges, an unknown interface, no Linux: the message says what to do.</exception>
    public static OffloadHost Create(OffloadHostOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!OperatingSystem.IsLinux())
        {
            throw new OffloadHostException("The kernel host needs Linux. 'tcpactors demo --in-memory' runs on any operating system.");
        }

        var host = new OffloadHost(options);
        try
        {
            foreach (ToeOptions toe in options.Toes)
            {
                host.AddToe(toe);
            }

            return host;
        }
        catch
        {
            // There is no connection yet to wait for.
            host.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }
    }

    /// <summary>Listens through the kernel. Without TOEs in the options, one starts for each interface that carries the address.</summary>
    /// <exception cref="SocketException">As for a socket: address in use, not available, access denied.</exception>
    /// <exception cref="OffloadHostException">When a TOE cannot be started.</exception>
    /// <exception cref="ObjectDisposedException">After the host.</exception>
    public ConnectionListener Listen(IPEndPoint endPoint, int backlog = 512)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        Socket socket = InHostNamespace(() =>
        {
            var listening = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                // Bind sets SO_REUSEADDR by itself; .NET's ReuseAddress would add SO_REUSEPORT, and a port in use would be shared.
                if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
                {
                    listening.DualMode = endPoint.Address.Equals(IPAddress.IPv6Any);
                }

                // What it accepts inherits that.
                Prepare(listening);
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
        lock (_lock)
        {
            _listening.Add(socket);
        }

        return new ConnectionListener(
            (IPEndPoint)socket.LocalEndPoint!, cancellation => AcceptAsync(socket, cancellation), () => StopListening(socket));
    }

    /// <summary>Connects through the kernel.</summary>
    /// <exception cref="SocketException">As for a socket.</exception>
    /// <exception cref="ObjectDisposedException">After the host.</exception>
    public async Task<Connection> ConnectAsync(IPEndPoint remote, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        Socket socket = InHostNamespace(() => new Socket(remote.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            Prepare(socket);
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
    /// <exception cref="ArgumentException">When it is not a connected TCP socket.</exception>
    /// <exception cref="OffloadHostException">When the offload was refused: the socket is the application's as before.</exception>
    /// <exception cref="ObjectDisposedException">After the host.</exception>
    public async Task<Connection> OffloadAsync(Socket connected)
    {
        ArgumentNullException.ThrowIfNull(connected);
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (connected is not { Connected: true, ProtocolType: ProtocolType.Tcp })
        {
            throw new ArgumentException(
                $"Only a connected TCP socket can be offloaded; this one is {connected.ProtocolType}, connected: {connected.Connected}.", nameof(connected));
        }

        Connection connection = ConnectionOf(connected, isActive: null);
        MoveResult result = await _core.Line.AskAsync<MoveResult>(done => new HostMessages.TakeOver(connection, done));
        return result.Refused.Count == 0 || connection.Epoch.Value > 0
            ? connection
            : throw new OffloadHostException($"{connection} is not offloaded: {result.Refused[0].Reason}. The socket is as it was.");
    }

    public ConnectionBuffers CreateBuffers(long bytes) => _core.CreateBuffers(bytes);

    public Task<MoveResult> OffloadAsync(IReadOnlyList<ConnectionId>? connections = null) => _core.MoveAsync(connections, toToe: true);

    public Task<MoveResult> UploadAsync(IReadOnlyList<ConnectionId>? connections = null) => _core.MoveAsync(connections, toToe: false);

    public Task<HostReport> ReportAsync() => _core.ReportAsync();

    public async Task<IReadOnlyList<ConnectionReport>> ListAsync() => (await ReportAsync()).Connections;

    /// <summary>
    /// Stops listening, brings every connection back to the kernel and lets it close them in order, those too that the application has not closed: what
    /// was written still reaches the peer.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        StopListening();
        await _core.QuiesceAsync();
        await _core.EndAllAsync(_options.CloseTimeout);
        _kernel.Dispose();
        foreach (ToeUnit toe in _toes.Values)
        {
            toe.Engine.Dispose();
        }

        _factory.Dispose();
        await _core.DisposeAsync();
    }

    private bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    private void Prepare(Socket socket)
    {
        socket.NoDelay = _options.NoDelay;
        if (_options.KeepAlive is { } silence)
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, (int)silence.TotalSeconds);
        }
    }

    private void StopListening(Socket? one = null)
    {
        Socket[] ending;
        lock (_lock)
        {
            ending = one is null ? [.. _listening] : [one];
            _listening.ExceptWith(ending);
        }

        foreach (Socket socket in ending)
        {
            socket.Dispose();
        }
    }

    /// <summary>Makes a connection of a socket that the kernel has set up.</summary>
    internal Connection Adopt(Socket socket, bool? isActive)
    {
        Connection connection = ConnectionOf(socket, isActive);
        _core.Register(connection);
        return connection;
    }

    private Connection ConnectionOf(Socket socket, bool? isActive)
    {
        var local = (IPEndPoint)socket.LocalEndPoint!;
        var remote = (IPEndPoint)socket.RemoteEndPoint!;
        if (isActive != false)
        {
            // What a listener accepted arrives where a TOE runs already.
            InHostNamespace(() =>
            {
                EnsureToes(local.Address);
                return 0;
            });
        }

        return _core.Make(local, remote, (self, events) => _kernel.HalfOf(socket, self.Memory, events, isActive));
    }

    /// <returns>Null when the listener was disposed of.</returns>
    private async ValueTask<Connection?> AcceptAsync(Socket listening, CancellationToken cancellationToken)
    {
        while (true)
        {
            Socket accepted;
            try
            {
                accepted = await listening.AcceptAsync(cancellationToken);
            }
            catch (ObjectDisposedException)
            {
                return null;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.OperationAborted or SocketError.Interrupted or SocketError.NotSocket)
            {
                return null;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionAborted)
            {
                // The peer was gone before it was accepted.
                continue;
            }

            try
            {
                return Adopt(accepted, isActive: false);
            }
            catch (SocketException)
            {
                // Gone between accept and the look at its addresses.
                accepted.Dispose();
            }
        }
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
                    toe, _core, isOnlyOne: _options.Toes.Count <= 1 && _toes.Count == 0);
                _toes.Add(toe.Interface, unit);
                _core.AddToe(unit);
            }
        }
    }

    /// <summary>Sockets and netlink belong to the namespace of the thread that opens them: the workers have the host's.</summary>
    private T InHostNamespace<T>(Func<T> function) => _core.Workers.Factory.StartNew(function).GetAwaiter().GetResult();
}
