using System.Net;
using Akka.Actor;
using Microsoft.Extensions.Logging;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;
using TcpActors.HostSide.Messaging;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Policy.Recording;
using TcpActors.HostSide.Statistics;
using TcpActors.Transport;

namespace TcpActors.HostSide;

/// <summary>
/// What every host has, whatever its stack: the supervisor with the book of connections, their memory, the workers that move them.
/// </summary>
internal sealed class HostCore : IAsyncDisposable
{
    private readonly bool _ownsSystem;
    private readonly ChunkPool _pool;
    private readonly ConnectionParts _parts;
    private IActorRef _messages = ActorRefs.Nobody;
    private long _lastId;

    /// <param name="stackName">What lists call the stack.</param>
    /// <param name="options">The host's.</param>
    /// <param name="pool">Memory of connection buffers and commit slots; disposed of with the core.</param>
    /// <param name="books">Next hops, paths, and what is known of them.</param>
    /// <param name="logger">The host's.</param>
    public HostCore(string stackName, HostOptions options, ChunkPool pool, HostBooks books, ILogger logger)
    {
        _pool = pool;
        // First what may fail: a file that cannot be made.
        var deciding = new Deciding(
            options.Policy, options.MoveHysteresis, options.RecordFile is { } file ? new TraceWriter(file, options, MonotonicClock.System.Now, logger) : null);
        (System, _ownsSystem) = options.System is { } given
            ? (given, false)
            : (ActorSystem.Create("tcpactors", OffloadEngine.ReferenceConfig.WithFallback(QuietSystem)), true);
        var sampling = new Sampling(options.StatisticsInterval, MonotonicClock.System, pool);
        Line = new SupervisorLine(System.ActorOf(Props.Create(
            () => new HostSupervisor(stackName, Buffers, FromToes, books, Workers, logger, sampling, deciding))));
        _parts = new ConnectionParts(
            Line, deciding.AskAfterBytes, pool, new SlotTable(pool), MonotonicClock.System,
            options.SendBufferLimit, options.ReceiveBufferLimit, options.ApplicationScheduler);
    }

    public ActorSystem System { get; }

    /// <summary>The memory of connection buffers.</summary>
    public ChunkPool Pool => _pool;

    /// <summary>To the supervisor.</summary>
    public SupervisorLine Line { get; }

    public PostedBuffers Buffers { get; } = new();

    public TransferStack FromToes { get; } = new();

    public WorkerThreads Workers { get; } = new(Math.Max(2, Environment.ProcessorCount));

    // The system's own notices go to no console: what matters is logged by the host.
    private static Akka.Configuration.Config QuietSystem { get; } = Akka.Configuration.ConfigurationFactory.ParseString(
        "akka { loglevel = WARNING, stdout-loglevel = OFF, loggers = [], log-dead-letters = off, coordinated-shutdown.exit-clr = off }");

    /// <summary>Starts the host's actor for actors (<see cref="IOffloadHost.Tcp"/>).</summary>
    public IActorRef ServeMessages(IOffloadHost host) => _messages = System.ActorOf(Props.Create(() => new TcpEntry(host, Line)));

    /// <summary>A connection that the supervisor does not know yet.</summary>
    public Connection Make(IPEndPoint local, IPEndPoint remote, Func<Connection, IHostHalfEvents, IHostHalf> half) =>
        new(new ConnectionId(Interlocked.Increment(ref _lastId)), local, remote, _parts, half);

    /// <summary>Books a connection that the stack has set up, and lets it run.</summary>
    public Connection Add(IPEndPoint local, IPEndPoint remote, Func<Connection, IHostHalfEvents, IHostHalf> half)
    {
        Connection connection = Make(local, remote, half);
        Register(connection);
        return connection;
    }

    /// <summary>Books a connection that was made, and lets it run.</summary>
    public void Register(Connection connection) => Line.Tell(new HostMessages.Register(connection));

    /// <summary>Sets memory aside.</summary>
    public ConnectionBuffers CreateBuffers(long bytes) => new(_pool, bytes);

    public void AddToe(ToeUnit toe) => Line.Tell(new HostMessages.AddToe(toe));

    public Task<MoveResult> MoveAsync(IReadOnlyList<ConnectionId>? connections, bool toToe) =>
        Line.AskAsync<MoveResult>(done => new HostMessages.Move(connections, toToe, done));

    public Task<HostReport> ReportAsync() => Line.AskAsync<HostReport>(static done => new HostMessages.Report(done));

    /// <summary>Completes when every connection is the stack's; from then on none is offloaded.</summary>
    public Task QuiesceAsync()
    {
        var quiesced = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Line.Tell(new HostMessages.Quiesce(quiesced));
        return quiesced.Task;
    }

    /// <summary>
    /// After <see cref="QuiesceAsync"/>: ends every connection in order, as far as that can be done in time, and resets the others.
    /// </summary>
    public async Task EndAllAsync(TimeSpan timeout)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Line.Tell(new HostMessages.EndAll(ended));
        try
        {
            await ended.Task.WaitAsync(timeout);
        }
        catch (TimeoutException)
        {
            Line.Tell(new HostMessages.AbortAll());
            await ended.Task;
        }
    }

    /// <summary>After the stack and the TOEs are gone.</summary>
    public async ValueTask DisposeAsync()
    {
        // Actors that are stopped leave what is in their mailboxes: the last connections would be missing from a record.
        await Line.AskAsync<bool>(static done => new HostMessages.Conclude(done));
        Workers.Dispose();
        if (_ownsSystem)
        {
            await System.Terminate();
        }
        else
        {
            // Before the memory they write to is gone.
            await _messages.GracefulStop(TimeSpan.FromSeconds(5));
            await Line.Supervisor.GracefulStop(TimeSpan.FromSeconds(5));
        }

        Line.End();
        _parts.Slots.Dispose();
        (_pool as IDisposable)?.Dispose();
    }
}
