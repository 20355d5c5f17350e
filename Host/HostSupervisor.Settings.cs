using System.Net.Sockets;
using TcpActors.Actors.Contract;

namespace TcpActors.HostSide;

/// <content>Settings that an application changes: the host writes them, a TOE gets a new version of the segment-invariant variables.</content>
internal sealed partial class HostSupervisor
{
    private void Update(HostMessages.Update update)
    {
        if (!_tenancies.TryGetValue(update.Connection, out Tenancy? tenancy))
        {
            update.Done.TrySetResult(false);
            return;
        }

        (tenancy.Settings ??= new PendingSettings()).Add(update);
        Advance(tenancy);
    }

    /// <summary>For a connection that is not in the middle of a move. First the stack: what comes back to it later has them too.</summary>
    private void ApplySettings(Tenancy tenancy)
    {
        foreach (HostMessages.Update update in tenancy.Settings?.Take() ?? [])
        {
            try
            {
                tenancy.Connection.Half.Apply(update.Settings);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                update.Done.TrySetException(e);
                continue;
            }

            if (_book.NewestOf(tenancy) is { } segment)
            {
                tenancy.Segment = update.Settings.Over(segment) with { Version = tenancy.NextVersion };
            }

            if (tenancy.Owner == Ownership.Toe)
            {
                tenancy.Settings!.Told(tenancy.Segment!.Version, update);
                tenancy.Toe!.Engine.Supervisor.Tell(
                    new Toe.Command.Update { Connections = [new InvariantsUpdate(tenancy.Connection.Id, tenancy.Segment)] }, Self);
            }
            else
            {
                update.Done.TrySetResult(true);
            }
        }

        tenancy.Settings = tenancy.Settings is { IsEmpty: false } left ? left : null;
    }

    private static void Confirm(Tenancy tenancy, uint version)
    {
        tenancy.Settings?.Confirm(version);
        tenancy.Settings = tenancy.Settings is { IsEmpty: false } left ? left : null;
    }
}
