using Akka.Actor;
using Akka.Configuration;
using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;
using TcpActors.Actors.Scheduling;
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

    /// <summary>The wheel that the first receiving thread advances, where a managed stack on the same link shares it; null: one of its own.</summary>
    public TimerWheel? Wheel { get; init; }

    public int Capacity { get; init; } = 100_000;

    /// <summary>When it offers a connection back that it could carry on with.</summary>
    public UploadRequestOptions Requests { get; init; } = UploadRequestOptions.Default;

    public required ILogger Logger { get; init; }
}

/// <summary>
/// One TOE: a link, a lane with a receiving thread for each of the link's queues, and the <see cref="ToeSupervisor"/> with an actor for each
/// connection. The host talks to <see cref="Supervisor"/> with the messages of <see cref="Toe"/>.
/// </summary>
public sealed class OffloadEngine : IDisposable
{
    private readonly ToeContext _toe;

    /// <param name="system">Its configuration must contain <see cref="ReferenceConfig"/>.</param>
    /// <param name="options">Its parts.</param>
    public OffloadEngine(ActorSystem system, OffloadEngineOptions options)
    {
        Name = options.Name;
        Link = options.Link;
        Flows = new FlowTable();
        IReceiveQueue[] queues = [Link, .. Link.FurtherQueues];
        Lanes = [.. queues.Select((queue, i) => Lane(queue, i, options))];
        FromHost = new TransferStack();
        Capacity = options.Capacity;
        _toe = new ToeContext
        {
            Name = options.Name,
            Link = options.Link,
            Flows = Flows,
            Lanes = [.. Lanes],
            Clock = options.Clock,
            Buffers = options.Buffers,
            ToHost = options.ToHost,
            FromHost = FromHost,
            Host = options.Host,
            Logger = options.Logger,
            Capacity = options.Capacity,
            Requests = options.Requests,
        };
        Supervisor = system.ActorOf(ToeSupervisor.Create(_toe), $"toe-{options.Name}");
    }

    /// <summary>What an embedder's ActorSystem needs: <c>system.Settings.InjectTopLevelFallback(OffloadEngine.ReferenceConfig)</c>.</summary>
    public static Config ReferenceConfig { get; } =
        ConfigurationFactory.FromResource("TcpActors.Actors.reference.conf", typeof(OffloadEngine).Assembly);

    public string Name { get; }

    public ILink Link { get; }

    /// <summary>Most connections it takes at a time.</summary>
    public int Capacity { get; }

    /// <summary>What it has counted. Any thread.</summary>
    public ToeCounters Counters => _toe.Book.Counters;

    /// <inheritdoc cref="ToeContext.Read"/>
    public ToeReading Read() => _toe.Read();

    /// <summary>The TOE's actor.</summary>
    public IActorRef Supervisor { get; }

    /// <summary>Where the host puts connections before it rings <see cref="Toe.Command.Offload"/>.</summary>
    public TransferStack FromHost { get; }

    public FlowTable Flows { get; }

    /// <summary>One for each queue of the link; never empty.</summary>
    public IReadOnlyList<ReceiveLane> Lanes { get; }

    /// <summary>Starts the receiving threads.</summary>
    public void Start()
    {
        foreach (ReceiveLane lane in Lanes)
        {
            lane.Loop.Start();
        }
    }

    /// <summary>Runs something, on a receiving thread, once every frame that the link holds at this moment was dispatched. Any thread.</summary>
    public void PostBarrier(Action action)
    {
        int left = Lanes.Count;
        foreach (ReceiveLane lane in Lanes)
        {
            lane.Loop.PostBarrier(() =>
            {
                if (Interlocked.Decrement(ref left) == 0)
                {
                    action();
                }
            });
        }
    }

    public void Dispose()
    {
        foreach (ReceiveLane lane in Lanes)
        {
            lane.Dispose();
        }

        Link.Dispose();
    }

    private ReceiveLane Lane(IReceiveQueue queue, int number, OffloadEngineOptions options)
    {
        TimerWheel wheel = (number == 0 ? options.Wheel : null) ?? new TimerWheel(options.Clock.Now);
        var lane = new ReceiveLane($"rx {Link.Name}.{number}", queue, Flows, options.HostStack, wheel, options.Clock);
        lane.Loop.OnFailure = failure => Log.ReceiverFailed(options.Logger, failure, Name);
        return lane;
    }
}
