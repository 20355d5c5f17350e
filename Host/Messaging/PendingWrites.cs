using Akka.Actor;
using Akka.IO;

namespace TcpActors.HostSide.Messaging;

/// <summary>Writes in the order they came in, of which the first may be partly done.</summary>
/// <param name="limit">Most bytes behind the first one.</param>
internal sealed class PendingWrites(int limit)
{
    /// <summary>Small ones take memory too.</summary>
    private const int MostWrites = 65536;

    private readonly Queue<Pending> _writes = new();
    private int _doneOfFirst;
    private long _bytes;

    public bool IsEmpty => _writes.Count == 0;

    /// <summary>Whether there are so many that nothing more should be done to make them more.</summary>
    public bool AreMany => Behind > limit / 4 || _writes.Count > MostWrites / 4;

    /// <summary>Who is waiting for these writes.</summary>
    public IEnumerable<IActorRef> Commanders => _writes.Select(write => write.Commander);

    /// <summary>Enters a write, or all parts of one, or nothing.</summary>
    /// <returns>Null, or why it is refused.</returns>
    public Exception? TryAdd(Tcp.WriteCommand command, IActorRef commander)
    {
        IEnumerable<Tcp.SimpleWriteCommand> parts = command switch
        {
            Tcp.CompoundWrite compound => compound,
            Tcp.SimpleWriteCommand simple => [simple],
            _ => [],
        };
        Tcp.Write[] writes = [.. parts.OfType<Tcp.Write>()];
        if (writes.Length == 0 || writes.Length != parts.Count())
        {
            return new NotSupportedException($"{command.GetType().Name} cannot be written: Write and CompoundWrite of Writes can.");
        }

        long added = writes.Sum(write => (long)write.Data.Count);
        long behind = IsEmpty ? added - writes[0].Data.Count : Behind + added;
        if (behind > limit || _writes.Count + writes.Length > MostWrites)
        {
            return new IOException(
                $"The write queue is full: {_writes.Count} writes of {_bytes} bytes wait, {MostWrites} of {limit} may. "
                + "Wait for acknowledgements or for WritingResumed.");
        }

        foreach (Tcp.Write write in writes)
        {
            _writes.Enqueue(new Pending(write.Data, write.WantsAck ? write.Ack : null, commander));
        }

        _bytes += added;
        return null;
    }

    /// <summary>Takes bytes of the first write.</summary>
    /// <param name="most">Most bytes of the piece.</param>
    /// <param name="done">Whom to tell what about the write, if that was its end.</param>
    public ByteString Take(int most, out (IActorRef Commander, Tcp.Event? Ack)? done)
    {
        Pending first = _writes.Peek();
        ByteString piece = first.Data.Slice(_doneOfFirst, Math.Min(most, first.Data.Count - _doneOfFirst));
        _doneOfFirst += piece.Count;
        done = null;
        if (_doneOfFirst == first.Data.Count)
        {
            done = (first.Commander, first.Ack);
            _bytes -= first.Data.Count;
            _doneOfFirst = 0;
            _writes.Dequeue();
        }

        return piece;
    }

    /// <summary>Bytes of those behind the first one, which may be as large as it likes, as with Akka.</summary>
    private long Behind => _writes.TryPeek(out Pending first) ? _bytes - first.Data.Count : 0;

    private readonly record struct Pending(ByteString Data, Tcp.Event? Ack, IActorRef Commander);
}
