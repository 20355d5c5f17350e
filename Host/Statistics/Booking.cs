using System.Diagnostics.CodeAnalysis;
using TcpActors.Engine.State;
using TcpActors.Transport.Receive;

namespace TcpActors.HostSide.Statistics;

/// <summary>What the supervisor's book says of one connection at one moment; the rest of its report is found without the supervisor.</summary>
/// <param name="Connection">Whose entry it is.</param>
/// <param name="OwnerName">As <see cref="ConnectionReport.Owner"/>.</param>
/// <param name="Owner">Who owns it.</param>
/// <param name="Toe">Where it is or is going; null: in the stack.</param>
/// <param name="Epoch">How often its variables had changed hands.</param>
/// <param name="Invariants">Connection-invariant variables, when they are known.</param>
/// <param name="Segment">Segment-invariant variables, when they are known.</param>
/// <param name="LastRefusal">Why it was not offloaded.</param>
internal readonly record struct Booking(
    Connection Connection,
    string OwnerName,
    Ownership Owner,
    ToeUnit? Toe,
    Epoch Epoch,
    ConnectionInvariants? Invariants,
    SegmentInvariants? Segment,
    string? LastRefusal)
{
    /// <summary>Segments that wait for its actor; 0 while it has none.</summary>
    private int Queued => Owner == Ownership.Toe && Toe!.Engine.Flows.TryGet(Invariants!.Flow, out FlowEntry? flow) ? flow.Count : 0;

    /// <summary>Makes the report; asks neither the connection's actor nor the supervisor.</summary>
    /// <param name="now">The host's clock.</param>
    /// <param name="tally">What has been counted by now.</param>
    /// <param name="report">The report.</param>
    /// <returns>False when the connection has ended since the book was read.</returns>
    public bool TryReport(Microseconds now, in Tally tally, [NotNullWhen(true)] out ConnectionReport? report)
    {
        report = null;
        if (!TryGetVariants(now, out SegmentVariants variants))
        {
            return false;
        }

        if (Toe is null)
        {
            Connection.Meter.SeeState(variants.State);
        }

        report = new ConnectionReport(
            Connection.Id, OwnerName, Epoch, Invariants, Segment, variants, Connection.LocalEndPoint, Connection.RemoteEndPoint, LastRefusal,
            Connection.Meter.Report(Connection, now, in tally, Queued));
        return true;
    }

    private bool TryGetVariants(Microseconds now, out SegmentVariants variants)
    {
        if (Toe is null)
        {
            variants = Connection.Half.Query();
            return !Connection.IsLetGo;
        }

        // On the way back to the host it holds what travels: times remaining. What the slot said counts if it was still this connection's afterwards.
        variants = Connection.Memory.Slot.Read(out Epoch epoch);
        if (epoch == Epoch && Owner is not Ownership.ReturningToHost)
        {
            variants = variants.ToTimesRemaining(now);
        }

        return !Connection.IsLetGo;
    }
}
