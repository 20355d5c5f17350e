using TcpActors.Engine.Congestion;
using TcpActors.Engine.Receive;
using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Engine.Recovery;

/// <summary>
/// Records, and beside them an array of octets that each know their own fate. Whatever is done is done to both. It begins near the end of the
/// sequence numbers.
/// </summary>
internal sealed class SentRecordsModel
{
    private static readonly SeqNum First = new(uint.MaxValue - 19);

    private readonly SentRecords _records = new();
    private readonly List<Octet> _octets = [];
    private RateVariants _rate = RateVariants.Quiet;
    private Rack _rack = new() { SentAt = Microseconds.Never };
    private long _now = 1000;
    private int _una;
    private int _highest;

    public SentRecordsModel() => _records.Restart(First, First, First, Microseconds.Zero);

    private enum Fate
    {
        InFlight,
        Reported,
        Lost,
    }

    /// <summary>An acknowledgement that nothing is doubtful about: neither timestamps nor a shortest round trip.</summary>
    public AckContext Context => new()
    {
        Now = new Microseconds(_now),
        MinRtt = Microseconds.Zero,
        RecoveryPoint = First,
        GuessedOnceFrom = First,
        Echo = null,
        Tick = new Microseconds(1),
        Offset = 0,
    };

    public void Send(int count, int later)
    {
        _now += later;
        _records.OnSent(_records.End, _records.End + count, new Microseconds(_now), ref _rate);
        for (int i = 0; i < count; i++)
        {
            _octets.Add(new Octet { SentAt = _now });
        }
    }

    public void Acknowledge(int count, (int Left, int Right)[] reported)
    {
        int ack = Math.Min(_octets.Count, _una + count);
        SackBlocks blocks = default;
        foreach ((int left, int right) in reported)
        {
            blocks.Add(new SackBlock(First + (_una + left), First + (_una + right)));
        }

        bool isDuplicate = blocks.Count > 0
            && blocks[0].Left < blocks[0].Right
            && (blocks[0].Right <= First + ack || (blocks[0].Left >= blocks[1].Left && blocks[0].Right <= blocks[1].Right));
        AckResult result = AckResult.Nothing;
        _records.OnAck(First + ack, blocks, Context, ref result);
        Assert.Equal(isDuplicate, result.HasDuplicate);

        // What was taken twice is of no interest to the octets; what lies beyond all of them was never sent.
        uint delivered = 0;
        int highest = _highest;
        bool isReordered = false;
        for (int i = _una; i < ack; i++)
        {
            Deliver(i);
        }

        uint acknowledged = delivered;
        foreach ((int left, int right) in reported.Skip(isDuplicate ? 1 : 0))
        {
            if (left < right && _una + right <= _octets.Count)
            {
                for (int i = Math.Max(ack, _una + left); i < _una + right; i++)
                {
                    Deliver(i);
                    _octets[i].Fate = Fate.Reported;
                }

                _highest = Math.Max(_highest, _una + right);
            }
        }

        void Deliver(int i)
        {
            if (_octets[i].Fate != Fate.Reported)
            {
                delivered++;
                isReordered |= !_octets[i].IsResent && i + 1 < highest;
            }
        }

        Assert.Equal(delivered, result.Delivered);
        Assert.Equal(delivered - acknowledged, result.NewlySacked);
        Assert.Equal(delivered > 0, !result.Newest.SentAt.IsNever);

        // A record may end where what was reported begins.
        Assert.True(isReordered || !result.IsReordered);
        _una = ack;
        _highest = Math.Max(_highest, ack);
        if (delivered > 0)
        {
            _rack.Update(result, new Microseconds(_now));
        }
    }

    public void Detect(int reorderWindow)
    {
        if (_rack.SentAt.IsNever)
        {
            return;
        }

        (uint all, uint again, long longest) = (0, 0, 0);
        for (int i = _una; i < _octets.Count; i++)
        {
            Octet octet = _octets[i];
            if (octet.Fate != Fate.InFlight || !_rack.IsAfter(new Microseconds(octet.SentAt), EndOfRecordAt(First + i)))
            {
                continue;
            }

            long remaining = octet.SentAt + _rack.Rtt.Value + reorderWindow - _now;
            if (remaining > 0)
            {
                longest = Math.Max(longest, remaining);
                continue;
            }

            octet.Fate = Fate.Lost;
            all++;
            again += octet.IsResent ? 1u : 0;
        }

        Microseconds wait = _records.DetectLosses(_rack, new Microseconds(reorderWindow), new Microseconds(_now), out (uint All, uint Retransmitted) lost);
        Assert.Equal((all, again), lost);
        Assert.Equal(longest, wait.IsNever ? 0 : wait.Value);
    }

    public void Resend(int count, int later)
    {
        if (!_records.TryGetLost(out SeqNum start, out SeqNum end))
        {
            return;
        }

        _now += later;
        count = Math.Min(count, end - start);
        _records.OnSent(start, start + count, new Microseconds(_now), ref _rate);
        for (int i = 0; i < count; i++)
        {
            Octet octet = _octets[(start - First) + i];
            (octet.Fate, octet.SentAt, octet.IsResent) = (Fate.InFlight, _now, true);
        }
    }

    public void MarkFirstLost(int length)
    {
        uint marked = _records.MarkFirstLost(length);

        // As much of it as was sent at one time, and at most what is asked for.
        for (int i = _una; i < _una + (int)marked; i++)
        {
            Assert.Equal(Fate.InFlight, _octets[i].Fate);
            _octets[i].Fate = Fate.Lost;
        }

        Assert.True(marked <= length);
        Assert.Equal(_una < _octets.Count && _octets[_una].Fate == Fate.Lost && marked > 0, marked > 0);
    }

    public void MarkOldLost(int age)
    {
        uint marked = _records.MarkLost(new Microseconds(_now - age));
        Assert.Equal(marked, (uint)_octets.Skip(_una).Count(o => o.Fate == Fate.InFlight && o.SentAt <= _now - age));
        foreach (Octet octet in _octets.Skip(_una).Where(o => o.Fate == Fate.InFlight && o.SentAt <= _now - age))
        {
            octet.Fate = Fate.Lost;
        }
    }

    public void Unmark()
    {
        _records.UnmarkLost();
        Relearn(Fate.Lost);
    }

    public void Renege()
    {
        _records.ForgetSacked();
        _highest = _una;
        Relearn(Fate.Reported);
        MarkOldLost(0);
    }

    public void Check()
    {
        Assert.Equal(First + _una, _records.Start);
        Assert.Equal(First + _octets.Count, _records.End);
        Octet[] outstanding = [.. _octets.Skip(_una)];
        Assert.Equal((uint)outstanding.Count(o => o.Fate == Fate.Reported), _records.Sacked);
        Assert.Equal((uint)outstanding.Count(o => o.Fate == Fate.Lost), _records.Lost);
        Assert.Equal((uint)outstanding.Count(o => o.Fate == Fate.InFlight), _records.InFlight);
        Assert.Equal(First + Math.Max(_una, _highest), _records.HighestSacked);
        Assert.Equal(outstanding.Length > 0 && outstanding[0].Fate == Fate.Reported, _records.IsFirstSacked);
        CheckLost(outstanding);
        CheckOrder(outstanding);
    }

    /// <summary>Octets are in flight again. Of those that had been of one fate, and so in one record, only what is known of the first is kept.</summary>
    private void Relearn(Fate fate)
    {
        for (int i = 0; i < _records.Count; i++)
        {
            SentRecord record = _records[i];
            SeqNum end = i + 1 < _records.Count ? _records[i + 1].Start : _records.End;
            foreach (Octet octet in _octets.Skip(record.Start - First).Take(end - record.Start).Where(o => o.Fate == fate))
            {
                (octet.Fate, octet.SentAt, octet.IsResent) = (Fate.InFlight, record.SentAt.Value, record.Is(SentFlags.Retransmitted));
            }
        }
    }

    /// <summary>Of bytes that left at once the last decides: where nothing was reported in between they share a record.</summary>
    private SeqNum EndOfRecordAt(SeqNum seq)
    {
        int i = 0;
        while (i + 1 < _records.Count && _records[i + 1].Start <= seq)
        {
            i++;
        }

        return i + 1 < _records.Count ? _records[i + 1].Start : _records.End;
    }

    private void CheckLost(Octet[] outstanding)
    {
        int first = Array.FindIndex(outstanding, o => o.Fate == Fate.Lost);
        bool isAny = _records.TryGetLost(out SeqNum start, out SeqNum end);
        Assert.Equal(first >= 0, isAny);
        if (isAny)
        {
            Assert.Equal(_records.Start + first, start);
            Assert.Equal(outstanding.Skip(first).TakeWhile(o => o.Fate == Fate.Lost).Count(), end - start);
        }

        int from = outstanding.Length;
        for (int i = outstanding.Length - 1; i >= 0 && outstanding[i].Fate != Fate.InFlight; i--)
        {
            from = outstanding[i].Fate == Fate.Lost ? i : from;
        }

        Assert.Equal(_records.Start + from, _records.ResendFrom);
    }

    private void CheckOrder(Octet[] outstanding)
    {
        for (int i = 0; i < _records.Count; i++)
        {
            SentRecord record = _records[i];
            SeqNum end = i + 1 < _records.Count ? _records[i + 1].Start : _records.End;
            Assert.True(record.Start < end, "Each record ends where the next starts, and none is empty.");
            for (int at = record.Start - _records.Start; at < end - _records.Start; at++)
            {
                Assert.Equal(outstanding[at].Fate == Fate.Reported, record.Is(SentFlags.Sacked));
                Assert.Equal(outstanding[at].Fate == Fate.Lost, record.Is(SentFlags.Lost));
                Assert.True(outstanding[at].Fate != Fate.InFlight || outstanding[at].SentAt == record.SentAt.Value);
            }
        }
    }

    private sealed class Octet
    {
        public Fate Fate { get; set; }

        public long SentAt { get; set; }

        public bool IsResent { get; set; }
    }
}
