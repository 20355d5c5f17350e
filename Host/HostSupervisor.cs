using Akka.Actor;
using Microsoft.Extensions.Logging;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide;

/// <summary>
/// Knows every connection of a host and who owns it. Carries out moves, one at a time for each connection: taking out of and putting back into
/// the stack runs on bounded workers, everything else here. Tells the TOEs what changed in the segment-invariant variables.
/// </summary>
internal sealed class HostSupervisor : UntypedActor
{
    private readonly Dictionary<ConnectionId, Tenancy> _tenancies = [];
    private readonly Dictionary<FlowKey, Tenancy> _byFlow = [];
    private readonly List<ToeUnit> _toes = [];
    private readonly TransferStack _fromToes;
    private readonly PostedBuffers _buffers;
    private readonly INextHopWatch? _nextHops;
    private readonly ILogger _logger;
    private readonly string _stackName;
    private readonly TaskFactory _workers;
    private TaskCompletionSource? _quiesced;
    private TaskCompletionSource? _ended;

    public HostSupervisor(
        string stackName, PostedBuffers buffers, TransferStack fromToes, INextHopWatch? nextHops, WorkerThreads workers, ILogger logger)
    {
        (_stackName, _buffers, _fromToes, _nextHops, _logger) = (stackName, buffers, fromToes, nextHops, logger);
        _workers = workers.Factory;
    }

    protected override void OnReceive(object message)
    {
        try
        {
            Handle(message);
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
                break;
            case HostMessages.Move move:
                Move(move);
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
            case HostMessages.NextHopChanged changed:
                OnNextHopChanged(changed);
                break;
            case HostMessages.List list:
                list.Done.TrySetResult([.. _tenancies.Values.Select(tenancy => tenancy.Report(_stackName))]);
                break;
            case HostMessages.Quiesce quiesce:
                Quiesce(quiesce);
                break;
            case HostMessages.EndAll end:
                EndAll(end);
                break;
            case HostMessages.AbortAll:
                foreach (Tenancy tenancy in _tenancies.Values)
                {
                    tenancy.WantedEnd = EndKind.Abort;
                    Advance(tenancy);
                }

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
                    OnUploaded(entry);
                }

                break;
            case Toe.Event.UploadRequested requested when _tenancies.TryGetValue(requested.Connection, out Tenancy? tenancy):
                // Every reason there is so far is a mandatory one.
                Log.UploadRequested(_logger, requested.Connection, tenancy.Epoch, tenancy.OwnerName(_stackName), requested.Reason);
                BeginUpload(tenancy);
                break;
            case Toe.Event.Updated updated:
                foreach (UpdatedVersion each in updated.Versions)
                {
                    if (_tenancies.TryGetValue(each.Connection, out Tenancy? tenancy))
                    {
                        tenancy.Connection.CountInvariantUpdate(each.Version);
                        Log.InvariantsUpdated(_logger, each.Connection, tenancy.Epoch, tenancy.OwnerName(_stackName), each.Version);
                    }
                }

                break;
            case Toe.Event.PathTooBig report when _tenancies.TryGetValue(report.Connection, out Tenancy? tenancy):
                OnPathTooBig(tenancy, report.Mtu);
                break;
            case Toe.Event.NextHopSuspect suspect when _tenancies.TryGetValue(suspect.Connection, out Tenancy? tenancy):
                FlowKey suspected = tenancy.Flow;
                _ = _workers.StartNew(() => _nextHops?.ProbeAgain(suspected));
                break;
            case Toe.Event.NotHere or Toe.Event.SynSeen or Toe.Event.Refused or Toe.Event.UploadRequested
                or Toe.Event.PathTooBig or Toe.Event.NextHopSuspect:
                // About a connection that ended or moved meanwhile.
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Register(Connection connection)
    {
        Enter(new Tenancy(connection));
        connection.Begin();
        if (_ended is not null)
        {
            connection.EndWithHost();
        }
    }

    private void TakeOver(HostMessages.TakeOver takeOver)
    {
        var tenancy = new Tenancy(takeOver.Connection) { IsGuest = true };
        Enter(tenancy);
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
        Log.Registered(_logger, connection.Id, connection.LocalEndPoint, connection.RemoteEndPoint);
    }

    private void Move(HostMessages.Move move)
    {
        IEnumerable<Tenancy> wanted = move.Connections is null
            ? _tenancies.Values.ToList()
            : move.Connections.Select(id => _tenancies.GetValueOrDefault(id)).OfType<Tenancy>();
        var ticket = new MoveTicket(move.Done);
        foreach (Tenancy tenancy in wanted)
        {
            ticket.Expect();
            tenancy.Tickets.Add((move.ToToe, ticket));
            Advance(tenancy);
        }

        ticket.Close(missing: move.Connections is null ? 0 : move.Connections.Count(id => !_tenancies.ContainsKey(id)));
    }

    private void End(HostMessages.End end)
    {
        if (_tenancies.TryGetValue(end.Connection, out Tenancy? tenancy) && end.Kind > tenancy.WantedEnd)
        {
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
                if (tenancy.WantedEnd > tenancy.DoneEnd)
                {
                    Finish(tenancy);
                }

                tenancy.Settle(toToe: false, refusal: null);
                if (tenancy.Tickets.Count > 0)
                {
                    BeginOffload(tenancy);
                }

                break;
            case Ownership.Toe:
                tenancy.Settle(toToe: true, refusal: null);
                if (tenancy.WantedEnd > tenancy.DoneEnd || tenancy.Tickets.Count > 0 || _quiesced is not null)
                {
                    BeginUpload(tenancy);
                }

                break;
            case Ownership.LeavingHost or Ownership.ReturningToHost:
                break;
        }
    }

    private static void Finish(Tenancy tenancy)
    {
        tenancy.DoneEnd = tenancy.WantedEnd;
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

    private void BeginOffload(Tenancy tenancy)
    {
        string? refusal = _quiesced is not null ? "the host is ending"
            : _toes.Count == 0 ? "there is no TOE"
            : tenancy.WantedEnd != EndKind.None ? "the application has closed it"
            : null;
        if (refusal is not null)
        {
            Refuse(tenancy, refusal);
            return;
        }

        tenancy.Owner = Ownership.LeavingHost;
        ToeUnit[] toes = [.. _toes];
        IHostHalf half = tenancy.Connection.Half;
        ConnectionId id = tenancy.Connection.Id;
        _ = _workers.StartNew(() => TakeOut(half, toes, id)).PipeTo(
            Self, failure: e => new HostMessages.TakeOutDone(id, null, new TakeOut.Refused(e.Message)));
    }

    /// <returns>Whether the connection is still the host's: a guest goes back to its application.</returns>
    private bool Refuse(Tenancy tenancy, string reason)
    {
        tenancy.LastRefusal = reason;
        if (tenancy.IsGuest)
        {
            _tenancies.Remove(tenancy.Connection.Id);
            _buffers.Withdraw(tenancy.Connection.Id);
            tenancy.Connection.ReleaseMemory();
            CheckQuiesced();
        }

        tenancy.Settle(toToe: true, reason);
        return !tenancy.IsGuest;
    }

    private static HostMessages.TakeOutDone TakeOut(IHostHalf half, ToeUnit[] toes, ConnectionId id)
    {
        int index = half.FindInterface();
        ToeUnit? toe = Array.Find(toes, unit => unit.InterfaceIndex == index && unit.Engine.Link.IsUp);
        return toe is null
            ? new HostMessages.TakeOutDone(id, null, new TakeOut.Refused($"its peer is reached over interface {index}, on which no TOE runs"))
            : new HostMessages.TakeOutDone(id, toe, half.TakeOut(toe.Gate));
    }

    private void OnTakenOut(HostMessages.TakeOutDone done)
    {
        if (!_tenancies.TryGetValue(done.Connection, out Tenancy? tenancy))
        {
            // It ended meanwhile, so it was not taken out.
            return;
        }

        if (done.Result is not TakeOut.Taken taken)
        {
            tenancy.Owner = Ownership.Host;
            string reason = ((TakeOut.Refused)done.Result).Reason;
            Log.OffloadRefused(_logger, done.Connection, tenancy.Epoch, reason);
            if (Refuse(tenancy, reason))
            {
                Advance(tenancy);
            }

            return;
        }

        tenancy.IsGuest = false;
        ToeUnit toe = done.Toe!;
        _byFlow[taken.Connection.Flow] = tenancy;
        tenancy.Take(toe, taken);
        _nextHops?.Watch(taken.Connection.Flow);
        var variables = new OwnedVariables(done.Connection, tenancy.Epoch, taken.Variants);
        OwnedVariables handed = variables.HandOver();
        tenancy.Epoch = handed.Epoch;
        if (toe.Engine.FromHost.Push(new TransferEntry(handed, taken.Connection, tenancy.Segment!, UploadReason.None)))
        {
            toe.Engine.Supervisor.Tell(Toe.Command.Offload.Doorbell, Self);
        }
    }

    private void OnOffloaded(ConnectionId id)
    {
        Tenancy tenancy = _tenancies[id];
        if (tenancy.Owner == Ownership.LeavingHost)
        {
            tenancy.Owner = Ownership.Toe;
            tenancy.LastRefusal = null;
            Log.Offloaded(_logger, id, tenancy.Epoch, tenancy.Toe!.Name);
            tenancy.SettleMoved(toToe: true);
            Advance(tenancy);
        }
    }

    private void BeginUpload(Tenancy tenancy)
    {
        if (tenancy.Owner == Ownership.Toe)
        {
            tenancy.Owner = Ownership.ReturningToHost;
            tenancy.Toe!.Engine.Supervisor.Tell(new Toe.Command.Upload([tenancy.Connection.Id]), Self);
        }
    }

    private void OnUploaded(TransferEntry entry)
    {
        Tenancy tenancy = _tenancies[entry.Variables.Connection];
        tenancy.Owner = ReferenceEquals(tenancy.Toe, null) ? tenancy.Owner : Ownership.ReturningToHost;
        tenancy.Epoch = entry.Variables.Epoch;
        SegmentVariants variants = entry.Variables.Variants;

        // Fences the TOE's epoch off the slot, and publishes what it had not come to publish.
        tenancy.Connection.Memory.Slot.Open(entry.Variables.Epoch, in variants);
        tenancy.Connection.Memory.Receive.Commit(variants.RcvNxt);
        tenancy.Connection.Memory.Send.FreeTo(variants.SndUna);
        var state = new HandBack(entry.Connection, entry.Segment, variants);
        IHostHalf half = tenancy.Connection.Half;
        IFlowGate gate = tenancy.Toe!.Gate;
        ConnectionId id = entry.Variables.Connection;
        Connection connection = tenancy.Connection;
        _ = _workers.StartNew(() =>
        {
            connection.OwnedByHost();
            half.PutBack(in state, gate);
            return new HostMessages.PutBackDone(id, null);
        }).PipeTo(Self, failure: e => new HostMessages.PutBackDone(id, e));
    }

    private void OnPutBack(HostMessages.PutBackDone done)
    {
        Tenancy tenancy = _tenancies[done.Connection];
        ToeUnit from = tenancy.Toe!;
        _byFlow.Remove(tenancy.Flow);
        _nextHops?.Forget(tenancy.Flow);
        tenancy.Toe = null;
        tenancy.Owner = Ownership.Host;
        if (done.Failure is { } failure)
        {
            Log.PutBackFailed(_logger, failure, done.Connection, tenancy.Epoch);
            tenancy.Settle(toToe: false, failure.Message);
            tenancy.Connection.Fail(failure);
            return;
        }

        Log.Uploaded(_logger, done.Connection, tenancy.Epoch, from.Name);
        tenancy.SettleMoved(toToe: false);
        if (tenancy.RefusedByToe is { } refusal)
        {
            // Who asked for the offload hears why not, instead of having it tried for ever.
            tenancy.RefusedByToe = null;
            tenancy.Settle(toToe: true, refusal);
        }

        Advance(tenancy);
        CheckQuiesced();
    }

    private void OnNextHopChanged(HostMessages.NextHopChanged changed)
    {
        foreach (IGrouping<ToeUnit, Tenancy> group in changed.Flows
            .Select(flow => _byFlow.GetValueOrDefault(flow)).OfType<Tenancy>().Where(tenancy => tenancy.Toe is not null)
            .GroupBy(tenancy => tenancy.Toe!))
        {
            Update(group.Key, group, old => old with { NextHopMac = changed.Mac ?? old.NextHopMac, IsPathUsable = changed.Usable });
        }
    }

    private void OnPathTooBig(Tenancy tenancy, int mtu)
    {
        // RFC 8201 4: never below 1,280; RFC 1191 3 allows 68, the kernel's floor of 552 keeps a forger from more harm.
        int believed = Math.Max(mtu, tenancy.Flow.IsIPv4 ? 552 : 1280);
        if (tenancy.Toe is { } toe && tenancy.Segment is { } segment && believed < segment.PathMtu)
        {
            Log.PathMtuLowered(_logger, tenancy.Connection.Id, tenancy.Epoch, believed);
            int overhead = (tenancy.Flow.IsIPv4 ? 40 : 60) + (tenancy.Invariants!.TimestampsEnabled ? 12 : 0);
            Update(toe, [tenancy], old => old with
            {
                PathMtu = believed,
                EffectiveMss = Math.Min(old.EffectiveMss, believed - overhead),
            });
        }
    }

    private void Update(ToeUnit toe, IEnumerable<Tenancy> tenancies, Func<SegmentInvariants, SegmentInvariants> change)
    {
        var updates = new List<InvariantsUpdate>();
        foreach (Tenancy tenancy in tenancies)
        {
            SegmentInvariants old = tenancy.Segment!;
            SegmentInvariants next = change(old);
            if (next != old)
            {
                tenancy.Segment = next with { Version = old.Version + 1 };
                updates.Add(new InvariantsUpdate(tenancy.Connection.Id, tenancy.Segment));
            }
        }

        if (updates.Count > 0)
        {
            toe.Engine.Supervisor.Tell(new Toe.Command.Update(updates), Self);
        }
    }

    private void Forget(ConnectionId id)
    {
        if (_tenancies.Remove(id, out Tenancy? tenancy))
        {
            tenancy.SettleAll();
            _buffers.Withdraw(id);
            tenancy.Connection.ReleaseMemory();
            Log.Ended(_logger, id, tenancy.Epoch);
            CheckQuiesced();
            CheckEnded();
        }
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
