using TcpActors.Engine.State;

namespace TcpActors.Actors.Contract;

/// <summary>
/// What lies on the transfer stack for one connection: the variables with their ownership, and the snapshot of everything that is not
/// segment-variant (the patent's fig. 2, steps 202 and 204; on the way back fig. 2, step 210).
/// </summary>
/// <param name="Variables">The segment-variant variables, as times remaining, and the right to write them.</param>
/// <param name="Connection">Snapshot of the connection-invariant variables.</param>
/// <param name="Segment">Snapshot of the segment-invariant variables; on the way back the newest version the TOE had.</param>
/// <param name="Reason">On the way back: why; <see cref="UploadReason.None"/> when the host asked.</param>
public sealed record TransferEntry(
    OwnedVariables Variables, ConnectionInvariants Connection, SegmentInvariants Segment, UploadReason Reason);

/// <summary>
/// The patent's stack: one side pushes connections, the other pulls them. A pull takes everything and turns it round (oldest first), so
/// nothing waits at the bottom for ever. Lock-free; any thread. The message beside it is only a doorbell: <see cref="Push"/> says
/// whether one is due, so that one doorbell stands for all that is pushed until the pull.
/// </summary>
public sealed class TransferStack
{
    private Node? _top;

    /// <returns>True when the stack was empty: the other side has to be told.</returns>
    public bool Push(TransferEntry entry)
    {
        var node = new Node(entry);
        Node? seen;
        do
        {
            seen = Volatile.Read(ref _top);
            node.Below = seen;
        }
        while (Interlocked.CompareExchange(ref _top, node, seen) != seen);

        return seen is null;
    }

    /// <summary>Takes all entries, oldest first.</summary>
    public IReadOnlyList<TransferEntry> PullAll()
    {
        Node? node = Interlocked.Exchange(ref _top, null);
        if (node is null)
        {
            return [];
        }

        var entries = new List<TransferEntry>();
        for (; node is not null; node = node.Below)
        {
            entries.Add(node.Entry);
        }

        entries.Reverse();
        return entries;
    }

    private sealed class Node(TransferEntry entry)
    {
        public TransferEntry Entry { get; } = entry;

        public Node? Below { get; set; }
    }
}
