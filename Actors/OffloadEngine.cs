using Akka.Actor;
using Akka.Configuration;
using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;
using TcpActors.Actors.Scheduling;
using TcpActors.Engine.State;
using TcpActors.Transport;
using TcpActors.Transport.Links;
using TcpActors.Transport.Receive;

namespace TcpActors.Actors;

/// <summary>What an <see cref="OffloadEngine"/> is made of.</summary>
public sealed record OffloadEngineOptions
{
    /// <summary>The TOE's name: what lists and logs call the owner.</summary>
    public required string Name { get; init; }

    /// <summary>The link it runs on; disposed of with the engine.</summary>
    public required ILink Link { get; init; }

    public required PostedBuffers Buffers { get; init; }

    /// <summary>Stack of variables back to the host.</summary>
    public required TransferStack ToHost { get; init; }

    /// <summary>Gets every <see cref="Toe.Event"/>.</summary>
    public required IActorRef Host { get; init; }

    /// <summary>Gets frames of no owned flow; null on a kernel host.</summary>
    public IHostStackInput? HostStack { get; init; }

    public MonotonicClock Clock { get; init; } = MonotonicClock.System;

    /// <summary>The wheel that the receiving thread advances, where a managed stack on the same link shares it; null: one of its own.</summary>
    public TimerWheel? Wheel { get; init; }

    public int Capacity { get; init; } = 100_000;

    public required ILogger Logger { get; init; }
}

/// <summary>
/// One TOE: a link, its receiving thread with the dispatcher and the timer wheel, and the <see cref="ToeSupervisor"/> with an actor for
/// each connection. The host talks to <see cref="Supervisor"/> with the messages of <see cref="Toe"/>.
/// </summary>
public sealed class OffloadEngine : IDisposable, IReceiveLoopWork
{
    /// <summary>Mailboxes run on the receiving thread between two looks at the link.</summary>
    private const int DrainBudget = 256;

    private readonly ReadyQueue _ready;
    private readonly TimerWheel _wheel;
    private readonly ILink _link;
    private ReadyQueue.Scope _scope;

    /// <param name="system">Its configuration must contain <see cref="ReferenceConfig"/>.</param>
    /// <param name="options">Its parts.</param>
    public OffloadEngine(ActorSystem system, OffloadEngineOptions options)
    {
        Name = options.Name;
        _link = options.Link;
        _wheel = options.Wheel ?? new TimerWheel(options.Clock.Now);
        _ready = new ReadyQueue(_link.Wake);
        Flows = new FlowTable();
        Dispatcher = new RxDispatcher(Flows, options.HostStack, () => _ready.Drain(DrainBudget), _link.LendingDepth);
        Loop = new ReceiveLoop(_link, Dispatcher, this, options.Clock);
        Loop.OnFailure = failure => Log.ReceiverFailed(options.Logger, failure, Name);
        FromHost = new TransferStack();
        var context = new ToeContext
        {
            Name = options.Name,
            Link = options.Link,
            Flows = Flows,
            Wheel = _wheel,
            Clock = options.Clock,
            Buffers = options.Buffers,
            ToHost = options.ToHost,
            FromHost = FromHost,
            Host = options.Host,
            Logger = options.Logger,
            Capacity = options.Capacity,
            Receiver = Loop,
            Ready = _ready,
        };
        Supervisor = system.ActorOf(ToeSupervisor.Create(context), $"toe-{options.Name}");
    }

    /// <summary>What an embedder's ActorSystem needs: <c>system.Settings.InjectTopLevelFallback(OffloadEngine.ReferenceConfig)</c>.</summary>
    public static Config ReferenceConfig { get; } =
        ConfigurationFactory.FromResource("TcpActors.Actors.reference.conf", typeof(OffloadEngine).Assembly);

    public string Name { get; }

    public ILink Link => _link;

    /// <summary>The TOE's actor.</summary>
    public IActorRef Supervisor { get; }

    /// <summary>Where the host puts connections before it rings <see cref="Toe.Command.Offload"/>.</summary>
    public TransferStack FromHost { get; }

    public FlowTable Flows { get; }

    public RxDispatcher Dispatcher { get; }

    /// <summary>The receiving thread; specs step it.</summary>
    public ReceiveLoop Loop { get; }

    Microseconds IReceiveLoopWork.Earliest => _ready.IsLookDue ? Microseconds.Zero : _wheel.Earliest;

    void IReceiveLoopWork.Enter() => _scope = _ready.Enter();

    void IReceiveLoopWork.RunDue(Microseconds now)
    {
        _wheel.Advance(now);
        _ready.Looked();
        if (_ready.HasWork)
        {
            _ready.Drain(DrainBudget);
        }
    }

    void IReceiveLoopWork.Leave() => _scope.Dispose();

    public void Dispose()
    {
        Loop.Dispose();
        _link.Dispose();
    }
}
