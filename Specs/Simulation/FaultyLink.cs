using TcpActors.Engine.State;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// Any other link, with faults: what it sends may be lost, held back, sent twice, changed or cut short. What it receives is left alone: the
/// link at the other end is for that. Each kind of fault has dice of its own, so that more of one leaves the others where they are.
/// </summary>
internal sealed class FaultyLink : LinkWithin
{
    private const int EthernetHeader = 14;

    private readonly World _world;
    private readonly FrameStore _store = new();
    private readonly Dice _loss, _burst, _reordering, _duplication, _corruption, _mending, _truncation;
    private FaultCounters _befallen;
    private Microseconds _lastFrameAt;
    private bool _isBad;

    /// <param name="inner">The link that does the work; disposed with this one.</param>
    /// <param name="world">Whose time and dice it uses.</param>
    /// <param name="faults">Can be changed at any time.</param>
    public FaultyLink(ILink inner, World world, Faults? faults = null)
        : base(inner)
    {
        _world = world;
        Faults = faults ?? Faults.None;
        Dice dice = world.Dice.Fork($"{inner.Name} faults");
        (_loss, _burst, _reordering) = (dice.Fork("loss"), dice.Fork("burst"), dice.Fork("reordering"));
        (_duplication, _corruption) = (dice.Fork("duplication"), dice.Fork("corruption"));
        (_mending, _truncation) = (dice.Fork("mending"), dice.Fork("truncation"));
    }

    public Faults Faults { get; set; }

    /// <summary>What has befallen frames so far.</summary>
    public ref readonly FaultCounters Befallen => ref _befallen;

    /// <summary>Somebody on the path who may do anything with a frame (<see cref="FrameCopy.Change"/>); null: nobody.</summary>
    public Func<Span<byte>, int, int>? OnPath { get; set; }

    /// <summary>How many more times it throws.</summary>
    public int Throws { get; set; }

    /// <inheritdoc/>
    /// <remarks>What it loses counts as taken: a network does not tell.</remarks>
    public override int Send(ReadOnlySpan<TxFrame> frames)
    {
        if (Throws > 0)
        {
            Throws--;
            throw new InvalidOperationException("the link broke");
        }

        int taken = 0;
        foreach (ref readonly TxFrame frame in frames)
        {
            taken += Send(in frame) ? 1 : 0;
        }

        return taken;
    }

    private bool Send(in TxFrame frame)
    {
        if (IsBlackedOut())
        {
            return Lose(in frame, "blacks out", ref _befallen.BlackedOut);
        }

        if (Faults.Passes > 0 && LongestPacket(in frame) > Faults.Passes)
        {
            return Lose(in frame, "swallows", ref _befallen.Swallowed);
        }

        // Each die is cast whatever the others say.
        bool isLost = _loss.Chance(Faults.Loss);
        bool isLostInBurst = IsLostInBurst();
        bool isLate = _reordering.Chance(Faults.Reordering);
        bool isTwice = _duplication.Chance(Faults.Duplication);
        bool isChanged = _corruption.Chance(Faults.Corruption);
        bool isMended = _mending.Chance(Faults.MendedCorruption);
        bool isCut = _truncation.Chance(Faults.Truncation);
        if (isLost)
        {
            return Lose(in frame, "loses", ref _befallen.Lost);
        }

        if (isLostInBurst)
        {
            return Lose(in frame, "loses in a burst", ref _befallen.LostInBursts);
        }

        if (!(isLate || isTwice || isChanged || isMended || isCut || OnPath is not null))
        {
            return Inner.Send(new ReadOnlySpan<TxFrame>(in frame)) == 1;
        }

        FrameCopy copy = _store.Copy(in frame);
        if (isMended)
        {
            Mend(copy);
        }

        if (isChanged)
        {
            Corrupt(copy);
        }

        if (isCut)
        {
            _befallen.Truncated++;
            copy.Truncate((int)_truncation.Below(copy.Length));
            _world.Trace.Add(Name, "cuts off", copy.Bytes);
        }

        if (OnPath is not null)
        {
            copy.Change(OnPath);
        }

        if (isLate)
        {
            return HoldBack(copy, isTwice);
        }

        bool isTaken = SendOut(copy, isTwice);
        _store.Return(copy);
        return isTaken;
    }

    private bool SendOut(FrameCopy copy, bool isTwice)
    {
        TxFrame changed = copy.ToFrame();
        if (isTwice)
        {
            _befallen.Duplicated++;
            _world.Trace.Add(Name, "sends twice", in changed);
            Inner.Send(new ReadOnlySpan<TxFrame>(in changed));
        }

        return Inner.Send(new ReadOnlySpan<TxFrame>(in changed)) == 1;
    }

    private bool HoldBack(FrameCopy copy, bool isTwice)
    {
        Microseconds delay = new(1 + _reordering.Below(Math.Max(1, Faults.ReorderDelay.Value)));
        _befallen.Reordered++;
        _world.Trace.Add(Name, "holds back", copy.Bytes, delay.Value);
        _world.After(delay, () =>
        {
            SendOut(copy, isTwice);
            _store.Return(copy);
        });
        return true;
    }

    private void Corrupt(FrameCopy copy)
    {
        _befallen.Corrupted++;
        if (copy.ChecksumPartial)
        {
            copy.CompleteChecksum();
        }

        // Not the Ethernet header, whose own checksum no frame here has.
        int first = copy.TransportOffset > 0 ? copy.TransportOffset - 20 : 0;
        copy.Bytes[(int)(first + _corruption.Below(copy.Length - first))] ^= (byte)_corruption.Between(1, 255);
        _world.Trace.Add(Name, "changes", copy.Bytes);
    }

    private void Mend(FrameCopy copy)
    {
        const int ports = 4;
        int first = copy.TransportOffset + ports;
        if (copy.HeaderLength > first)
        {
            _befallen.Mended++;
            copy.Bytes[(int)(first + _mending.Below(copy.HeaderLength - first))] ^= (byte)_mending.Between(1, 255);
            copy.CompleteChecksum();
            _world.Trace.Add(Name, "changes and mends", copy.Bytes);
        }
    }

    private bool Lose(in TxFrame frame, string what, ref long counter)
    {
        counter++;
        _world.Trace.Add(Name, what, in frame);
        return true;
    }

    /// <summary>Of those that a frame, or a super-segment, is on the wire.</summary>
    private static int LongestPacket(in TxFrame frame)
    {
        int payload = frame.Length - frame.HeaderLength;
        return frame.HeaderLength - EthernetHeader + (frame.SegmentSize > 0 ? Math.Min(payload, frame.SegmentSize) : payload);
    }

    private bool IsBlackedOut()
    {
        foreach (Blackout blackout in Faults.Blackouts)
        {
            if (blackout.From <= _world.Now && _world.Now < blackout.Until)
            {
                return true;
            }
        }

        return false;
    }

    private bool IsLostInBurst()
    {
        if (Faults.Burst is not { } burst)
        {
            return false;
        }

        _isBad &= _world.Now - _lastFrameAt <= burst.Memory;
        _lastFrameAt = _world.Now;
        _isBad = _isBad ? !_burst.Chance(burst.ToGood) : _burst.Chance(burst.ToBad);
        return _burst.Chance(_isBad ? burst.LossWhenBad : burst.LossWhenGood);
    }
}
