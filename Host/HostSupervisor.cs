using Akka.Actor;
using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.HostSide.Managed;
using TcpActors.HostSide.Messaging;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide;

/// <summary>
/// Knows every connection of a host and who owns it. Carries out moves, one at a time for each connection: taking out of and putting back into
/// the stack runs on bounded workers, everything else here. Tells the TOEs what changed in the segment-invariant variables.
/// </summary>
internal sealed partial class HostSupervisor : UntypedActor, IWithTimers
{
    private readonly Dictionary<ConnectionId, Tenancy> _tenancies = [];
    private readonly PathBook _book = new();
    private readonly Subscriptions _subscriptions = new(Context);
    private readonly List<ToeUnit> _toes = [];
    private readonly TransferStack _fromToes;
    private readonly PostedBuffers _buffers;
    private readonly HostBooks _books;
    private readonly ILogger _logger;
    private readonly string _stackName;
    private readonly TaskFactory _workers;
    private readonly IActorRef _sampler;
    private readonly IActorRef _policy;
    private readonly bool _isRecorded;
    private readonly bool _hasPolicy;
    private TaskCompletionSource? _quiesced;
    private TaskCompletionSource? _ended;

    public HostSupervisor(
        string stackName, PostedBuffers buffers, TransferStack fromToes, HostBooks books, WorkerThreads workers, ILogger logger, Sampling sampling,
        Deciding deciding)
    {
        _policy = Context.ActorOf(PolicyActor.Create(deciding, sampling.Clock, logger), "policy");
        (_isRecorded, _hasPolicy) = (deciding.Trace is not null, deciding.NeedsSamples);
        _sampler = Context.ActorOf(
            Sampler.Create(deciding.NeedsSamples ? sampling with { Listener = new SamplesToPolicy(_policy, _isRecorded) } : sampling, logger), "sampler");
        (_stackName, _buffers, _fromToes, _books, _logger) = (stackName, buffers, fromToes, books, logger);
        _workers = workers.Factory;
        _queue = new MoveQueue(limit: 2 * MoveWork.Batch * workers.MaximumConcurrencyLevel);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void OnReceive(object message)
    {
        try
        {
            Handle(message);
            Begin();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A restart would forget the book; what failed is the one message.
            Log.SupervisorFailed(_logger, e, message.GetType().Name);
        }
    }

    private void Handle(object message)
    {
        switch (message)
        {
            case HostMessages.Register register:
                Register(register.Connection);
                break;
            case HostMessages.TakeOver takeOver:
                TakeOver(takeOver);
                break;
            case HostMessages.AddToe add:
                _toes.Add(add.Toe);
                _sampler.Tell(new Sampler.AddToe(add.Toe));
                break;
            case HostMessages.Move move:
                Move(move);
                break;
            case HostMessages.AskPolicy ask:
                _sampler.Tell(new Sampler.Ask(ask.Connection));
                break;
            case HostMessages.Update update:
                Update(update);
                break;
            case HostMessages.Decline decline:
                if (_tenancies.TryGetValue(decline.Connection, out Tenancy? offered))
                {
                    Decline(offered);
                }

                break;
            case HostMessages.Strayed strayed:
                if (_tenancies.TryGetValue(strayed.Connection, out Tenancy? given))
                {
                    OnStrayed(given, strayed.IpPacket);
                }

                break;
            case HostMessages.End end:
                End(end);
                break;
            case HostMessages.Gone gone:
                Forget(gone.Connection);
                break;
            case HostMessages.TakeOutDone done:
                OnTakenOut(done);
                break;
            case HostMessages.PutBackDone done:
                OnPutBack(done);
                break;
            case HostMessages.PassOver:
                PassOver();
                break;
            case HostMessages.PathChanged changed:
                OnPathChanged(changed);
                break;
            case HostMessages.InterfaceChanged changed:
                OnInterfaceChanged(changed.Index);
                break;
            case HostMessages.Report report:
                _sampler.Tell(new Sampler.Compose([.. Wanted(report.Only).Select(tenancy => tenancy.Book(_stackName, _book.NewestOf(tenancy)))], report.Done));
                break;
            case HostMessages.Quiesce quiesce:
                Quiesce(quiesce);
                break;
            case HostMessages.EndAll end:
                EndAll(end);
                break;
            case HostMessages.Conclude conclude:
                _policy.Tell(new PolicyActor.Conclude(conclude.Done));
                break;
            case HostMessages.AbortAll:
                foreach (Tenancy tenancy in _tenancies.Values)
                {
                    tenancy.WantedEnd = EndKind.Abort;
                    Advance(tenancy);
                }

                break;
            case Offloading.Command.Subscribe subscribe:
                Subscribe(subscribe);
                break;
            case Offloading.Command.Unsubscribe unsubscribe:
                _subscriptions.Remove(unsubscribe.Connection, unsubscribe.Subscriber);
                Sender.Tell(new Offloading.Answer.Unsubscribed(unsubscribe.Connection, unsubscribe.Subscriber));
                break;
            case Terminated dead:
                _subscriptions.Forget(dead.ActorRef);
                break;
            default:
                OnToeEvent(message);
                break;
        }
    }

    private void OnToeEvent(object message)
    {
        switch (message)
        {
            case Toe.Event.Offloaded offloaded:
                foreach (ConnectionId id in offloaded.Connections)
                {
                    OnOffloaded(id);
                }

                break;
            case Toe.Event.Refused refused when _tenancies.TryGetValue(refused.Connection, out Tenancy? tenancy):
                tenancy.LastRefusal = tenancy.RefusedByToe = refused.Reason;
                break;
            case Toe.Event.Uploaded:
                foreach (TransferEntry entry in _fromToes.PullAll())
                {
                    // The pull took everything: what fails for one must not cost the others.
                    try
                    {
                        OnUploaded(entry);
                    }
                    catch (Exception e) when (e is not OutOfMemoryException)
                    {
                        Log.SupervisorFailed(_logger, e, $"upload of {entry.Variables.Connection}");
                    }
                }

                break;
            case Toe.Event.UploadRequested requested when _tenancies.TryGetValue(requested.Connection, out Tenancy? tenancy):
                OnUploadRequested(tenancy, requested.Reason);
                break;
            case Toe.Event.Resumed resumed when _tenancies.TryGetValue(resumed.Connection, out Tenancy? tenancy):
                OnResumed(tenancy);
                break;
            case Toe.Event.StateChanged changed when _tenancies.TryGetValue(changed.Connection, out Tenancy? tenancy):
                OnStateChanged(tenancy, changed.Phase);
                break;
            case Toe.Event.Updated updated:
                OnUpdated(updated);
                break;
            case Toe.Event.NeighborConfirmed confirmed:
                _ = _workers.StartNew(() => _books.Paths.Confirm(confirmed.Neighbor));
                break;
            case Toe.Event.PathTooBig report when _tenancies.TryGetValue(report.Connection, out Tenancy? tenancy):
                OnPathTooBig(tenancy, report.Mtu);
                break;
            case Toe.Event.NextHopSuspect suspect when _tenancies.TryGetValue(suspect.Connection, out Tenancy? tenancy):
                FlowKey suspected = tenancy.Flow;
                _ = _workers.StartNew(() => _books.Paths.ProbeAgain(suspected));
                break;
            case Toe.Event.NotHere or Toe.Event.SynSeen or Toe.Event.Refused or Toe.Event.UploadRequested or Toe.Event.Resumed
                or Toe.Event.StateChanged or Toe.Event.PathTooBig or Toe.Event.NextHopSuspect:
                // About a connection that ended or moved meanwhile.
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private IEnumerable<Tenancy> Wanted(ConnectionId? only) =>
        only is not { } id ? _tenancies.Values : _tenancies.TryGetValue(id, out Tenancy? one) ? [one] : [];

    private void Register(Connection connection)
    {
        Enter(new Tenancy(connection, _books.Invariants));
        connection.Begin();
        if (_ended is not null)
        {
            connection.EndWithHost();
        }
    }

    private void TakeOver(HostMessages.TakeOver takeOver)
    {
        var tenancy = new Tenancy(takeOver.Connection, _books.Invariants) { IsGuest = true };
        Enter(tenancy);
        TakeInHand(tenancy);
        var ticket = new MoveTicket(takeOver.Done);
        ticket.Expect();
        tenancy.Tickets.Add((ToToe: true, ticket));
        ticket.Close(missing: 0);
        Advance(tenancy);
    }

    private void Enter(Tenancy tenancy)
    {
        Connection connection = tenancy.Connection;
        _tenancies.Add(connection.Id, tenancy);
        _buffers.Post(connection.Id, connection.Memory);
        _sampler.Tell(new Sampler.Enter(connection));
        Log.Registered(_logger, connection.Id, connection.LocalEndPoint, connection.RemoteEndPoint);
    }

    private void End(HostMessages.End end)
    {
        if (_tenancies.TryGetValue(end.Connection, out Tenancy? tenancy) && end.Kind > tenancy.WantedEnd)
        {
            if (_isRecorded)
            {
                // While there still is a socket to ask.
                _policy.Tell(new PolicyActor.Ending(end.Connection, tenancy.Connection.Half.Count()));
            }

            tenancy.WantedEnd = end.Kind;
            Advance(tenancy);
        }
    }

    /// <summary>Takes the next step for a connection that is not in the middle of a move.</summary>
    private void Advance(Tenancy tenancy)
    {
        switch (tenancy.Owner)
        {
            case Ownership.Host:
                ApplySettings(tenancy);
                if (tenancy.WantedEnd > tenancy.DoneEnd)
                {
                    Finish(tenancy);
                }

                tenancy.Settle(toToe: false, refusal: null);
                if (tenancy.IsAwaited)
                {
                    _queue.Add(tenancy);
                }

                break;
            case Ownership.Toe:
                ApplySettings(tenancy);
                tenancy.Settle(toToe: true, refusal: null);
                if (IsHeldBack(tenancy))
                {
                    // A stack without a route would not take it back, and it would be lost: it waits for one.
                    tenancy.Settle(toToe: false, "there is no route to its peer at present, or its own address is gone");
                }
                else if (MustUpload(tenancy))
                {
                    _queue.Add(tenancy);
                }

                break;
            case Ownership.ReturningToHost when IsHeldBack(tenancy):
                // It may still be with the TOE, waiting for its peer.
                Resume(tenancy);
                break;
            case Ownership.LeavingHost or Ownership.ReturningToHost:
                break;
        }
    }

    private bool IsHeldBack(Tenancy tenancy) => tenancy.IsCutOff && tenancy.WantedEnd != EndKind.Abort && _quiesced is null;

    private bool MustUpload(Tenancy tenancy) =>
        tenancy.WantedEnd > tenancy.DoneEnd || tenancy.IsAwaited || tenancy.MustReturn || _quiesced is not null;

    private static void Finish(Tenancy tenancy)
    {
        tenancy.DoneEnd = tenancy.WantedEnd;
        tenancy.Connection.Meter.Change(tenancy.WantedEnd == EndKind.Abort ? static _ => TcpState.Closed : ClosingStates.AfterClose);
        switch (tenancy.WantedEnd)
        {
            case EndKind.ShutdownSend:
                tenancy.Connection.Half.ShutdownSend();
                break;
            case EndKind.Close:
                tenancy.Connection.Half.Close();
                break;
            case EndKind.Abort:
                tenancy.Connection.Half.Abort();
                break;
        }
    }

    private void Forget(ConnectionId id)
    {
        if (_tenancies.Remove(id, out Tenancy? tenancy))
        {
            tenancy.SettleAll();
            _buffers.Withdraw(id);
            _sampler.Tell(new Sampler.Leave(tenancy.Connection));
            _policy.Tell(new PolicyActor.Gone(id, tenancy.Connection.IsInHand, tenancy.Toe?.Name));
            tenancy.Connection.ReleaseMemory();
            Log.Ended(_logger, id, tenancy.Epoch);
            _subscriptions.TellLast(new Offloading.Event.Ended(id, tenancy.Epoch, tenancy.Toe?.Name));
            CheckQuiesced();
            CheckEnded();
        }
    }

    private void Subscribe(Offloading.Command.Subscribe subscribe)
    {
        if (subscribe.Connection is { } id && !_tenancies.ContainsKey(id))
        {
            Sender.Tell(new Offloading.Answer.NotHere(id));
            return;
        }

        _subscriptions.Add(subscribe.Connection, subscribe.Subscriber);
        Sender.Tell(new Offloading.Answer.Subscribed(subscribe.Connection, subscribe.Subscriber));
    }

    private void Quiesce(HostMessages.Quiesce quiesce)
    {
        _quiesced = quiesce.Done;
        foreach (Tenancy tenancy in _tenancies.Values)
        {
            Advance(tenancy);
        }

        CheckQuiesced();
    }

    private void EndAll(HostMessages.EndAll end)
    {
        _ended = end.Done;
        foreach (Tenancy tenancy in _tenancies.Values)
        {
            tenancy.Connection.EndWithHost();
        }

        CheckEnded();
    }

    private void CheckEnded()
    {
        if (_ended is not null && _tenancies.Count == 0)
        {
            _ended.TrySetResult();
        }
    }

    private void CheckQuiesced()
    {
        if (_quiesced is not null && _tenancies.Values.All(tenancy => tenancy.Owner == Ownership.Host))
        {
            _quiesced.TrySetResult();
        }
    }
}
