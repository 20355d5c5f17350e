using System.Net;
using Akka.Actor;
using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Simulation;
using TcpActors.Transport;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;

namespace TcpActors.Specs.Actors;

/// <summary>
/// Two TOEs joined by an in-memory link, with one connection between them that the spec made up as if a host had set it up. One thread plays
/// both receiving threads, on a manual clock.
/// </summary>
internal sealed class TwoToes : IDisposable
{
    private readonly World _world = new(1);
    private readonly InMemoryLinkPair _cable;

    public TwoToes(ActorSystem system, IActorRef hostA, IActorRef hostB, InMemoryLinkOptions? link = null, SeqNum? firstSequence = null, bool sharesPath = false,
        UploadRequestOptions? requests = null)
    {
        _cable = new InMemoryLinkPair(link);
        SeqNum iss = firstSequence ?? new SeqNum(1000);
        LinkOfA = new FaultyLink(_cable.A, _world);
        A = new Side(system, LinkOfA, _cable.B, hostA, _world.Time, isA: true, iss, sharesPath, requests);
        B = new Side(system, _cable.B, _cable.A, hostB, _world.Time, isA: false, iss, sharesPath, requests);
    }

    /// <summary>A's end of the cable.</summary>
    public FaultyLink LinkOfA { get; }

    public Side A { get; }

    public Side B { get; }

    public InMemoryLinkPair Cable => _cable;

    public Microseconds Now => A.Clock.Now;

    /// <summary>Offloads both ends.</summary>
    public void Offload()
    {
        A.Offload();
        B.Offload();
        Settle();
    }

    /// <summary>Runs both sides until neither has anything to do at this moment.</summary>
    public void Settle()
    {
        int quiet = 0;
        while (quiet < 2)
        {
            int done = A.Step() + B.Step();
            quiet = done == 0 ? quiet + 1 : 0;
        }
    }

    /// <summary>Goes to the next deadline of either side, at most to <paramref name="until"/>, and settles.</summary>
    /// <returns>False when nothing was due before.</returns>
    public bool StepToNextDeadline(Microseconds until)
    {
        Microseconds next = Microseconds.Min(A.Earliest, B.Earliest);
        if (next > until)
        {
            _world.RunFor(until - Now);
            return false;
        }

        _world.RunFor(Microseconds.Max(next - Now, Microseconds.Zero));
        Settle();
        return true;
    }

    /// <summary>Time passes and nobody has done anything yet.</summary>
    public void Pass(Microseconds time) => _world.RunFor(time);

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
        _cable.Dispose();
        _world.Dispose();
    }

    /// <summary>One end: a TOE, and the host memory of the connection.</summary>
    internal sealed class Side : IApplicationFace, IDisposable
    {
        private static readonly ConnectionId Id = new(1);
        private readonly ManagedChunkPool _pool = new();
        private readonly ulong[] _slotMemory = GC.AllocateArray<ulong>(CommitSlot.Size / 8, pinned: true);
        private readonly TransferEntry _entry;
        private readonly IActorRef _host;
        private readonly IActorRef _toe;
        private IOwnerDoorbell? _owner;

        public unsafe Side(ActorSystem system, ILink link, ILink peer, IActorRef host, TimeProvider time, bool isA, SeqNum iss, bool sharesPath,
            UploadRequestOptions? requests)
        {
            Clock = new MonotonicClock(time);
            _host = host;
            Send = new SendBuffer(_pool, 4 << 20);
            Receive = new ReceiveBuffer(_pool, 4 << 20);
            Send.Rebase(iss + 1);
            Receive.Rebase(iss + 1);
            Slot = new CommitSlot((nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _slotMemory[0]));
            Buffers.Post(Id, new PostedMemory(Send, Receive, Slot, this));
            Toe = new OffloadEngine(system, new OffloadEngineOptions
            {
                Name = isA ? "a" : "b",
                Link = link,
                Buffers = Buffers,
                ToHost = ToHost,
                Host = host,
                Clock = Clock,
                Requests = requests ?? UploadRequestOptions.Default,
                Logger = NullLogger.Instance,
            });
            _toe = Toe.Supervisor;

            // It starts on a thread of the pool, and what comes meanwhile would run there too instead of on the one that plays this thread.
            _toe.Ask<ActorIdentity>(new Identify(null)).GetAwaiter().GetResult();
            IPEndPoint a = IPEndPoint.Parse("10.0.0.1:80");
            IPEndPoint b = IPEndPoint.Parse("10.0.0.2:40000");
            var connection = new ConnectionInvariants
            {
                Flow = isA ? FlowKey.From(a, b) : FlowKey.From(b, a),
                InitialSendSequence = iss,
                InitialReceiveSequence = iss,
                SendWindowScale = 7,
                ReceiveWindowScale = 7,
                SackPermitted = true,
                TimestampsEnabled = true,
                PeerMss = 1460,
            };
            var segment = new SegmentInvariants
            {
                Version = 1,
                Neighbor = new Neighbor { Id = new NeighborId(sharesPath ? 1 : 0), SourceMac = link.Address, Mac = peer.Address },
                Path = new NetworkPath { Id = new PathId(sharesPath ? 1 : 0), Neighbor = new NeighborId(sharesPath ? 1 : 0), Mtu = 1500 },
                EffectiveMss = 1448,
            };
            _entry = new TransferEntry(
                new OwnedVariables(Id, new Epoch(1), FreshlyEstablished(iss)), connection, segment, UploadReason.None);
        }

        public MonotonicClock Clock { get; }

        public SendBuffer Send { get; }

        public ReceiveBuffer Receive { get; }

        public CommitSlot Slot { get; }

        public PostedBuffers Buffers { get; } = new();

        public TransferStack ToHost { get; } = new();

        public OffloadEngine Toe { get; }

        public int ReadableRings { get; private set; }

        public Microseconds Earliest => Toe.Lanes[0].Earliest;

        public SegmentInvariants Segment => _entry.Segment;

        /// <summary>What an offload starts from.</summary>
        public TransferEntry Entry => _entry;

        public ChunkPool Pool => _pool;

        public void Offload()
        {
            Toe.Flows.Claim(_entry.Connection.Flow);
            Toe.FromHost.Push(_entry);
            Tell(Doorbell);
        }

        /// <summary>Offloads again what was uploaded.</summary>
        public void OffloadAgain(TransferEntry uploaded)
        {
            Toe.Flows.Claim(uploaded.Connection.Flow);
            Toe.FromHost.Push(uploaded with { Variables = uploaded.Variables.HandOver(), Reason = UploadReason.None });
            Tell(Doorbell);
        }

        public void Tell(object message)
        {
            using ReadyScope scope = Enter();
            _toe.Tell(message, _host);
        }

        public void Write(ReadOnlySpan<byte> bytes)
        {
            Assert(Send.Write(bytes) == bytes.Length);
            using ReadyScope scope = Enter();
            _owner?.DataReady();
        }

        public byte[] ReadAll()
        {
            System.Buffers.ReadOnlySequence<byte> readable = Receive.GetReadable();
            byte[] bytes = System.Buffers.BuffersExtensions.ToArray(readable);
            Receive.Consume(bytes.Length);
            using ReadyScope scope = Enter();
            _owner?.WindowOpened();
            return bytes;
        }

        public int Step()
        {
            using ReadyScope scope = Enter();
            return Toe.Lanes[0].Loop.RunOnce(Microseconds.Zero);
        }

        public void OwnedBy(IOwnerDoorbell owner) => _owner = owner;

        public void NotifyReadable() => ReadableRings++;

        public void NotifyWritable()
        {
        }

        public void Dispose() => Toe.Dispose();

        private static object Doorbell => TcpActors.Actors.Contract.Toe.Command.Offload.Doorbell;

        private static void Assert(bool condition) => Xunit.Assert.True(condition);

        private static SegmentVariants FreshlyEstablished(SeqNum iss) => SegmentVariants.Quiet with
        {
            SndUna = iss + 1,
            SndNxt = iss + 1,
            SndMax = iss + 1,
            SndWl1 = iss + 1,
            SndWl2 = iss + 1,
            SndWnd = 65536,
            MaxWindow = 65536,
            RcvNxt = iss + 1,
            RcvWnd = 65536,
            LastAckSent = iss + 1,
            CongestionWindow = 10 * 1448,
            RecoveryPoint = iss + 1,
            Rto = Microseconds.FromSeconds(1),
        };

        private ReadyScope Enter() => new(Toe);
    }

    /// <summary>The calling thread plays a TOE's receiving thread.</summary>
    private readonly ref struct ReadyScope
    {
        private readonly IReceiveLoopWork _work;

        public ReadyScope(OffloadEngine toe)
        {
            _work = toe.Lanes[0];
            _work.Enter();
        }

        public void Dispose() => _work.Leave();
    }
}
