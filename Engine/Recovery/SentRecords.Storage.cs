using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <content>The records in their array: ordered by sequence number, each ending where the next one starts.</content>
internal sealed partial class SentRecords
{
    private ref SentRecord At(int index) => ref _records[_first + index];

    private SeqNum EndOf(int index) => index + 1 < _count ? At(index + 1).Start : _end;

    private uint Length(int index) => (uint)(EndOf(index) - At(index).Start);

    /// <summary>The record with the byte at <paramref name="seq"/>; <see cref="Count"/> at <see cref="End"/>.</summary>
    private int IndexAt(SeqNum seq)
    {
        int low = 0;
        int high = _count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (EndOf(middle) <= seq)
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

    /// <returns>The index of the record that now starts at <paramref name="seq"/>; <see cref="Count"/> at <see cref="End"/>.</returns>
    private int SplitAt(SeqNum seq)
    {
        int index = IndexAt(seq);
        if (index == _count || At(index).Start == seq)
        {
            return index;
        }

        SentRecord second = At(index);
        second.Start = seq;
        Reserve();
        Array.Copy(_records, _first + index + 1, _records, _first + index + 2, _count - index - 1);
        _count++;
        At(index + 1) = second;
        return index + 1;
    }

    private ref SentRecord Append(SeqNum start)
    {
        Reserve();
        ref SentRecord record = ref At(_count++);
        record = default;
        record.Start = start;
        return ref record;
    }

    private void AppendGuess(SeqNum end, SentRecord guess)
    {
        if (end <= _end)
        {
            return;
        }

        guess.Start = _end;
        Append(_end) = guess;
        if (guess.Is(SentFlags.Lost))
        {
            Lost += (uint)(end - _end);
        }

        _end = end;
    }

    /// <summary>Room for one more behind the last.</summary>
    private void Reserve()
    {
        if (_first + _count < _records.Length)
        {
            return;
        }

        // Half as many places in front as are taken: moving them down is paid for by having used them up.
        if (_first > 0 && _first >= _count / 2)
        {
            Array.Copy(_records, _first, _records, 0, _count);
        }
        else
        {
            var larger = new SentRecord[Math.Max(8, _records.Length * 2)];
            Array.Copy(_records, _first, larger, 0, _count);
            _records = larger;
        }

        _first = 0;
    }

    private void RemoveAt(int index, int count)
    {
        if (count > 0)
        {
            Array.Copy(_records, _first + index + count, _records, _first + index, _count - index - count);
            _count -= count;
        }
    }

    /// <summary>
    /// Makes one record of neighbours of which nothing but that they were reported, or are lost, is of interest any more; in one pass, as all of
    /// thousands may be found lost at once.
    /// </summary>
    /// <param name="first">The first that may have changed.</param>
    /// <param name="last">The last that may have.</param>
    private void Merge(int first, int last)
    {
        int kept = Math.Max(0, first - 1);
        last = Math.Min(_count - 1, last + 1);
        for (int i = kept + 1; i <= last; i++)
        {
            if (!IsAlike(kept, i))
            {
                At(++kept) = At(i);
            }
        }

        RemoveAt(kept + 1, last - kept);
    }

    private bool IsAlike(int left, int right)
    {
        SentFlags both = At(left).Flags & At(right).Flags;
        SentFlags either = At(left).Flags ^ At(right).Flags;
        return both.HasFlag(SentFlags.Sacked) || (both.HasFlag(SentFlags.Lost) && !either.HasFlag(SentFlags.Retransmitted));
    }
}
