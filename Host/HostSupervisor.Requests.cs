using Akka.Actor;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.HostSide.Messaging;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide;

/// <content>What a TOE asks for, and what it is told in return: the patent's claim 24.</content>
internal sealed partial class HostSupervisor
{
    private void OnUploadRequested(Tenancy tenancy, UploadReason reason)
    {
        ConnectionId id = tenancy.Connection.Id;
        Log.UploadRequested(_logger, id, tenancy.Epoch, tenancy.OwnerName(_stackName), reason);
        _subscriptions.Tell(new Offloading.Event.UploadRequested(id, tenancy.Epoch, tenancy.Toe?.Name, reason));
        if (reason.IsOptional())
        {
            Consider(tenancy, reason);
            return;
        }

        // It may come before the word that the TOE has the connection.
        tenancy.MustReturn = true;

        // Whose time is over does not wait for a route: the application hears that its connection is lost.
        tenancy.IsCutOff &= reason != UploadReason.UserTimeout;
        Advance(tenancy);
    }

    /// <summary>The policy is asked; where nobody but a person decides, nobody is.</summary>
    private void Consider(Tenancy tenancy, UploadReason reason)
    {
        tenancy.IsOffered = true;
        if (tenancy.Connection.IsInHand || !_hasPolicy)
        {
            Decline(tenancy);
        }
        else
        {
            _sampler.Tell(new Sampler.Ask(tenancy.Connection, reason));
        }
    }

    private void Decline(Tenancy tenancy)
    {
        if (tenancy.IsOffered && tenancy.Owner == Ownership.Toe)
        {
            Resume(tenancy);
        }

        tenancy.IsOffered = false;
    }

    private void Resume(Tenancy tenancy) => tenancy.Toe!.Engine.Supervisor.Tell(new Toe.Command.Resume([tenancy.Connection.Id]), Self);

    private void OnResumed(Tenancy tenancy)
    {
        _subscriptions.Tell(new Offloading.Event.Resumed(tenancy.Connection.Id, tenancy.Epoch, tenancy.Toe?.Name));
        if (tenancy.Owner == Ownership.ReturningToHost)
        {
            _queue.End(tenancy);
            tenancy.Owner = Ownership.Toe;
            Advance(tenancy);
        }
    }

    private void OnStateChanged(Tenancy tenancy, ConnectionPhase phase)
    {
        if (tenancy.Owner == Ownership.Host)
        {
            // What it said last has been overtaken by its variables, which another's doorbell had pulled.
            return;
        }

        tenancy.Connection.Meter.Phase = phase;
        _subscriptions.Tell(new Offloading.Event.StateChanged(tenancy.Connection.Id, tenancy.Epoch, tenancy.Toe?.Name, phase));
    }

    /// <summary>A segment came to the stack for a connection that it has given away: it belongs where the connection is, once it has arrived there.</summary>
    private void OnStrayed(Tenancy tenancy, ReadOnlyMemory<byte> ipPacket)
    {
        if (tenancy.Owner is Ownership.Toe or Ownership.ReturningToHost && tenancy.Toe is { } toe)
        {
            toe.Engine.Supervisor.Tell(new Toe.Command.Forward([new ForwardedSegment(tenancy.Connection.Id, ipPacket)]), Self);
        }
        else if (tenancy.Owner == Ownership.LeavingHost)
        {
            tenancy.Strays.Add(new ForwardedSegment(tenancy.Connection.Id, ipPacket));
        }
    }

    private void ForwardStrays(Tenancy tenancy)
    {
        if (tenancy.TakeStrays() is { Count: > 0 } strays)
        {
            tenancy.Toe!.Engine.Supervisor.Tell(new Toe.Command.Forward(strays), Self);
        }
    }
}
