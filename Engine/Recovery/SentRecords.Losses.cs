using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <content>What is taken for lost, and which of it is sent again next.</content>
internal sealed partial class SentRecords
{
    /// <summary>RFC 8985 6.2 step 5: what was sent long enough before something that was delivered is lost.</summary>
    /// <param name="rack">What was delivered.</param>
    /// <param name="reorderWindow">RACK.reo_wnd.</param>
    /// <param name="now">The owner's clock.</param>
    /// <param name="lost">Bytes found to be lost; of these, those that had been sent again before.</param>
    /// <returns>How long until what is still in doubt is lost too; Never: nothing is.</returns>
    public Microseconds DetectLosses(in Rack rack, Microseconds reorderWindow, Microseconds now, out (uint All, uint Retransmitted) lost)
    {
        lost = default;
        Microseconds wait = Microseconds.Never;
        int i;
        for (i = 0; i < _count; i++)
        {
            ref SentRecord record = ref At(i);
            if (record.Is(SentFlags.Sacked | SentFlags.Lost))
            {
                continue;
            }

            if (!rack.IsAfter(record.SentAt, EndOf(i)))
            {
                if (!record.Is(SentFlags.Retransmitted))
                {
                    // What follows was sent later still.
                    break;
                }

                continue;
            }

            Microseconds remaining = record.SentAt + rack.Rtt + reorderWindow - now;
            if (remaining > Microseconds.Zero)
            {
                wait = wait.IsNever ? remaining : Microseconds.Max(wait, remaining);
                continue;
            }

            lost.All += Length(i);
            lost.Retransmitted += record.Is(SentFlags.Retransmitted) ? Length(i) : 0;
            MarkLost(i);
        }

        if (lost.All > 0)
        {
            Merge(0, i);
        }

        return wait;
    }

    /// <summary>Takes everything that was not reported and was sent at or before <paramref name="sentUntil"/> for lost.</summary>
    /// <returns>How many bytes.</returns>
    public uint MarkLost(Microseconds sentUntil)
    {
        uint before = Lost;
        for (int i = 0; i < _count; i++)
        {
            ref SentRecord record = ref At(i);
            if (!record.Is(SentFlags.Sacked | SentFlags.Lost) && record.SentAt <= sentUntil)
            {
                MarkLost(i);
            }
        }

        Merge(0, _count);
        return Lost - before;
    }

    /// <summary>Takes the first bytes for lost, up to <paramref name="length"/> of them.</summary>
    /// <returns>How many bytes.</returns>
    public uint MarkFirstLost(int length)
    {
        if (_count == 0 || At(0).Is(SentFlags.Sacked | SentFlags.Lost))
        {
            return 0;
        }

        if (Length(0) > (uint)length)
        {
            SplitAt(Start + length);
        }

        uint marked = Length(0);
        MarkLost(0);
        return marked;
    }

    /// <summary>Nothing is lost after all (RFC 4015): what was taken for it is in flight.</summary>
    public void UnmarkLost()
    {
        for (int i = 0; Lost > 0 && i < _count; i++)
        {
            ref SentRecord record = ref At(i);
            if (record.Is(SentFlags.Lost))
            {
                Lost -= Length(i);
                record.Flags &= ~SentFlags.Lost;
            }
        }
    }

    /// <summary>The first bytes that are to be sent again.</summary>
    public bool TryGetLost(out SeqNum start, out SeqNum end)
    {
        (start, end) = (_end, _end);
        if (Lost == 0)
        {
            return false;
        }

        for (int i = IndexAt(_lostFrom); i < _count; i++)
        {
            if (At(i).Is(SentFlags.Lost))
            {
                start = At(i).Start;
                _lostFrom = start;
                while (i + 1 < _count && At(i + 1).Is(SentFlags.Lost))
                {
                    i++;
                }

                end = EndOf(i);
                return true;
            }
        }

        return false;
    }

    private void MarkLost(int index)
    {
        ref SentRecord record = ref At(index);
        _lostFrom = Lost == 0 ? record.Start : SeqNum.Min(_lostFrom, record.Start);
        record.Flags |= SentFlags.Lost;
        Lost += Length(index);
    }
}
