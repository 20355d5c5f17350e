using System.IO.Pipelines;
using System.Net;
using Akka.Actor;
using Akka.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide;
using TcpActors.HostSide.Managed;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Statistics;
using TcpActors.Specs.Simulation;
using TcpActors.Transport;
using TcpActors.Transport.Links;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>
/// A host with many offloaded connections, each with an application that awaits a read. One thread plays the receiving thread and all peers,
/// which remember no more than two numbers each; the clock moves when the spec says so.
/// </summary>
internal sealed class CrowdedHost : IDisposable
{
    private const int Most = 20_000;
    private const int FirstPort = 1024;
    private const int HeaderLength = 54;
    private const int SegmentLength = 1460;
    private const int Window = 2 << 20;
    private const int FramesOnCable = 256;
    private const int Burst = 16;

    private static readonly SeqNum s_first = new(1000);
    private static readonly Neighbor s_nextHop = new() { Id = new NeighborId(1), Mac = default };
    private static readonly NetworkPath s_path = new() { Id = new PathId(1), Neighbor = s_nextHop.Id, Mtu = 1500 };
    private static readonly IPEndPoint s_local = IPEndPoint.Parse("10.0.0.1:80");

    private readonly ActorSystem _system = ActorSystem.Create("crowd", OffloadEngine.ReferenceConfig.WithFallback(
        ConfigurationFactory.ParseString("akka { loglevel = ERROR, loggers = [], log-dead-letters = off }")));
    private readonly World _world = new(1, start: Microseconds.FromSeconds(1000));
    private readonly InMemoryLinkPair _cable = new(new InMemoryLinkOptions { QueueLength = FramesOnCable });
    private readonly WorkerThreads _workers = new(1);
    private readonly ManagedChunkPool _slotMemory = new();
    private readonly PostedBuffers _buffers = new();
    private readonly TransferStack _fromToes = new();
    private readonly ConnectionParts _parts;
    private readonly OffloadEngine _toe;
    private readonly Connection[] _connections = new Connection[Most];
    private readonly FlowKey[] _flows = new FlowKey[Most];
    private readonly uint[] _sent = new uint[Most];
    private readonly uint[] _received = new uint[Most];
    private readonly byte[] _frame = GC.AllocateArray<byte>(HeaderLength + ushort.MaxValue, pinned: true);
    private readonly byte[] _data = new byte[FramesOnCable * SegmentLength];
    private readonly RxFrame[] _frames = new RxFrame[FramesOnCable];
    private int _count;
    private long _read;

    /// <param name="keepReady">Bytes of returned buffer memory that are kept, to be lent again.</param>
    public CrowdedHost(long keepReady = 0)
    {
        Pool = new ManagedChunkPool(keepReady: keepReady);
        var clock = new MonotonicClock(_world.Time);
        // A timer would go by another clock.
        var sampling = new Sampling(TimeSpan.Zero, clock, Pool);
        var deciding = new Deciding(OffloadPolicies.Adaptive, TimeSpan.FromSeconds(10));
        IActorRef supervisor = _system.ActorOf(Props.Create(
            () => new HostSupervisor("crowd", _buffers, _fromToes, ScriptedHost.Books(new ScriptedPaths()), _workers, NullLogger.Instance, sampling, deciding)));
        _parts = new ConnectionParts(new SupervisorLine(supervisor), long.MaxValue, Pool, new SlotTable(_slotMemory), clock, Window, Window, PipeScheduler.ThreadPool);
        _toe = new OffloadEngine(_system, new OffloadEngineOptions
        {
            Name = "toe",
            Link = _cable.A,
            Buffers = _buffers,
            ToHost = _fromToes,
            Host = supervisor,
            Clock = clock,
            Logger = NullLogger.Instance,
        });
        supervisor.Tell(new HostMessages.AddToe(new ToeUnit(_toe, new ManagedFlowGate(_toe.Flows), InterfaceIndex: 1)));
        FillCable();
    }

    /// <summary>Memory of the connections' bytes, and of nothing else.</summary>
    public ManagedChunkPool Pool { get; }

    /// <summary>What the garbage collector keeps, commit slots included.</summary>
    public static long MemoryInUse()
    {
        GC.Collect(generation: 2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(generation: 2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    /// <summary>Sets up and offloads that many connections.</summary>
    public void Add(int count)
    {
        var moves = new List<Task<MoveResult>>();
        long before = FramesSent();
        for (int i = _count; i < _count + count; i++)
        {
            var remote = new IPEndPoint(IPAddress.Parse("10.0.0.2"), FirstPort + i);
            var connection = new Connection(
                new ConnectionId(i + 1), s_local, remote, _parts, (self, events) => new Half(FlowKey.From(s_local, remote), self.Memory, events));
            _parts.Supervisor.Tell(new HostMessages.Register(connection));
            (_connections[i], _sent[i], _received[i]) = (connection, s_first.Value, s_first.Value);
            _flows[i] = FlowKey.From(remote, s_local);
            moves.Add(connection.OffloadAsync());
        }

        StepUntil(() => moves.TrueForAll(move => move.IsCompleted));
        moves.ForEach(move => Assert.Equal(1, move.Result.Moved));

        // Their first acknowledgements would take the cable from what is to be sent.
        StepUntil(() => FramesSent() >= before + count);

        // The last of them may have come after the last look, a cable full, and time stands still here: nothing lost is sent again.
        TakeAll();
        for (int end = _count + count; _count < end; _count++)
        {
            _ = ReadAsync(_connections[_count].Input);
        }
    }

    /// <summary>The last connections each receive and send so many bytes.</summary>
    public void Exchange(int connections, int bytes)
    {
        byte[] data = new byte[bytes];
        for (int i = _count - connections; i < _count; i++)
        {
            long read = Interlocked.Read(ref _read) + bytes;
            uint received = _received[i] + (uint)bytes;
            ValueTask<FlushResult> write = OnReceivingThread(() => _connections[i].Output.WriteAsync(data));
            for (int left = bytes; left > 0;)
            {
                for (int sent = 0; sent < Burst && left > 0; sent++)
                {
                    int length = Math.Min(left, SegmentLength);
                    Send(i, length);
                    left -= length;
                }

                Step();
            }

            StepUntil(
                () => Interlocked.Read(ref _read) == read && _received[i] == received && write.IsCompleted,
                () => $"{read - Interlocked.Read(ref _read)} bytes unread, {received - _received[i]} not sent, written {write.IsCompleted}");
        }
    }

    /// <summary>
    /// The first connection receives full segments, so many between two looks at the link, and sends as many; allocates nothing itself.
    /// </summary>
    public void Stream(int segments, int batch)
    {
        ReadOnlyMemory<byte> data = _data.AsMemory(0, batch * SegmentLength);
        long deadline = Environment.TickCount64 + 120_000;
        _toe.Lanes[0].Enter();
        for (int done = 0; done < segments; done += batch)
        {
            uint received = _received[0] + (uint)data.Length;
            long read = Interlocked.Read(ref _read) + data.Length;
            ValueTask<FlushResult> write = _connections[0].Output.WriteAsync(data);
            for (int i = 0; i < batch; i++)
            {
                Send(0, SegmentLength);
            }

            while (_received[0] != received || Interlocked.Read(ref _read) != read || !write.IsCompleted)
            {
                _toe.Lanes[0].Loop.RunOnce(Microseconds.Zero);
                TakeAll();
                Assert.True(Environment.TickCount64 < deadline);
            }

            _ = write.Result;
        }

        _toe.Lanes[0].Leave();
    }

    /// <summary>Ten seconds pass and nothing comes.</summary>
    public void Rest()
    {
        for (int i = 0; i < 100; i++)
        {
            _world.RunFor(Microseconds.FromMilliseconds(100));
            Step();
        }
    }

    public void Dispose()
    {
        _toe.Dispose();
        _cable.Dispose();
        _workers.Dispose();
        _world.Dispose();
        _system.Terminate().Wait();
    }

    private long FramesSent() => _cable.A.Counters.TxFrames + _cable.A.Counters.TxDropped;

    private async Task ReadAsync(PipeReader input)
    {
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            long length = result.Buffer.Length;
            input.AdvanceTo(result.Buffer.End);
            Interlocked.Add(ref _read, length);
        }
    }

    private void StepUntil(Func<bool> condition, Func<string>? state = null)
    {
        long deadline = Environment.TickCount64 + 60_000;
        while (!condition())
        {
            Assert.True(
                Environment.TickCount64 < deadline,
                $"nothing happens any more: {state?.Invoke()} {_toe.Lanes[0].Dispatcher.Counters} {_cable.A.Counters}");
            Step();
        }
    }

    /// <summary>One turn of the receiving thread; the peers acknowledge what it has sent.</summary>
    private void Step()
    {
        OnReceivingThread(() => _toe.Lanes[0].Loop.RunOnce(Microseconds.Zero));
        TakeAll();
    }

    private void TakeAll()
    {
        int count;
        while ((count = _cable.B.Receive(_frames, Microseconds.Zero)) > 0)
        {
            foreach (ref readonly RxFrame frame in _frames.AsSpan(0, count))
            {
                Assert.True(IpFrame.TryParse(frame.Bytes, out IpFrame ip));
                Assert.True(ip.TryGetFlow(frame.Bytes, out FlowKey flow));
                Assert.True(TcpSegment.TryParse(ip.PayloadOf(frame.Bytes), frame.SegmentSize, ip.Tos, out TcpSegment segment));
                Take(flow.LocalPort - FirstPort, in segment);
                frame.Return();
            }
        }
    }

    /// <summary>The cable's ends make their buffers at first use: all of them now, so that none is taken for a connection's.</summary>
    private void FillCable()
    {
        foreach ((ILink from, ILink to) in (ReadOnlySpan<(ILink, ILink)>)[(_cable.A, _cable.B), (_cable.B, _cable.A)])
        {
            for (int i = 0; i < FramesOnCable; i++)
            {
                SendFrame(from, from == _cable.A ? 40 * SegmentLength : SegmentLength);
            }

            int count = to.Receive(_frames, Microseconds.Zero);
            Assert.Equal(FramesOnCable, count);
            Array.ForEach(_frames, frame => frame.Return());
        }
    }

    private T OnReceivingThread<T>(Func<T> action)
    {
        _toe.Lanes[0].Enter();
        T result = action();
        _toe.Lanes[0].Leave();
        return result;
    }

    private void Take(int index, in TcpSegment segment)
    {
        if (segment.Payload.Length > 0 && segment.Seq.Value == _received[index])
        {
            _received[index] += (uint)segment.Payload.Length;
            Send(index, length: 0);
        }
    }

    private void Send(int index, int length)
    {
        var builder = new FrameBuilder
        {
            Flow = _flows[index],
            Seq = new SeqNum(_sent[index]),
            Ack = new SeqNum(_received[index]),
            Flags = TcpFlags.Ack | TcpFlags.Psh,
            Window = ushort.MaxValue,
            Payload = _frame.AsSpan(HeaderLength, length),
        };
        builder.Write(_frame);
        SendFrame(_cable.B, length);
        _sent[index] += (uint)length;
    }

    private unsafe void SendFrame(ILink link, int length)
    {
        byte* bytes = (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _frame[0]);
        var frame = new TxFrame
        {
            Header = bytes,
            HeaderLength = HeaderLength,
            Payload0 = bytes + HeaderLength,
            Payload0Length = length,
            SegmentSize = length > SegmentLength ? SegmentLength : 0,
            TransportOffset = 34,
            IsIPv4 = true,
            ChecksumPartial = true,
        };
        Assert.True(link.Send(new ReadOnlySpan<TxFrame>(in frame)) == 1);
    }

    /// <summary>The stack's part of a connection: it has nothing but its variables.</summary>
    private sealed class Half(FlowKey flow, PostedMemory memory, IHostHalfEvents events) : IHostHalf
    {
        public void Start()
        {
        }

        public void DataReady()
        {
        }

        public void WindowOpened()
        {
        }

        public FlowKey Flow => flow;

        public int FindInterface() => 1;

        public Tally Count() => Tally.Of(memory.Counters);

        public string? Prepare() => null;

        public void Stop()
        {
        }

        public TakeOut TakeOut(IFlowGate gate)
        {
            memory.Send.Rebase(s_first);
            memory.Receive.Rebase(s_first);
            var connection = new ConnectionInvariants
            {
                Flow = flow,
                InitialSendSequence = s_first,
                InitialReceiveSequence = s_first,
                ReceiveWindowScale = 7,
                PeerMss = SegmentLength,
            };
            var segment = new SegmentInvariants
            {
                Neighbor = s_nextHop,
                Path = s_path,
                EffectiveMss = SegmentLength,
            };
            return new TakeOut.Taken(connection, segment, SegmentVariants.Quiet with
            {
                SndUna = s_first,
                SndNxt = s_first,
                SndMax = s_first,
                SndWnd = ushort.MaxValue,
                SndWl1 = s_first,
                SndWl2 = s_first,
                RcvNxt = s_first,
                RcvWnd = Window,
                LastAckSent = s_first,
            });
        }

        public void StayHere()
        {
        }

        public void Vacate()
        {
        }

        public void Restore(in HandBack state, IFlowGate gate) => throw new NotSupportedException("Nothing is uploaded here.");

        public Task Resume(IFlowGate gate) => throw new NotSupportedException("Nothing is uploaded here.");

        public void Apply(ConnectionSettings settings)
        {
        }

        public void ShutdownSend()
        {
        }

        public void Close() => events.Closed();

        public void Abort() => events.Closed();

        public SegmentVariants Query() => SegmentVariants.Quiet;
    }
}
