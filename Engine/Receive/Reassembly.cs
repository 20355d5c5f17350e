using TcpActors.Engine.State;

namespace TcpActors.Engine.Receive;

/// <summary>
/// Which bytes beyond RCV_NXT have arrived. The bytes themselves are at their places in the receive buffer; this is the index, a cache that
/// a move or a crash drops (the peer retransmits, as RFC 2018 8 allows). Bounded: <see cref="Capacity"/> ranges. Owned by the engine.
/// </summary>
internal sealed class Reassembly
{
    /// <summary>The most ranges that are remembered; 2 KiB.</summary>
    public const int Capacity = 256;

    /// <summary>Nothing has arrived beyond RCV_NXT. Shared by all who are in order; nothing may be added to it.</summary>
    public static readonly Reassembly None = new();

    private const int Reported = 4;

    // Sorted, disjoint, not adjacent.
    private SackBlock[] _ranges = [];

    // RFC 2018 4: a sequence number within each of the ranges that changed last, the most recent first.
    private readonly SeqNum[] _recent = new SeqNum[Reported];
    private int _recentCount;

    public int Count { get; private set; }

    /// <summary>Bytes in all ranges.</summary>
    public int Bytes { get; private set; }

    /// <summary>Adds a range. It must lie beyond RCV_NXT.</summary>
    /// <returns>False when the index is full and the range touches none that is known: nothing has changed.</returns>
    public bool TryAdd(SeqNum left, SeqNum right)
    {
        SackBlock added = new(left, right);
        int first = FirstReaching(left);
        int next = first;
        int known = 0;
        while (next < Count && _ranges[next].Left <= right)
        {
            known += _ranges[next].Right - _ranges[next].Left;
            added = new(SeqNum.Min(added.Left, _ranges[next].Left), SeqNum.Max(added.Right, _ranges[next].Right));
            next++;
        }

        if (next == first)
        {
            if (Count == Capacity)
            {
                return false;
            }

            InsertAt(first, added);
        }
        else
        {
            _ranges[first] = added;
            RemoveAt(first + 1, next - first - 1);
        }

        Bytes += added.Right - added.Left - known;
        Touch(left, added);
        return true;
    }

    /// <summary>Whether <see cref="TryAdd"/> would take the range.</summary>
    public bool CanAdd(SeqNum left, SeqNum right)
    {
        if (Count < Capacity)
        {
            return true;
        }

        int first = FirstReaching(left);
        return first < Count && _ranges[first].Left <= right;
    }

    /// <summary>Takes away what lies before or touches <paramref name="rcvNxt"/>.</summary>
    /// <returns>Where RCV_NXT is now: further right when the data closed a hole.</returns>
    public SeqNum Advance(SeqNum rcvNxt)
    {
        int passed = 0;
        while (passed < Count && _ranges[passed].Left <= rcvNxt)
        {
            rcvNxt = SeqNum.Max(rcvNxt, _ranges[passed].Right);
            Bytes -= _ranges[passed].Right - _ranges[passed].Left;
            passed++;
        }

        if (passed > 0)
        {
            RemoveAt(0, passed);
        }

        return rcvNxt;
    }

    /// <summary>RFC 2018 4: the block with the segment that arrived last comes first, then the others, most recent first.</summary>
    /// <param name="room">How many blocks fit into the segment.</param>
    public SackBlocks Report(int room)
    {
        SackBlocks blocks = default;
        for (int i = 0; i < _recentCount && blocks.Count < room; i++)
        {
            int at = FirstReaching(_recent[i]);
            if (at < Count && _ranges[at].Left <= _recent[i])
            {
                blocks.Add(_ranges[at]);
            }
        }

        for (int i = 0; i < Count && blocks.Count < room; i++)
        {
            if (!Contains(blocks, _ranges[i]))
            {
                blocks.Add(_ranges[i]);
            }
        }

        return blocks;
    }

    /// <returns>How many ranges were copied, in ascending order.</returns>
    public int CopyTo(Span<SackBlock> destination)
    {
        int count = Math.Min(Count, destination.Length);
        _ranges.AsSpan(0, count).CopyTo(destination);
        return count;
    }

    public void Clear()
    {
        if (Count == 0)
        {
            return;
        }

        Count = 0;
        Bytes = 0;
        _recentCount = 0;
    }

    private static bool Contains(in SackBlocks blocks, SackBlock block)
    {
        for (int i = 0; i < blocks.Count; i++)
        {
            if (blocks[i] == block)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The first range whose right edge is at or after <paramref name="seq"/>.</summary>
    private int FirstReaching(SeqNum seq)
    {
        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_ranges[middle].Right < seq)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private void InsertAt(int index, SackBlock range)
    {
        if (Count == _ranges.Length)
        {
            Array.Resize(ref _ranges, Math.Min(Capacity, Math.Max(8, Count * 2)));
        }

        Array.Copy(_ranges, index, _ranges, index + 1, Count - index);
        _ranges[index] = range;
        Count++;
    }

    private void RemoveAt(int index, int count)
    {
        Array.Copy(_ranges, index + count, _ranges, index, Count - index - count);
        Count -= count;
    }

    private void Touch(SeqNum within, SackBlock range)
    {
        int kept = 0;
        Span<SeqNum> others = stackalloc SeqNum[Reported];
        for (int i = 0; i < _recentCount; i++)
        {
            bool isSameRange = _recent[i] >= range.Left && _recent[i] < range.Right;
            int at = FirstReaching(_recent[i]);
            if (!isSameRange && at < Count && _ranges[at].Left <= _recent[i] && kept < Reported - 1)
            {
                others[kept++] = _recent[i];
            }
        }

        _recent[0] = within;
        others[..kept].CopyTo(_recent.AsSpan(1));
        _recentCount = kept + 1;
    }
}
