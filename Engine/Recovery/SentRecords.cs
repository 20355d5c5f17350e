using TcpActors.Engine.Congestion;
using TcpActors.Engine.Receive;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <summary>
/// What was sent from SND_UNA up to SND_MAX: when, how often, and what became of it; the scoreboard of RFC 6675 is part of it. A run of segments
/// is one record, cut where the peer reports a part of it; neighbours that were both reported, or both lost, are one. A cache: after a move or a
/// crash the next owner begins with one record and learns. Its memory is bounded by the flight. Owned by the engine.
/// </summary>
internal sealed partial class SentRecords
{
    /// <summary>
    /// The most records, 384 KiB of them: more come about only when one writes, or the peer reports, a few bytes at a time. What is new then goes into the
    /// last record, and what would have to be cut is not reported (RFC 2018 3: SACK is advice). Only what is sent again may add a few.
    /// </summary>
    public const int Most = 8192;

    private SentRecord[] _records = [];
    private int _first;
    private int _count;
    private SeqNum _end;
    private SeqNum _lostFrom;
    private SeqNum _guessedUntil;

    // Nothing from here on was sent again; what another owner has sent may have been.
    private SeqNum _resentTo;

    /// <summary>How many records there are.</summary>
    public int Count => _count;

    /// <summary>For how many there is memory.</summary>
    public int Capacity => _records.Length;

    /// <summary>In the order of their bytes; each ends where the next one starts.</summary>
    public ref readonly SentRecord this[int index] => ref At(index);

    /// <summary>Where the first one starts: SND_UNA.</summary>
    public SeqNum Start => _count == 0 ? _end : _records[_first].Start;

    /// <summary>Where the last one ends: SND_MAX.</summary>
    public SeqNum End => _end;

    /// <summary>What of all this was sent again: how many bytes, and when the first of them left.</summary>
    public (uint Bytes, Microseconds FirstSentAt) Resent()
    {
        (uint bytes, Microseconds first) = (0, Microseconds.Never);
        for (int i = 0; i < _count; i++)
        {
            if (At(i).Is(SentFlags.Retransmitted))
            {
                bytes += Length(i);
                first = Microseconds.Min(first, At(i).SentAt);
            }
        }

        return (bytes, first);
    }

    /// <summary>Bytes of the first record; 0: there is none.</summary>
    public int FirstLength => _count == 0 ? 0 : (int)Length(0);

    /// <summary>Bytes that the peer has reported.</summary>
    public uint Sacked { get; private set; }

    /// <summary>Bytes taken for lost and not sent again.</summary>
    public uint Lost { get; private set; }

    /// <summary>Bytes in the network as far as one can know: the pipe of RFC 6675 4.</summary>
    public uint InFlight => (uint)(_end - Start) - Sacked - Lost;

    /// <summary>Whether the peer has reported the first byte, which it then ought to have acknowledged.</summary>
    public bool IsFirstSacked => _count > 0 && At(0).Is(SentFlags.Sacked);

    /// <summary>Whether another owner has sent the first byte.</summary>
    public bool IsFirstGuessed => _count > 0 && At(0).Is(SentFlags.Guessed);

    /// <summary>Behind the highest byte reported or acknowledged (RACK.fack); never before <see cref="Start"/>.</summary>
    public SeqNum HighestSacked { get; private set; }

    /// <summary>
    /// Where "send again" begins if it goes on to the end: what follows is lost or reported, and some of it lost. <see cref="End"/> when the last bytes
    /// are in flight or reported.
    /// </summary>
    public SeqNum ResendFrom
    {
        get
        {
            SeqNum from = _end;
            for (int i = _count - 1; Lost > 0 && i >= 0; i--)
            {
                ref SentRecord record = ref At(i);
                if (record.Is(SentFlags.Lost))
                {
                    from = record.Start;
                }
                else if (!record.Is(SentFlags.Sacked))
                {
                    break;
                }
            }

            return from;
        }
    }

    /// <summary>Begins anew: nothing was reported. What lies between the two is taken for one record.</summary>
    /// <param name="start">SND_UNA.</param>
    /// <param name="lostFrom">SND_NXT: what lies behind it is to be sent again.</param>
    /// <param name="end">SND_MAX.</param>
    /// <param name="sentAt">When it was sent; at the latest.</param>
    /// <param name="rate">As it is now. A rate over what follows is none, but that a round trip of BBR's is over has to be seen.</param>
    public void Restart(SeqNum start, SeqNum lostFrom, SeqNum end, Microseconds sentAt, in RateVariants rate = default)
    {
        _first = 0;
        _count = 0;
        Sacked = 0;
        Lost = 0;
        HighestSacked = start;
        _lostFrom = start;
        _resentTo = end;
        _end = start;
        _guessedUntil = end;
        SentRecord guess = new()
        {
            SentAt = sentAt,
            Delivered = rate.Delivered,
            DeliveredAt = Microseconds.Never,
            FirstSentAt = Microseconds.Never,
            Lost = rate.Lost,
            InFlight = (uint)(end - start),
            Flags = SentFlags.Guessed,
        };
        AppendGuess(lostFrom, guess);
        guess.Flags |= SentFlags.Lost;
        AppendGuess(end, guess);
    }

    /// <summary>Says of what lies before <paramref name="end"/> that it was sent again at a time of its own.</summary>
    public void GuessRetransmitted(SeqNum end, Microseconds sentAt)
    {
        int until = SplitAt(SeqNum.Min(end, _end));
        for (int i = 0; i < until; i++)
        {
            ref SentRecord record = ref At(i);
            record.Flags |= SentFlags.Retransmitted;
            record.SentAt = sentAt;
        }
    }

    /// <summary>A run has left.</summary>
    /// <param name="start">Not before <see cref="Start"/>, not after <see cref="End"/>.</param>
    /// <param name="end">After <paramref name="start"/>.</param>
    /// <param name="now">The owner's clock.</param>
    /// <param name="rate">As it is when the run leaves.</param>
    public void OnSent(SeqNum start, SeqNum end, Microseconds now, ref RateVariants rate)
    {
        if (InFlight == 0)
        {
            // draft-ietf-ccwg-bbr 4.1.2.2: a flight begins.
            rate.FirstSentAt = now;
            rate.DeliveredAt = now;
        }

        if (start < _end)
        {
            int i = SplitAt(start);
            int until = SplitAt(SeqNum.Min(end, _end));
            for (int at = i; at < until; at++)
            {
                Lost -= At(at).Is(SentFlags.Lost) ? Length(at) : 0;
                Sacked -= At(at).Is(SentFlags.Sacked) ? Length(at) : 0;
            }

            RemoveAt(i + 1, until - i - 1);
            _resentTo = SeqNum.Max(_resentTo, SeqNum.Min(end, _end));
            At(i).Flags = SentFlags.Retransmitted;
            Stamp(ref At(i), now, rate);
        }

        if (end > _end)
        {
            bool isApart = _count < Most || At(_count - 1).Is(SentFlags.Sacked | SentFlags.Lost);
            ref SentRecord record = ref isApart ? ref Append(_end) : ref At(_count - 1);
            _end = end;
            Stamp(ref record, now, rate);
        }
    }

    /// <summary>Takes an acknowledgement in.</summary>
    /// <param name="ack">SEG.ACK; not before <see cref="Start"/>, not after <see cref="End"/>.</param>
    /// <param name="blocks">As the peer sent them; empty without SACK.</param>
    /// <param name="context">What is needed to judge.</param>
    /// <param name="result">Beginning with <see cref="AckResult.Nothing"/>.</param>
    public void OnAck(SeqNum ack, in SackBlocks blocks, in AckContext context, ref AckResult result)
    {
        if (blocks.Count > 0 && IsDuplicate(blocks, ack))
        {
            result.HasDuplicate = true;
            result.Duplicate = blocks[0];
            result.IsDuplicateOfNetwork = blocks[0].Left >= _resentTo;
            result.IsFirstReport = Sacked == 0 && blocks[0].Left == Start;
        }

        SeqNum highest = HighestSacked;
        Acknowledge(ack, context, ref result);
        for (int i = 0; i < blocks.Count; i++)
        {
            // A duplicate lies below the acknowledgement or within what the second block reports: it reports nothing by itself.
            SackBlock block = blocks[i];
            if (block.Left < block.Right && block.Right <= _end && block.Right > ack)
            {
                Report(SeqNum.Max(block.Left, ack), block.Right, highest, context, ref result);
            }
        }

        HighestSacked = SeqNum.Max(HighestSacked, ack);
        _lostFrom = SeqNum.Max(_lostFrom, ack);

        // Within reach of the comparison while sequence numbers go round.
        _resentTo = SeqNum.Max(_resentTo, ack - (1 << 30));
        result.IsReneging = IsFirstSacked;
    }

    /// <summary>
    /// RFC 2018 5: what the peer has reported counts for nothing. It has arrived once, so that what is acknowledged next may be any transmission of it (Karn).
    /// </summary>
    public void ForgetSacked()
    {
        Sacked = 0;
        HighestSacked = Start;
        for (int i = 0; i < _count; i++)
        {
            ref SentRecord record = ref At(i);
            if (record.Is(SentFlags.Sacked))
            {
                record.Flags = (record.Flags & ~SentFlags.Sacked) | SentFlags.Retransmitted;
            }
        }
    }

    /// <summary>How many bytes the segment has that was sent last, when all of them were cut as they are now.</summary>
    public int LastLength(int segmentSize) => (int)((Length(_count - 1) - 1) % (uint)segmentSize) + 1;

    /// <summary>Gives up the memory of nothing.</summary>
    public void Trim()
    {
        if (_count == 0)
        {
            _records = [];
            _first = 0;
        }
    }

    /// <summary>RFC 2883 5: the first block reports a duplicate when it lies below the acknowledgement or within the second block.</summary>
    private static bool IsDuplicate(in SackBlocks blocks, SeqNum ack)
    {
        SackBlock block = blocks[0];
        return block.Left < block.Right
            && (block.Right <= ack || (blocks.Count > 1 && block.Left >= blocks[1].Left && block.Right <= blocks[1].Right));
    }

    private void Stamp(ref SentRecord record, Microseconds now, in RateVariants rate)
    {
        record.InFlight = InFlight;
        record.SentAt = now;
        record.Delivered = rate.Delivered;
        record.DeliveredAt = rate.DeliveredAt;
        record.FirstSentAt = rate.FirstSentAt;
        record.Lost = rate.Lost;
        if (rate.AppLimitedUntil > 0)
        {
            record.Flags |= SentFlags.AppLimited;
        }
    }

    private void Acknowledge(SeqNum ack, in AckContext context, ref AckResult result)
    {
        SeqNum highest = HighestSacked;
        while (Start < ack)
        {
            ref SentRecord record = ref At(0);
            SeqNum end = EndOf(0);
            SeqNum until = SeqNum.Min(end, ack);
            Deliver(record, record.Start, until, highest, isReported: false, context, ref result);
            if (until == end)
            {
                _first++;
                _count--;
            }
            else
            {
                record.Start = until;
            }
        }
    }

    private void Report(SeqNum left, SeqNum right, SeqNum highest, in AckContext context, ref AckResult result)
    {
        int i = IndexAt(left);
        if ((At(i).Is(SentFlags.Sacked) && EndOf(i) >= right) || _count > Most - 2)
        {
            return;
        }

        i = SplitAt(left);
        int until = SplitAt(right);
        uint delivered = result.Delivered;
        for (int at = i; at < until; at++)
        {
            ref SentRecord record = ref At(at);
            if (!record.Is(SentFlags.Sacked))
            {
                Deliver(record, record.Start, EndOf(at), highest, isReported: true, context, ref result);
                Sacked += Length(at);
                record.Flags |= SentFlags.Sacked;
                record.Flags &= ~SentFlags.Lost;
            }
        }

        result.NewlySacked += result.Delivered - delivered;
        HighestSacked = SeqNum.Max(HighestSacked, right);
        RemoveAt(i + 1, until - i - 1);
        Merge(i, i);
    }

    /// <summary>Counts bytes as delivered, or as no longer reported when they had been.</summary>
    private void Deliver(
        in SentRecord record, SeqNum start, SeqNum end, SeqNum highest, bool isReported, in AckContext context, ref AckResult result)
    {
        uint length = (uint)(end - start);
        if (record.Is(SentFlags.Sacked))
        {
            Sacked -= length;
            return;
        }

        if (record.Is(SentFlags.Lost))
        {
            Lost -= length;
        }

        result.Delivered += length;
        bool isGuessed = record.Is(SentFlags.Guessed);
        bool wasSentOnce = !record.Is(SentFlags.Retransmitted);
        result.Guessed += isGuessed ? length : 0;
        result.IsReordered |= wasSentOnce && !isGuessed && end < highest;
        result.RetransmissionDelivered |= !wasSentOnce;
        result.OriginalDelivered |= wasSentOnce && end <= context.RecoveryPoint && (!isGuessed || end > context.GuessedOnceFrom);
        if (wasSentOnce && !isGuessed)
        {
            result.FirstSentAt = Microseconds.Min(result.FirstSentAt, record.SentAt);
            result.LastSentAt = result.LastSentAt.IsNever ? record.SentAt : Microseconds.Max(result.LastSentAt, record.SentAt);
        }

        if (result.Newest.SentAt.IsNever || Rack.IsAfter(record.SentAt, end, result.Newest.SentAt, result.Newest.Start))
        {
            result.Newest = record;
            result.Newest.Start = end;
            if (isGuessed)
            {
                // With as much in flight all the time, as much had been delivered less as is in flight behind it.
                result.Newest.Delivered = Math.Max(0, record.Delivered - (_guessedUntil - end));
            }
        }

        // When another owner has sent it again is not known: it may have left before what is not reported yet.
        bool isAmbiguous = !wasSentOnce && (isGuessed || context.IsAmbiguous(record.SentAt, isReported));
        if (!isAmbiguous && (result.RackSentAt.IsNever || Rack.IsAfter(record.SentAt, end, result.RackSentAt, result.RackEnd)))
        {
            (result.RackSentAt, result.RackEnd) = (record.SentAt, end);
        }
    }
}
