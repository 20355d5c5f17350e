using System.Net.Sockets;
using Akka.Actor;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide;

/// <content>Offloads and uploads, step by step.</content>
internal sealed partial class HostSupervisor
{
    private void Move(HostMessages.Move move)
    {
        IEnumerable<Tenancy> wanted = move.Connections is null
            ? _tenancies.Values.ToList()
            : move.Connections.Select(id => _tenancies.GetValueOrDefault(id)).OfType<Tenancy>();
        var ticket = new MoveTicket(move.Done);
        foreach (Tenancy tenancy in wanted)
        {
            ticket.Expect();
            tenancy.Connection.DecideByHand();
            tenancy.Tickets.Add((move.ToToe, ticket));
            Advance(tenancy);
        }

        ticket.Close(missing: move.Connections is null ? 0 : move.Connections.Count(id => !_tenancies.ContainsKey(id)));
    }

    private void BeginOffload(Tenancy tenancy)
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

            CheckQuiesced();
            return;
        }

        tenancy.IsGuest = false;
        ToeUnit toe = done.Toe!;
        tenancy.Take(toe, taken);
        _byFlow.Set(tenancy);
        var variables = new OwnedVariables(done.Connection, tenancy.Epoch, taken.Variants);
        OwnedVariables handed = variables.HandOver();
        tenancy.Epoch = handed.Epoch;
        if (toe.Engine.FromHost.Push(new TransferEntry(handed, taken.Connection, tenancy.Segment!, UploadReason.None)))
        {
            toe.Engine.Supervisor.Tell(Toe.Command.Offload.Doorbell, Self);
        }

        FlowKey flow = taken.Connection.Flow;
        _ = _workers.StartNew(() => _nextHops?.Watch(flow));
    }

    private void OnOffloaded(ConnectionId id)
    {
        if (_tenancies.TryGetValue(id, out Tenancy? tenancy) && tenancy.Owner == Ownership.LeavingHost)
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
        tenancy.IsPeerGone = entry.Reason is UploadReason.RetransmissionLimit or UploadReason.UserTimeout or UploadReason.KeepAliveLimit;
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
        tenancy.MustReturn = false;
        tenancy.Owner = Ownership.Host;
        if (done.Failure is { } failure)
        {
            Log.PutBackFailed(_logger, failure, done.Connection, tenancy.Epoch);
            tenancy.Settle(toToe: false, failure.Message);
            tenancy.Connection.Fail(tenancy.IsPeerGone ? new SocketException((int)SocketError.TimedOut) : failure);
            return;
        }

        Log.Uploaded(_logger, done.Connection, tenancy.Epoch, from.Name);
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
