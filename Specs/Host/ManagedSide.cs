using System.Net;
using Akka.Actor;
using Microsoft.Extensions.Logging.Abstractions;
using TcpActors.Actors;
using TcpActors.Actors.Contract;
using TcpActors.Actors.Scheduling;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.HostSide.Managed;
using TcpActors.Transport;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;
using Xunit;

namespace TcpActors.Specs.Host;

/// <summary>One stack of a <see cref="ManagedPair"/> with its receive loop, and the TOE on the same link when there is one.</summary>
internal sealed class ManagedSide : IReceiveLoopWork
{
    private readonly ILink _link;
    private readonly IReceiveLoopWork _work;

    public ManagedSide(
        ILink link, TimeProvider time, IPAddress address, ManagedPairOptions options, HandshakeOptions handshake, ActorSystem? system)
    {
        _link = link;
        Address = address;
        Tap = new ManagedTap(link);
        Clock = new MonotonicClock(time);
        Wheel = new TimerWheel(Clock.Now);
        Stack = new ManagedStack(options.Change(new ManagedStackOptions
        {
            Link = Tap,
            Wheel = Wheel,
            Clock = Clock,
            Addresses = [address],
            Encapsulation = options.Encapsulation,
            Secret = "a secret of enough bytes"u8.ToArray(),
            Handshake = handshake,
        }));
        if (system is null)
        {
            _work = this;
            Flows = new FlowTable();
            Dispatcher = new RxDispatcher(Flows, Stack, static () => { });
            Loop = new ReceiveLoop("rx", Tap, Dispatcher, this, Clock);
        }
        else
        {
            Toe = new OffloadEngine(system, new OffloadEngineOptions
            {
                Name = link.Name,
                Link = Tap,
                Buffers = Buffers,
                ToHost = ToHost,
                Host = ActorRefs.Nobody,
                HostStack = Stack,
                Wheel = Wheel,
                Clock = Clock,
                Logger = NullLogger.Instance,
            });
            (_work, Flows, Dispatcher, Loop) = (Toe.Lanes[0], Toe.Flows, Toe.Lanes[0].Dispatcher, Toe.Lanes[0].Loop);

            // It starts on a thread of the pool, and what comes meanwhile would run there too instead of on the one that plays this thread.
            Toe.Supervisor.Ask<ActorIdentity>(new Identify(null)).GetAwaiter().GetResult();
        }

        Gate = new ManagedFlowGate(Flows);
    }

    public IPAddress Address { get; }

    public ManagedTap Tap { get; }

    public MonotonicClock Clock { get; }

    public TimerWheel Wheel { get; }

    public ManagedStack Stack { get; }

    public OffloadEngine? Toe { get; }

    public PostedBuffers Buffers { get; } = new();

    public TransferStack ToHost { get; } = new();

    public FlowTable Flows { get; }

    public RxDispatcher Dispatcher { get; }

    public ReceiveLoop Loop { get; }

    public ManagedFlowGate Gate { get; }

    public ManagedChunkPool Pool { get; } = new();

    Microseconds IReceiveLoopWork.Earliest => Wheel.Earliest;

    /// <summary>The application's end of what was connected.</summary>
    public ManagedEnd EndOf(Task<ManagedHalf> connecting)
    {
        Assert.True(connecting.IsCompletedSuccessfully, $"the connect is {connecting.Status}");
        return new ManagedEnd(this, connecting.Result);
    }

    public int Step()
    {
        int count = 0;
        OnReceivingThread(() => count = Loop.RunOnce(Microseconds.Zero));
        return count;
    }

    /// <summary>Has the calling thread play the receiving thread meanwhile.</summary>
    public void OnReceivingThread(Action action)
    {
        _work.Enter();
        action();
        _work.Leave();
    }

    /// <summary>Puts a frame of the spec's own making on the wire, to the other side and past the tap.</summary>
    public unsafe void SendRaw(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* pointer = bytes)
        {
            var frame = new TxFrame { Header = pointer, HeaderLength = bytes.Length };
            _link.Send(new ReadOnlySpan<TxFrame>(in frame));
        }
    }

    void IReceiveLoopWork.Enter()
    {
    }

    void IReceiveLoopWork.Looking()
    {
    }

    void IReceiveLoopWork.RunDue(Microseconds now) => Wheel.Advance(now);

    void IReceiveLoopWork.Leave()
    {
    }
}
