using System.Net.Sockets;
using Akka.Actor;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Messaging;
using TcpActors.HostSide.Policy;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide;

/// <content>Offloads and uploads, step by step.</content>
internal sealed partial class HostSupervisor
{
    /// <summary>How long moves under way hold up those that wait: an upload may wait for its peer (see <see cref="MoveQueue.PassOver"/>).</summary>
    private static readonly TimeSpan s_untilPassedOver = TimeSpan.FromMilliseconds(10);

    private readonly MoveQueue _queue;
    private readonly List<Returning> _returning = [];
    private bool _isPassOverDue;

    private void Move(HostMessages.Move move)
    {
        List<Tenancy> wanted = move.Connections is null
            ? [.. _tenancies.Values]
            : [.. move.Connections.Select(id => _tenancies.GetValueOrDefault(id)).OfType<Tenancy>()];
        var ticket = new MoveTicket(move.Done);
        foreach (Tenancy tenancy in wanted)
        {
            ticket.Expect();
            if (!move.IsByPolicy)
            {
                TakeInHand(tenancy);
            }
            else if (tenancy.Connection.IsInHand)
            {
                // It had decided before it heard of that.
                ticket.Unmoved();
                continue;
            }

            tenancy.IsOneOfMany = wanted.Count > MoveWork.Batch;
            tenancy.Tickets.Add((move.ToToe, ticket));
            Advance(tenancy);
        }

        ticket.Close(missing: move.Connections is null ? 0 : move.Connections.Count - wanted.Count);
    }

    /// <summary>Somebody has said where the connection is to be: the policy has nothing to decide any more.</summary>
    private void TakeInHand(Tenancy tenancy)
    {
        if (!tenancy.Connection.IsInHand)
        {
            tenancy.Connection.TakeInHand();
            _policy.Tell(new PolicyActor.TakenInHand(tenancy.Connection.Id));
            Decline(tenancy);
        }
    }

    /// <summary>After each message: begins with the moves that are next, and has workers take back what TOEs have given back.</summary>
    private void Begin()
    {
        var leaving = new List<Leaving>();
        var uploads = new Dictionary<ToeUnit, List<ConnectionId>>();
        while (_queue.TryNext(out Tenancy? tenancy))
        {
            if (tenancy.Owner == Ownership.Host && tenancy.IsAwaited)
            {
                BeginOffload(tenancy, leaving);
            }
            else if (tenancy.Owner == Ownership.Toe && !IsHeldBack(tenancy) && MustUpload(tenancy))
            {
                BeginUpload(tenancy, uploads);
            }
        }

        ToeUnit[] toes = [.. _toes];
        IActorRef self = Self;
        foreach (Leaving[] batch in leaving.Chunk(MoveWork.Batch))
        {
            _ = _workers.StartNew(() => MoveWork.Offload(batch, toes, self, _books));
        }

        foreach ((ToeUnit toe, List<ConnectionId> connections) in uploads)
        {
            toe.Engine.Supervisor.Tell(new Toe.Command.Upload(connections), Self);
        }

        foreach (Returning[] batch in _returning.Chunk(MoveWork.Batch))
        {
            _ = _workers.StartNew(() => MoveWork.Upload(batch, self));
        }

        _returning.Clear();
        if (!_queue.IsEmpty && !_isPassOverDue)
        {
            _isPassOverDue = true;
            Timers.StartSingleTimer(nameof(PassOver), HostMessages.PassOver.Instance, s_untilPassedOver);
        }
    }

    private void PassOver()
    {
        _isPassOverDue = false;
        _queue.PassOver();
    }

    private void BeginOffload(Tenancy tenancy, List<Leaving> leaving)
    {
        string? refusal = _quiesced is not null ? "the host is ending"
            : _toes.Count == 0 ? "no TOE runs (connections over loopback stay in the kernel)"
            : tenancy.WantedEnd != EndKind.None ? "the application has closed it"
            : null;
        if (refusal is not null)
        {
            Refuse(tenancy, refusal);
            return;
        }

        tenancy.Owner = Ownership.LeavingHost;
        _queue.Begin(tenancy);
        leaving.Add(new Leaving(tenancy.Connection.Id, tenancy.Connection.Half, tenancy.Epoch, tenancy.NextVersion));
    }

    private void BeginUpload(Tenancy tenancy, Dictionary<ToeUnit, List<ConnectionId>> uploads)
    {
        tenancy.Owner = Ownership.ReturningToHost;
        _queue.Begin(tenancy);
        if (!uploads.TryGetValue(tenancy.Toe!, out List<ConnectionId>? connections))
        {
            uploads.Add(tenancy.Toe!, connections = []);
        }

        connections.Add(tenancy.Connection.Id);
    }

    /// <returns>Whether the connection is still the host's: a guest goes back to its application.</returns>
    private bool Refuse(Tenancy tenancy, string reason)
    {
        tenancy.LastRefusal = reason;
        _subscriptions.Tell(new Offloading.Event.Refused(tenancy.Connection.Id, tenancy.Epoch, tenancy.Toe?.Name, reason));
        if (tenancy.IsGuest)
        {
            _tenancies.Remove(tenancy.Connection.Id);
            _buffers.Withdraw(tenancy.Connection.Id);
            _sampler.Tell(new Sampler.Leave(tenancy.Connection));
            _policy.Tell(new PolicyActor.Gone(tenancy.Connection.Id, IsInHand: true, From: null));
            tenancy.Connection.ReleaseMemory();
            CheckQuiesced();
        }

        tenancy.Settle(toToe: true, reason);
        return !tenancy.IsGuest;
    }

    private void OnTakenOut(HostMessages.TakeOutDone done)
    {
        if (!_tenancies.TryGetValue(done.Connection, out Tenancy? tenancy))
        {
            // It ended meanwhile, so it was not taken out.
            return;
        }

        _queue.End(tenancy);
        if (done.Result is not TakeOut.Taken taken)
        {
            tenancy.Owner = Ownership.Host;
            if (done.Result is TakeOut.Lost { Failure: var failure })
            {
                Log.TakeOutFailed(_logger, failure, done.Connection, tenancy.Epoch);
                tenancy.Connection.Fail(failure);
                Refuse(tenancy, failure.Message);
            }
            else
            {
                string reason = ((TakeOut.Refused)done.Result).Reason;
                Log.OffloadRefused(_logger, done.Connection, tenancy.Epoch, reason);
                if (Refuse(tenancy, reason))
                {
                    Advance(tenancy);
                }
            }

            CheckQuiesced();
            return;
        }

        tenancy.IsGuest = false;
        tenancy.Take(done.Toe!, taken);
        _book.Add(tenancy);
        tenancy.IsCutOff = _book.NewestOf(tenancy) is { Path.IsUsable: false };
        tenancy.Epoch = tenancy.Epoch.Next;
    }

    private void OnOffloaded(ConnectionId id)
    {
        if (_tenancies.TryGetValue(id, out Tenancy? tenancy) && tenancy.Owner == Ownership.LeavingHost)
        {
            tenancy.Owner = Ownership.Toe;
            tenancy.LastRefusal = null;

            // Its actor may have said more already.
            tenancy.Connection.Meter.Phase ??= ConnectionPhase.Running;
            Log.Offloaded(_logger, id, tenancy.Epoch, tenancy.Toe!.Name);
            _subscriptions.Tell(new Offloading.Event.Offloaded(id, tenancy.Epoch, tenancy.Toe.Name));
            _policy.Tell(new PolicyActor.Moved(id, tenancy.Connection.IsInHand, From: null, tenancy.Toe.Name));
            tenancy.SettleMoved(toToe: true);
            ForwardStrays(tenancy);
            Advance(tenancy);
        }
    }

    private void OnUploaded(TransferEntry entry)
    {
        Tenancy tenancy = _tenancies[entry.Variables.Connection];
        tenancy.Owner = ReferenceEquals(tenancy.Toe, null) ? tenancy.Owner : Ownership.ReturningToHost;
        tenancy.Epoch = entry.Variables.Epoch;
        tenancy.IsPeerGone = entry.Reason is UploadReason.RetransmissionLimit or UploadReason.UserTimeout or UploadReason.KeepAliveLimit;
        SegmentVariants variants = entry.Variables.Variants;
        tenancy.Segment = entry.Segment;
        _books.Memory.Learn(entry.Connection.Flow, in variants);

        // Fences the TOE's epoch off the slot, and publishes what it had not come to publish.
        tenancy.Connection.Memory.Slot.Open(entry.Variables.Epoch, in variants);
        tenancy.Connection.Memory.Receive.Commit(variants.RcvNxt);
        tenancy.Connection.Memory.Send.FreeTo(variants.SndUna);
        if (tenancy.Connection.Memory.Receive.OwesNotice)
        {
            tenancy.Connection.Memory.Application.NotifyReadable();
        }

        _returning.Add(new Returning(
            tenancy.Connection, new HandBack(entry.Connection, entry.Segment, variants), tenancy.Toe!.Gate));
    }

    private void OnPutBack(HostMessages.PutBackDone done)
    {
        Tenancy tenancy = _tenancies[done.Connection];
        _queue.End(tenancy);
        ToeUnit from = tenancy.Toe!;
        _policy.Tell(new PolicyActor.Moved(done.Connection, tenancy.Connection.IsInHand, from.Name, To: null));
        _book.Remove(tenancy);
        _books.Paths.Forget(tenancy.Flow);
        tenancy.Toe = null;
        (tenancy.MustReturn, tenancy.IsOffered) = (false, false);
        tenancy.Settings?.TellAgain();
        tenancy.TakeStrays();
        tenancy.Connection.Meter.Phase = null;
        tenancy.Owner = Ownership.Host;
        if (done.Failure is { } failure)
        {
            Log.PutBackFailed(_logger, failure, done.Connection, tenancy.Epoch);
            tenancy.Settle(toToe: false, failure.Message);
            tenancy.Connection.Fail(tenancy.IsPeerGone ? new SocketException((int)SocketError.TimedOut) : failure);
            return;
        }

        Log.Uploaded(_logger, done.Connection, tenancy.Epoch, from.Name);
        _subscriptions.Tell(tenancy.RefusedByToe is { } reason
            ? new Offloading.Event.Refused(done.Connection, tenancy.Epoch, from.Name, reason)
            : new Offloading.Event.Uploaded(done.Connection, tenancy.Epoch, from.Name));
        tenancy.SettleMoved(toToe: false);
        if (tenancy.IsPeerGone)
        {
            // R2 of RFC 9293 3.8.3, RFC 5482, 3.8.4: the TOE has waited as long as is to be waited. The stack would count from the beginning.
            tenancy.Connection.Fail(new SocketException((int)SocketError.TimedOut));
            return;
        }

        if (tenancy.RefusedByToe is { } refusal)
        {
            // Who asked for the offload hears why not, instead of having it tried for ever.
            tenancy.RefusedByToe = null;
            tenancy.Settle(toToe: true, refusal);
        }

        Advance(tenancy);
        CheckQuiesced();
    }
}
