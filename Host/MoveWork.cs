using Akka.Actor;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide;

/// <summary>A connection that is to leave the stack, with what the TOE is told of it beside what the stack tells.</summary>
/// <param name="Id">The connection.</param>
/// <param name="Half">The stack's part of it.</param>
/// <param name="Epoch">The host's, which ends with the take-out.</param>
/// <param name="Version">The next version of its segment-invariant variables.</param>
internal readonly record struct Leaving(ConnectionId Id, IHostHalf Half, Epoch Epoch, uint Version);

/// <summary>A connection that is to come back into the stack.</summary>
internal readonly record struct Returning(Connection Connection, HandBack State, IFlowGate Gate);

/// <summary>
/// What a worker does for a handful of connections that move at the same time: the flows of all are claimed, or released, in one system call.
/// A peer hears nothing from the claim until the TOE has the connection, and from the TOE's last commit until the stack runs it: whatever
/// can be done before or after that is, and the worker itself rings the TOE.
/// </summary>
internal static class MoveWork
{
    /// <summary>Connections that a worker moves at one go. The last one's peer waits for all of them.</summary>
    public const int Batch = 16;

    /// <param name="batch">Up to <see cref="Batch"/> connections.</param>
    /// <param name="toes">Where they may go.</param>
    /// <param name="host">Gets a <see cref="HostMessages.TakeOutDone"/> for each, before the TOE has it.</param>
    /// <param name="books">What the host knows beside the connections.</param>
    public static void Offload(IReadOnlyList<Leaving> batch, ToeUnit[] toes, IActorRef host, HostBooks books)
    {
        var prepared = new List<(Leaving Leaving, ToeUnit Toe)>(batch.Count);
        foreach (Leaving leaving in batch)
        {
            string? refusal = Prepare(leaving.Half, toes, out ToeUnit? toe);
            if (refusal is null)
            {
                prepared.Add((leaving, toe!));
            }
            else
            {
                host.Tell(new HostMessages.TakeOutDone(leaving.Id, null, new TakeOut.Refused(refusal)));
            }
        }

        var taken = new List<IHostHalf>(prepared.Count);
        foreach (IGrouping<ToeUnit, Leaving> group in prepared.GroupBy(each => each.Toe, each => each.Leaving))
        {
            List<Leaving> stopped = [.. group.Where(leaving => Stop(leaving, host))];
            TakeOut(stopped, group.Key, host, books, taken);
        }

        taken.ForEach(half => half.Vacate());
        books.Paths.Watch([.. taken.Select(half => half.Flow)]);
    }

    /// <param name="batch">Up to <see cref="Batch"/> connections.</param>
    /// <param name="host">Gets a <see cref="HostMessages.PutBackDone"/> for each.</param>
    public static void Upload(IReadOnlyList<Returning> batch, IActorRef host)
    {
        List<Returning> restored = [.. batch.Where(returning => Try(returning, host, () =>
        {
            returning.Connection.OwnedByHost();
            HandBack state = returning.State;
            returning.Connection.Half.Restore(in state, returning.Gate);
        }))];
        var through = new List<Task>(restored.Count);
        var resumed = new List<ConnectionId>(restored.Count);
        foreach (IGrouping<IFlowGate, Returning> group in restored.GroupBy(each => each.Gate))
        {
            foreach (Returning returning in Release(group.Key, [.. group], host))
            {
                if (Try(returning, host, () => through.Add(returning.Connection.Half.Resume(returning.Gate))))
                {
                    resumed.Add(returning.Connection.Id);
                }
            }
        }

        Task.WaitAll([.. through], IFlowGate.Patience);
        resumed.ForEach(id => host.Tell(new HostMessages.PutBackDone(id, null)));
    }

    private static string? Prepare(IHostHalf half, ToeUnit[] toes, out ToeUnit? toe)
    {
        try
        {
            int index = half.FindInterface();
            toe = Array.Find(toes, unit => unit.InterfaceIndex == index);
            return toe is null ? $"its peer is reached over interface {index}, on which no TOE runs"
                : !toe.Engine.Link.IsUp ? $"the link of {toe.Name} is down"
                : half.Prepare();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            toe = null;
            return e.Message;
        }
    }

    private static bool Stop(Leaving leaving, IActorRef host)
    {
        try
        {
            leaving.Half.Stop();
            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Stay(leaving, host, e);
            return false;
        }
    }

    private static void Stay(Leaving leaving, IActorRef host, Exception why)
    {
        TakeOut result = new TakeOut.Refused(why.Message);
        try
        {
            leaving.Half.StayHere();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            result = new TakeOut.Lost(e);
        }

        host.Tell(new HostMessages.TakeOutDone(leaving.Id, null, result));
    }

    private static void TakeOut(
        List<Leaving> batch, ToeUnit toe, IActorRef host, HostBooks books, List<IHostHalf> taken)
    {
        try
        {
            toe.Gate.Claim([.. batch.Select(each => each.Half.Flow)]);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (batch.Count == 1)
            {
                Stay(batch[0], host, e);
            }
            else
            {
                // There may be room for some of them.
                batch.ForEach(each => TakeOut([each], toe, host, books, taken));
            }

            return;
        }

        foreach (Leaving leaving in batch)
        {
            TakeOut result = TakeOut(leaving.Half, toe.Gate);
            if (result is TakeOut.Taken one)
            {
                taken.Add(leaving.Half);
                HandOver(leaving, Complete(leaving, one, books), toe, host);
            }
            else
            {
                host.Tell(new HostMessages.TakeOutDone(leaving.Id, null, result));
            }
        }
    }

    /// <summary>What the host adds to what the stack tells.</summary>
    private static TakeOut.Taken Complete(Leaving leaving, TakeOut.Taken taken, HostBooks books)
    {
        SegmentVariants variants = taken.Variants;
        if (leaving.Epoch == default)
        {
            books.Memory.Start(taken.Connection.Flow, ref variants, taken.Segment.MinRto);
        }

        return taken with { Segment = books.Invariants.Of(taken.Segment with { Version = leaving.Version }), Variants = variants };
    }

    /// <summary>A half that throws, against its contract, does not leave the others of the batch claimed and stopped.</summary>
    private static TakeOut TakeOut(IHostHalf half, IFlowGate gate)
    {
        try
        {
            return half.TakeOut(gate);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            GiveUp(half.Flow, gate);
            return new TakeOut.Lost(e);
        }
    }

    /// <summary>Hands a flow to the stack although the connection is lost.</summary>
    private static void GiveUp(FlowKey flow, IFlowGate gate)
    {
        try
        {
            gate.Release([flow]);
        }
        catch (IOException)
        {
            // What comes is dropped.
        }

        _ = gate.Forward(flow, static _ => { });
    }

    private static void HandOver(Leaving leaving, TakeOut.Taken taken, ToeUnit toe, IActorRef host)
    {
        OwnedVariables handed = new OwnedVariables(leaving.Id, leaving.Epoch, taken.Variants).HandOver();

        // First the host: what the TOE says of this connection comes behind.
        host.Tell(new HostMessages.TakeOutDone(leaving.Id, toe, taken));
        if (toe.Engine.FromHost.Push(new TransferEntry(handed, taken.Connection, taken.Segment, UploadReason.None)))
        {
            toe.Engine.Supervisor.Tell(Toe.Command.Offload.Doorbell, host);
        }
    }

    /// <returns>Those whose flows are the stack's now; of the others the host knows that they are lost.</returns>
    private static IEnumerable<Returning> Release(IFlowGate gate, Returning[] batch, IActorRef host)
    {
        try
        {
            gate.Release([.. batch.Select(each => each.Connection.Half.Flow)]);
            return batch;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (batch.Length > 1)
            {
                return batch.SelectMany(each => Release(gate, [each], host)).ToList();
            }

            _ = gate.Forward(batch[0].Connection.Half.Flow, static _ => { });
            host.Tell(new HostMessages.PutBackDone(batch[0].Connection.Id, e));
            return [];
        }
    }

    /// <returns>Whether that went well; otherwise the host knows that the connection is lost.</returns>
    private static bool Try(Returning returning, IActorRef host, Action step)
    {
        try
        {
            step();
            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            host.Tell(new HostMessages.PutBackDone(returning.Connection.Id, e));
            return false;
        }
    }
}
