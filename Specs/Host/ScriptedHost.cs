using System.IO.Pipelines;
using System.Net;
using Akka.Actor;
using Microsoft.Extensions.Logging;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Managed;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Statistics;
using TcpActors.Transport;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Host;

/// <summary>
/// A host supervisor with a TOE, over a stack that only says what it was told. What the TOE says goes to the spec, which passes it on when
/// it likes and in the order it likes.
/// </summary>
internal sealed class ScriptedHost : IDisposable
{
    private readonly WorkerThreads _workers = new(1);
    private readonly InMemoryLinkPair _cable = new();
    private readonly ConnectionParts _parts;
    private int _connections;

    /// <param name="system">Where its actors run.</param>
    /// <param name="toesHost">Hears what the TOE says.</param>
    /// <param name="logger">Gets the log.</param>
    /// <param name="interval">Between two samples; zero: none but those that are asked for.</param>
    /// <param name="clock">The connections' clock; null: the system's.</param>
    /// <param name="listener">Hears of samples.</param>
    /// <param name="policy">Who is asked; null: nobody.</param>
    public ScriptedHost(
        ActorSystem system, IActorRef toesHost, ILogger logger, TimeSpan interval = default, MonotonicClock? clock = null, ISampleListener? listener = null,
        IOffloadPolicy? policy = null)
    {
        clock ??= MonotonicClock.System;
        var deciding = new Deciding(policy ?? OffloadPolicies.Never, TimeSpan.FromSeconds(10));
        var sampling = new Sampling(interval, clock, Pool) { Listener = listener };
        Supervisor = system.ActorOf(Props.Create(() => new HostSupervisor("script", Buffers, FromToes, Books(Paths), _workers, logger, sampling, deciding)));
        Paths.Supervisor = Supervisor;
        _parts = new ConnectionParts(
            new SupervisorLine(Supervisor), deciding.AskAfterBytes, Pool, Slots, clock, SendBufferLimit: 1 << 20, ReceiveBufferLimit: 1 << 20,
            PipeScheduler.ThreadPool);
        Toe = new OffloadEngine(system, new OffloadEngineOptions
        {
            Name = "toe",
            Link = _cable.A,
            Buffers = Buffers,
            ToHost = FromToes,
            Host = toesHost,
            Logger = logger,
        });
        Supervisor.Tell(new HostMessages.AddToe(new ToeUnit(Toe, new ManagedFlowGate(Toe.Flows), InterfaceIndex: 1)));
    }

    /// <summary>What a host knows, with paths that a spec writes.</summary>
    public static HostBooks Books(IPathWatch paths) => new(paths, new PathMemory(MonotonicClock.System));

    public IActorRef Supervisor { get; }

    /// <summary>The TOE's link and nobody at its other end.</summary>
    public InMemoryLinkPair Cable => _cable;

    public OffloadEngine Toe { get; }

    public ScriptedPaths Paths { get; } = new();

    public PostedBuffers Buffers { get; } = new();

    public TransferStack FromToes { get; } = new();

    /// <summary>Memory of the connections' buffers, and of nothing else.</summary>
    public ManagedChunkPool Pool { get; } = new();

    public SlotTable Slots { get; } = new(new ManagedChunkPool());

    /// <summary>A connection that the stack has set up.</summary>
    public Connection Add(bool ipv4 = true, int pathMtu = 1500, int? peerMss = null)
    {
        int port = 40_000 + _connections++;
        var local = IPEndPoint.Parse(ipv4 ? "10.0.0.1:80" : "[fd00::1]:80");
        var remote = new IPEndPoint(IPAddress.Parse(ipv4 ? "10.0.0.2" : "fd00::2"), port);
        var connection = new Connection(
            new ConnectionId(port),
            local,
            remote,
            _parts,
            (self, events) => new Half(FlowKey.From(local, remote), Paths, Paths.Add(pathMtu), peerMss ?? pathMtu, self.Memory, events));
        Supervisor.Tell(new HostMessages.Register(connection));
        return connection;
    }

    public async Task<ConnectionReport> ReportAsync(Connection connection) =>
        (await ReportAsync()).Connections.Single(report => report.Id == connection.Id);

    public Task<HostReport> ReportAsync()
    {
        var done = new TaskCompletionSource<HostReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        Supervisor.Tell(new HostMessages.Report(done));
        return done.Task;
    }

    public void Dispose()
    {
        Toe.Dispose();
        _cable.Dispose();
        _workers.Dispose();
    }

    /// <summary>The stack's part of a connection, which has nothing but its variables.</summary>
    internal sealed class Half(
        FlowKey flow, ScriptedPaths paths, NetworkPath path, int peerMss, PostedMemory memory, IHostHalfEvents events) : IHostHalf
    {
        private static readonly SeqNum s_first = new(1000);

        /// <summary>Whether a close takes until <see cref="LetGo"/>, as where written bytes are still to be sent.</summary>
        public bool ClosesLate { get; set; }

        public void Start()
        {
        }

        public void DataReady()
        {
        }

        public void WindowOpened()
        {
        }

        public int FindInterface() => 1;

        /// <summary>When set, the take-out waits for it and is then refused.</summary>
        public ManualResetEventSlim? RefusesAfter { get; set; }

        /// <summary>Bytes in flight that it takes back.</summary>
        public int ReturnableFlight { get; set; } = int.MaxValue;

        public FlowKey Flow => flow;

        public Tally Count() => Tally.Of(memory.Counters);

        public string? Prepare()
        {
            RefusesAfter?.Wait();
            return RefusesAfter is null ? null : "scripted";
        }

        /// <summary>What it throws when it is to go on in the stack.</summary>
        public Exception? CannotStay { get; set; }

        /// <summary>What it throws when it is taken out.</summary>
        public Exception? CannotLeave { get; set; }

        public void Stop()
        {
        }

        public void StayHere()
        {
            if (CannotStay is { } failure)
            {
                throw failure;
            }
        }

        public void Vacate()
        {
        }

        public TakeOut TakeOut(IFlowGate gate)
        {
            if (CannotLeave is { } failure)
            {
                throw failure;
            }

            memory.Send.Rebase(s_first);
            memory.Receive.Rebase(s_first);
            var connection = new ConnectionInvariants
            {
                Flow = flow,
                InitialSendSequence = s_first,
                InitialReceiveSequence = s_first,
                TimestampsEnabled = true,
                PeerMss = (ushort)peerMss,
            };
            var segment = new SegmentInvariants
            {
                Neighbor = paths.Neighbor,
                Path = path,
                EffectiveMss = connection.EffectiveMss(path.Mtu),
                ReturnableFlight = ReturnableFlight,
            };
            return new TakeOut.Taken(connection, segment, SegmentVariants.Quiet with
            {
                SndUna = s_first,
                SndNxt = s_first,
                SndMax = s_first,
                SndWnd = 65535,
                CongestionWindow = 65535,
                RcvNxt = s_first,
                RcvWnd = 65536,
                LastAckSent = s_first,
            });
        }

        public void Restore(in HandBack state, IFlowGate gate)
        {
        }

        public Task Resume(IFlowGate gate) => gate.Forward(flow, static _ => { });

        public void Apply(ConnectionSettings settings)
        {
        }

        public void ShutdownSend()
        {
        }

        public void Close()
        {
            if (!ClosesLate)
            {
                LetGo();
            }
        }

        public void Abort() => LetGo();

        /// <summary>The stack is done with the connection.</summary>
        public void LetGo() => events.Closed();

        public SegmentVariants Query() => SegmentVariants.Quiet;
    }
}
