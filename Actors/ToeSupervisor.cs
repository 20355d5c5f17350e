using Akka.Actor;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Transport.Receive;

namespace TcpActors.Actors;

/// <summary>
/// The TOE's side of the contract: pulls connections from the transfer stack, creates an actor for each, accounts for them, passes the
/// host's commands on. Its connections outlive its own restart.
/// </summary>
internal sealed class ToeSupervisor(ToeContext toe) : UntypedActor
{
    private readonly Dictionary<ConnectionId, ConnectionSeat> _seats = toe.Seats;

    public static Props Create(ToeContext toe) =>
        Props.Create(() => new ToeSupervisor(toe)).WithDispatcher("tcpactors.connection-dispatcher");

    protected override SupervisorStrategy SupervisorStrategy() =>
        new OneForOneStrategy(maxNrOfRetries: -1, withinTimeRange: Timeout.InfiniteTimeSpan, failure =>
            failure is ActorInitializationException ? Directive.Stop : Directive.Restart);

    protected override void PreRestart(Exception reason, object message)
    {
        // The base class would stop the connection actors.
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Toe.Command.Offload:
                TakeAll();
                break;
            case Toe.Command.Update update:
                Take(update);
                break;
            case Toe.Command.Invalidate invalidate:
                Tell(toe.Paths.Take(invalidate));
                break;
            case Toe.Command.Query { Connections: null }:
                Sender.Tell(new Toe.Event.StatisticsReport(toe.Read()));
                break;
            case Toe.Command.Query query:
                foreach (ConnectionId connection in query.Connections)
                {
                    if (Find(connection) is { } seat)
                    {
                        seat.Ask(Sender);
                        seat.Actor.Tell(ConnectionActor.ShowVariables.Instance);
                    }
                }

                break;
            case Toe.Command.Forward forward:
                foreach (ForwardedSegment segment in forward.Segments)
                {
                    if (Find(segment.Connection) is { } owner && !toe.Flows.TryDeliver(owner.Flow.Flow, segment.IpPacket.Span))
                    {
                        toe.Book.DroppedForwarded();
                    }
                }

                break;
            case Toe.Command.Upload upload:
                foreach (ConnectionId connection in upload.Connections)
                {
                    Find(connection)?.Actor.Tell(ConnectionActor.BeginUpload.Instance);
                }

                break;
            case Toe.Command.UploadAll:
                foreach (ConnectionSeat each in _seats.Values)
                {
                    each.Actor.Tell(ConnectionActor.BeginUpload.Instance);
                }

                break;
            case Toe.Command.Resume resume:
                foreach (ConnectionId connection in resume.Connections)
                {
                    Find(connection)?.Actor.Tell(ConnectionActor.GoOn.Instance);
                }

                break;
            case ConnectionSeat ended:
                Forget(ended);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private ConnectionSeat? Find(ConnectionId connection)
    {
        if (_seats.TryGetValue(connection, out ConnectionSeat? seat) && !seat.IsLeft)
        {
            return seat;
        }

        Sender.Tell(new Toe.Event.NotHere(connection));
        return null;
    }

    private void TakeAll()
    {
        var taken = new List<ConnectionId>();
        foreach (TransferEntry entry in toe.FromHost.PullAll())
        {
            // The pull took everything: what fails for one must not cost the others.
            try
            {
                if (TryTake(entry))
                {
                    taken.Add(entry.Variables.Connection);
                }
            }
            catch (OwnershipException e)
            {
                // Handed over to somebody else already: there is nothing to give back.
                Log.NotOwned(toe.Logger, e, entry.Variables.Connection, toe.Name);
            }
        }

        if (taken.Count > 0)
        {
            toe.Host.Tell(new Toe.Event.Offloaded(taken));
        }
    }

    /// <returns>Whether it is taken; otherwise it is on its way back to the host, with the reason.</returns>
    private bool TryTake(TransferEntry entry)
    {
        string? refusal;
        try
        {
            refusal = Take(entry);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Log.TakeFailed(toe.Logger, e, entry.Variables.Connection, toe.Name);
            refusal = e.Message;
        }

        if (refusal is null)
        {
            return true;
        }

        toe.Book.Refused();
        Log.Refused(toe.Logger, entry.Variables.Connection, toe.Name, refusal);
        TransferEntry back = entry with { Variables = entry.Variables.HandOver() };
        toe.Host.Tell(new Toe.Event.Refused(back.Variables.Connection, refusal));
        if (toe.ToHost.Push(back))
        {
            toe.Host.Tell(Toe.Event.Uploaded.Doorbell);
        }

        return false;
    }

    /// <returns>Why the connection is not taken; null when it is.</returns>
    private string? Take(TransferEntry entry)
    {
        ConnectionId id = entry.Variables.Connection;
        if (!toe.Buffers.TryGet(id, out PostedMemory memory))
        {
            return "the host has posted no buffers for it";
        }

        if (_seats.Count >= toe.Capacity)
        {
            return $"the TOE is full: it takes {toe.Capacity} connections";
        }

        if (entry.Variables.Variants.State != TcpState.Established)
        {
            return $"its state is {entry.Variables.Variants.State}; a TOE takes established connections only";
        }

        if (!toe.Flows.TryGet(entry.Connection.Flow, out FlowEntry? flow))
        {
            return "its flow is not claimed";
        }

        memory.Slot.Open(entry.Variables.Epoch, entry.Variables.Variants.ToDeadlines(toe.Clock.Now));
        if (_seats.Remove(id, out ConnectionSeat? former))
        {
            // The actor of the epoch before has given the connection back and is only not yet seen to have ended.
            Context.Unwatch(former.Actor);
            AnswerFor(former);
            toe.Paths.Leave(former.Path);
        }

        PathCell path = toe.Paths.Join(entry.Segment, out bool isNews);
        if (isNews)
        {
            TellOthers(each => each == path || each.Neighbor == path.Neighbor);
        }

        var seat = new ConnectionSeat(toe, entry, memory, flow, path);
        seat.Actor = Context.ActorOf(new SeatProps(seat), $"{id}-{entry.Variables.Epoch}");
        Context.WatchWith(seat.Actor, seat);
        _seats.Add(id, seat);
        entry.Variables.LeaveInSlot();
        toe.Book.Took();
        Log.Took(toe.Logger, id, entry.Variables.Epoch, toe.Name);
        return null;
    }

    private void Take(Toe.Command.Update update)
    {
        Toe.Event.Updated taken = toe.Paths.Take(update);
        if (taken.Neighbors.Count + taken.Paths.Count > 0)
        {
            Tell(taken);
        }

        foreach (InvariantsUpdate each in update.Connections)
        {
            Find(each.Connection)?.Actor.Forward(each);
        }
    }

    /// <summary>The newest versions are where every connection sees them: those that have something to send or to repair are to look now.</summary>
    private void Tell(Toe.Event.Updated taken)
    {
        HashSet<NeighborId> neighbors = [.. taken.Neighbors.Select(each => each.Neighbor)];
        HashSet<PathId> paths = [.. taken.Paths.Select(each => each.Path)];
        TellOthers(path => paths.Contains(path.Current.Id) || neighbors.Contains(path.Neighbor.Current.Id));
        toe.Host.Tell(taken);
    }

    private void TellOthers(Func<PathCell, bool> isNews)
    {
        foreach (ConnectionSeat seat in _seats.Values)
        {
            if (isNews(seat.Path))
            {
                seat.PathChanged(isUsableAgain: !seat.Segment.IsPathUsable);
            }
        }
    }

    /// <summary>The actor of that seat has ended.</summary>
    private void Forget(ConnectionSeat ended)
    {
        if (_seats.TryGetValue(ended.Id, out ConnectionSeat? seat) && ReferenceEquals(seat, ended))
        {
            _seats.Remove(ended.Id);
            toe.Paths.Leave(ended.Path);
        }

        if (!ended.IsLeft)
        {
            // Stopped without giving the connection back (its constructor threw): the last commit is what the host carries on with.
            ended.GiveBackLastCommit();
        }

        AnswerFor(ended);
    }

    /// <summary>A question that came behind the word to give the connection back is not answered by its actor any more.</summary>
    private static void AnswerFor(ConnectionSeat ended)
    {
        while (ended.NextAsker() is { } asker)
        {
            asker.Tell(new Toe.Event.NotHere(ended.Id));
        }
    }
}
