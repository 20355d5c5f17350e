using TcpActors.Engine.State;

namespace TcpActors.Engine.Receive;

/// <summary>
/// Which bytes beyond RCV_NXT have arrived. The bytes themselves are at their places in the receive buffer; this is the index, a cache that
/// a move or a crash drops (the peer retransmits, as RFC 2018 8 allows). Bounded: when it is full the range furthest from RCV_NXT is given
/// up for a nearer one, which RFC 2018 8 allows as well. Owned by the engine.
/// </summary>
internal sealed class Reassembly
{
    /// <summary>Nothing has arrived beyond RCV_NXT. Shared by all who are in order; nothing may be added to it.</summary>
    public static readonly Reassembly None = new(capacity: 0);

    private const int Reported = 4;

    // A range for each KiB of the buffer: enough when every second segment is lost, and segments have the 536 bytes that everybody can take
    // (RFC 9293 3.7.1). The index is then less than a hundredth of the buffer.
    private const int BytesPerRange = 1024;

    private const int LeastCapacity = 64;

    // Ranges are moved aside in memory for a new one, which must not cost more than a segment does: 128 KiB, some microseconds at the worst.
    private const int MostCapacity = 16 * 1024;

    private readonly int _capacity;

    // Sorted, disjoint, not adjacent.
    private SackBlock[] _ranges = [];

    // RFC 2018 4: a sequence number within each of the ranges that changed last, the most recent first.
    private readonly SeqNum[] _recent = new SeqNum[Reported];
    private int _recentCount;

    /// <param name="capacity">The most ranges that are remembered; 8 bytes each, taken as they are needed.</param>
    public Reassembly(int capacity) => _capacity = capacity;

    public int Count { get; private set; }

    /// <summary>Bytes in all ranges.</summary>
    public int Bytes { get; private set; }

    /// <summary>After the last byte held. There must be one.</summary>
    public SeqNum End => _ranges[Count - 1].Right;

    /// <summary>How many ranges a receive buffer is worth.</summary>
    /// <param name="limit">Bytes that may wait in it.</param>
    public static int CapacityFor(int limit) => Math.Clamp(limit / BytesPerRange, LeastCapacity, MostCapacity);

    /// <summary>
    /// Whether a range that begins here would be taken: there is room, or it touches the furthest or lies nearer to RCV_NXT than that.
    /// </summary>
    public bool CanAdd(SeqNum left) => Count < _capacity || (Count > 0 && left <= End);

    /// <summary>Adds a range that <see cref="CanAdd"/> takes. It must lie beyond RCV_NXT.</summary>
    /// <returns>Whether the furthest range was given up for it.</returns>
    public bool Add(SeqNum left, SeqNum right)
    {
        bool isOneGivenUp = false;
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
            if (Count == _capacity)
            {
                isOneGivenUp = true;
                Count--;
                Bytes -= _ranges[Count].Right - _ranges[Count].Left;
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
        return isOneGivenUp;
    }

    /// <summary>The first bytes within a range that have arrived already.</summary>
    /// <param name="left">Where the range begins.</param>
    /// <param name="right">Where it ends.</param>
    /// <param name="known">One sequence of bytes without a hole.</param>
    /// <returns>False when there are none.</returns>
    public bool TryFindKnown(SeqNum left, SeqNum right, out SackBlock known)
    {
        known = default;
        int first = FirstReaching(left + 1);
        if (first == Count || _ranges[first].Left >= right)
        {
            return false;
        }

        known = new(SeqNum.Max(left, _ranges[first].Left), SeqNum.Min(right, _ranges[first].Right));
        return true;
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
            Array.Resize(ref _ranges, Math.Min(_capacity, Math.Max(8, Count * 2)));
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
