using System.Collections.Concurrent;
using Akka.Actor;
using TcpActors.Actors.Contract;
using TcpActors.Actors.Scheduling;
using TcpActors.Engine.State;
using TcpActors.Transport.Receive;

namespace TcpActors.Actors;

/// <summary>
/// What of an offloaded connection outlives a restart of its actor: the ownership, the posted memory, the snapshots, the flow's queue. It is
/// also where the data path rings: segments, timer and application each have one static message, told at most once until it is answered.
/// </summary>
internal sealed class ConnectionSeat : TimerEntry, IFlowReceiver, IOwnerDoorbell, IIndirectActorProducer
{
    /// <summary>Offers that were declined after which the time until the next grows no more.</summary>
    private const int MostDoublings = 6;

    private int _applicationRung;
    private int _timerRung;
    private ReceiveLane _lane;
    private ReceiveLane _timerLane;
    private bool _isSending;
    private ConcurrentQueue<IActorRef>? _askers;
    private bool _isWriter;

    public ConnectionSeat(ToeContext toe, TransferEntry entry, PostedMemory memory, FlowEntry flow, PathCell path)
    {
        (Toe, Owned, Connection, Memory, Flow, Path) = (toe, entry.Variables, entry.Connection, memory, flow, path);
        Segment = entry.Segment;
        _lane = _timerLane = toe.Lanes[0];
    }

    public ToeContext Toe { get; }

    public OwnedVariables Owned { get; }

    public ConnectionInvariants Connection { get; }

    /// <summary>The newest version the host has sent of what is this connection's own, over the version of its path that the actor works with.</summary>
    public SegmentInvariants Segment { get; set; }

    /// <summary>The path that it shares with other connections.</summary>
    public PathCell Path { get; }

    public PostedMemory Memory { get; }

    public FlowEntry Flow { get; }

    public ConnectionId Id => Owned.Connection;

    public Epoch Epoch => Owned.Epoch;

    /// <summary>Whose thread receives the flow's segments, as far as is known. Any thread.</summary>
    private ReceiveLane Lane => Volatile.Read(ref _lane);

    /// <summary>Why the host was asked to take the connection back; <see cref="UploadReason.None"/>: it was not.</summary>
    public UploadReason Requested { get; set; }

    /// <summary>How often the host did not want what was offered; 6 at most.</summary>
    public byte Declined { get; private set; }

    /// <summary>Where an RST behind the peer's FIN would stand.</summary>
    public SeqNum AfterFin { get; set; }

    /// <summary>Whether the host wants the connection back.</summary>
    public bool IsUploading { get; set; }

    /// <summary>Failures since the last commit that went well.</summary>
    public int FailuresInARow { get; set; }

    /// <summary>Whether the connection has gone back: doorbells are silent.</summary>
    public bool IsLeft { get; private set; }

    public IActorRef Actor { get; set; } = ActorRefs.Nobody;

    /// <summary>Somebody wants to know the variables; <see cref="NextAsker"/> is for whoever answers: the actor, or its supervisor when it has ended.</summary>
    public void Ask(IActorRef asker) => (_askers ??= new()).Enqueue(asker);

    /// <returns>Who is to be answered next; null when all have been.</returns>
    public IActorRef? NextAsker() => _askers is { } askers && askers.TryDequeue(out IActorRef? asker) ? asker : null;

    Type IIndirectActorProducer.ActorType => typeof(ConnectionActor);

    ActorBase IIndirectActorProducer.Produce() => new ConnectionActor(this);

    void IIndirectActorProducer.Release(ActorBase actor)
    {
        // It holds nothing that the seat does not.
    }

    public void SegmentsReady()
    {
        if (ReadyQueue.OfThisThread is { } here && here != Lane.Ready && Toe.LaneOf(here) is { } lane)
        {
            Volatile.Write(ref _lane, lane);
        }

        Actor.Tell(ConnectionActor.Doorbell.Segments, ActorRefs.NoSender);
    }

    // The first bytes after a pause leave within the call: nobody else will come by. While earlier ones are under way, the receiving thread
    // will, for their acknowledgements, and what is written until then goes out together.
    public void DataReady() => RingApplication(here: !Volatile.Read(ref _isSending));

    public void WindowOpened() => RingApplication(here: Lane.Loop.IsResting);

    /// <summary>Whether bytes are under way that the peer has not acknowledged; a hint for the application's threads.</summary>
    public bool IsSending
    {
        set => Volatile.Write(ref _isSending, value);
    }

    /// <summary>Whether its application writes, or did until a short while ago; for the owner.</summary>
    public bool IsWriter
    {
        get => _isWriter;
        set
        {
            if (value == _isWriter)
            {
                return;
            }

            _isWriter = value;
            if (value)
            {
                Toe.WriteAhead.Join();
            }
            else
            {
                Toe.WriteAhead.Leave();
            }
        }
    }

    public void PathTooBig(int mtu, SeqNum quoted) =>
        Actor.Tell(new ConnectionActor.TooBig(mtu, quoted), ActorRefs.NoSender);

    public void FragmentSeen(SeqNum seq) => Actor.Tell(new ConnectionActor.FirstFragment(seq), ActorRefs.NoSender);

    public void NoteDeclined() => Declined = (byte)Math.Min(Declined + 1, MostDoublings);

    // A full fence: with a mere write, the look at the buffers that follows may come before it, and what the application did between the two
    // would neither be seen nor rung for.
    public void AnswerApplication() => Interlocked.Exchange(ref _applicationRung, 0);

    public void AnswerTimer() => Interlocked.Exchange(ref _timerRung, 0);

    /// <summary>Ends the data path on this side: doorbells, timer, the flow's deliveries.</summary>
    public void Leave()
    {
        if (!IsLeft)
        {
            Toe.Book.Left();
        }

        IsLeft = true;
        IsWriter = false;
        Memory.Send.Allow(0, int.MaxValue);
        Flow.Detach();
        _timerLane.Wheel.Schedule(this, Microseconds.Never);
    }

    /// <summary>
    /// Sees to it that the actor runs at a deadline; one that fires early is computed anew, so only one that came nearer is moved. For the actor.
    /// </summary>
    public void SetTimer(Microseconds due)
    {
        ReceiveLane lane = Lane;
        if (lane != _timerLane)
        {
            _timerLane.Wheel.Schedule(this, Microseconds.Never);
            _timerLane = lane;
        }

        if (due < ScheduledFor && lane.Wheel.Schedule(this, due))
        {
            lane.Loop.Wake();
        }
    }

    /// <summary>Puts the variables on the stack back to the host.</summary>
    /// <param name="variants">The variables, deadlines absolute.</param>
    /// <param name="reason">Why; <see cref="UploadReason.None"/> when the host asked.</param>
    public void GiveBack(in SegmentVariants variants, UploadReason reason)
    {
        Leave();
        Toe.Book.GaveBack();
        OwnedVariables handed = Owned.HandOver(variants.ToTimesRemaining(Toe.Clock.Now));
        if (Toe.ToHost.Push(new TransferEntry(handed, Connection, Segment, reason)))
        {
            Toe.Host.Tell(Contract.Toe.Event.Uploaded.Doorbell, Actor);
        }
    }

    /// <summary>The actor is gone without having given the connection back: what it last committed is the truth.</summary>
    public void GiveBackLastCommit()
    {
        SegmentVariants committed = Memory.Slot.Read(out Epoch epoch);
        if (epoch == Epoch)
        {
            GiveBack(in committed, UploadReason.ResourceFailure);
        }
    }

    protected internal override void Expired()
    {
        if (!IsLeft && Interlocked.Exchange(ref _timerRung, 1) == 0)
        {
            Actor.Tell(ConnectionActor.Doorbell.Timer, ActorRefs.NoSender);
        }
    }

    /// <summary>Its path is another than it was. For the TOE's supervisor.</summary>
    /// <param name="isUsableAgain">Whether nothing could be sent before.</param>
    public void PathChanged(bool isUsableAgain)
    {
        // Who sends nothing looks at the path when it does.
        if (!IsLeft && (isUsableAgain || Memory.Send.Count > 0))
        {
            Actor.Tell(ConnectionActor.Doorbell.Path, ActorRefs.NoSender);
        }
    }

    /// <summary>Has the actor run again when the receiving thread has looked at its link.</summary>
    public void RingSoon() => Lane.Ready.AfterNextLook(this);

    /// <summary>The look has been taken.</summary>
    public void RingAfterLook()
    {
        if (!IsLeft && Interlocked.Exchange(ref _applicationRung, 1) == 0)
        {
            Actor.Tell(ConnectionActor.Doorbell.Application, ActorRefs.NoSender);
        }
    }

    private void RingApplication(bool here)
    {
        if (IsLeft || Interlocked.Exchange(ref _applicationRung, 1) != 0)
        {
            return;
        }

        if (here)
        {
            ReceiveThreadExecutor.TellHere(Actor, ConnectionActor.Doorbell.Application);
        }
        else
        {
            ReceiveThreadExecutor.TellAt(Lane.Ready, Actor, ConnectionActor.Doorbell.Application);
        }
    }
}
