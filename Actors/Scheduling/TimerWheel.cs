using System.Numerics;
using System.Runtime.CompilerServices;
using TcpActors.Engine.State;

namespace TcpActors.Actors.Scheduling;

/// <summary>
/// One deadline of one connection. Intrusive: belongs to at most one slot of one wheel. <see cref="Expired"/> is called on the thread that
/// advances the wheel, at or after the deadline; if the deadline has moved on meanwhile, the owner simply sets it again.
/// </summary>
public abstract class TimerEntry
{
    internal TimerEntry? Next { get; set; }

    internal TimerEntry? Previous { get; set; }

    internal int Slot { get; set; } = -1;

    /// <summary>When the wheel will call <see cref="Expired"/>; Never when it is not scheduled.</summary>
    public Microseconds ScheduledFor { get; internal set; } = Microseconds.Never;

    /// <summary>The deadline has come.</summary>
    protected internal abstract void Expired();
}

/// <summary>
/// A hierarchical timing wheel (Varghese and Lauck): four levels of 256 slots, ticks of 256 µs, so a deadline up to 12 days ahead is set,
/// moved and removed in O(1); it fires at most one tick late, never early. Any thread may set a deadline; one thread advances.
/// </summary>
public sealed class TimerWheel
{
    private const int TickBits = 8;
    private const int SlotBits = 8;
    private const int SlotsPerLevel = 1 << SlotBits;
    private const int Levels = 4;

    private readonly Lock _lock = new();
    private readonly TimerEntry?[] _slots = new TimerEntry?[Levels * SlotsPerLevel];
    private readonly ulong[] _occupied = new ulong[Levels * SlotsPerLevel / 64];
    private readonly List<TimerEntry> _expired = [];
    private long _tick;
    private int _advancedBy;

    public TimerWheel(Microseconds now) => _tick = now.Value >> TickBits;

    /// <summary>How many deadlines are set.</summary>
    public int Count { get; private set; }

    /// <summary>Sets or moves a deadline; Never removes it.</summary>
    /// <returns>
    /// Whether the thread that advances the wheel has to be woken: the earliest deadline may have come nearer, and this is another thread.
    /// </returns>
    public bool Schedule(TimerEntry entry, Microseconds due)
    {
        lock (_lock)
        {
            Unlink(entry);
            if (due.IsNever)
            {
                return false;
            }

            Microseconds before = EarliestLocked();
            entry.ScheduledFor = due;
            Link(entry, _tick + 1);
            return due < before && _advancedBy != Environment.CurrentManagedThreadId;
        }
    }

    /// <summary>When <see cref="Advance"/> is next worth calling: no deadline fires before; Never when none is set.</summary>
    public Microseconds Earliest
    {
        get
        {
            lock (_lock)
            {
                return EarliestLocked();
            }
        }
    }

    /// <summary>Calls <see cref="TimerEntry.Expired"/> of every deadline up to <paramref name="now"/>, in the order of ticks.</summary>
    /// <returns>How many fired.</returns>
    public int Advance(Microseconds now)
    {
        long target = now.Value >> TickBits;
        lock (_lock)
        {
            _advancedBy = Environment.CurrentManagedThreadId;
            while (_tick < target)
            {
                if (Count == 0)
                {
                    _tick = target;
                    break;
                }

                long next = NextTickLocked();
                if (next > target)
                {
                    _tick = target;
                    break;
                }

                _tick = next;
                CascadeLocked();
                ExpireLocked(SlotOf(0, _tick));
            }
        }

        int fired = _expired.Count;
        for (int i = 0; i < fired; i++)
        {
            _expired[i].Expired();
        }

        _expired.Clear();
        return fired;
    }

    private static int SlotOf(int level, long tick) =>
        (level * SlotsPerLevel) + (int)((tick >> (level * SlotBits)) & (SlotsPerLevel - 1));

    private Microseconds EarliestLocked() => Count == 0 ? Microseconds.Never : new Microseconds(NextTickLocked() << TickBits);

    /// <summary>The next tick at which something fires or moves down a level.</summary>
    private long NextTickLocked()
    {
        long best = long.MaxValue;
        for (int level = 0; level < Levels; level++)
        {
            int shift = level * SlotBits;
            long current = _tick >> shift;
            int ahead = NextOccupied(level, (int)(current & (SlotsPerLevel - 1)));
            if (ahead > 0)
            {
                best = Math.Min(best, (current + ahead) << shift);
            }
        }

        return best;
    }

    /// <summary>Distance from slot <paramref name="from"/> to the next occupied one of the level: 1 to 256; 0: none.</summary>
    private int NextOccupied(int level, int from)
    {
        int words = SlotsPerLevel / 64;
        int start = (from + 1) & (SlotsPerLevel - 1);
        for (int step = 0; step <= words; step++)
        {
            int word = ((start >> 6) + step) & (words - 1);
            ulong bits = _occupied[(level * words) + word];
            if (step == 0)
            {
                bits &= ulong.MaxValue << (start & 63);
            }
            else if (step == words)
            {
                bits &= ~(ulong.MaxValue << (start & 63));
            }

            if (bits != 0)
            {
                int slot = (word << 6) + BitOperations.TrailingZeroCount(bits);
                return ((slot - start) & (SlotsPerLevel - 1)) + 1;
            }
        }

        return 0;
    }

    /// <summary>Brings down what the new tick's slots of the upper levels hold.</summary>
    private void CascadeLocked()
    {
        for (int level = 1; level < Levels && (_tick & ((1L << (level * SlotBits)) - 1)) == 0; level++)
        {
            int slot = SlotOf(level, _tick);
            TimerEntry? entry = _slots[slot];
            _slots[slot] = null;
            SetOccupied(slot, false);
            while (entry is not null)
            {
                TimerEntry? next = entry.Next;
                (entry.Next, entry.Previous, entry.Slot) = (null, null, -1);
                Count--;

                // What is due in this very tick is expired right after the cascade.
                Link(entry, _tick);
                entry = next;
            }
        }
    }

    private void ExpireLocked(int slot)
    {
        TimerEntry? entry = _slots[slot];
        _slots[slot] = null;
        SetOccupied(slot, false);
        while (entry is not null)
        {
            TimerEntry? next = entry.Next;
            (entry.Next, entry.Previous, entry.Slot) = (null, null, -1);
            entry.ScheduledFor = Microseconds.Never;
            Count--;
            _expired.Add(entry);
            entry = next;
        }
    }

    private void Link(TimerEntry entry, long earliest)
    {
        long due = (entry.ScheduledFor.Value + (1 << TickBits) - 1) >> TickBits;
        due = Math.Max(due, earliest);
        long distance = due - _tick;
        int level = 0;
        while (level < Levels - 1 && distance >= 1L << ((level + 1) * SlotBits))
        {
            level++;
        }

        // Beyond the wheel's reach: park in the farthest slot, from where it cascades and is placed anew.
        long reach = (1L << (Levels * SlotBits)) - (1L << ((Levels - 1) * SlotBits));
        int slot = SlotOf(level, Math.Min(due, _tick + reach));
        entry.Slot = slot;
        entry.Previous = null;
        entry.Next = _slots[slot];
        if (entry.Next is not null)
        {
            entry.Next.Previous = entry;
        }

        _slots[slot] = entry;
        SetOccupied(slot, true);
        Count++;
    }

    private void Unlink(TimerEntry entry)
    {
        if (entry.Slot < 0)
        {
            return;
        }

        if (entry.Previous is null)
        {
            _slots[entry.Slot] = entry.Next;
            SetOccupied(entry.Slot, entry.Next is not null);
        }
        else
        {
            entry.Previous.Next = entry.Next;
        }

        if (entry.Next is not null)
        {
            entry.Next.Previous = entry.Previous;
        }

        (entry.Next, entry.Previous, entry.Slot, entry.ScheduledFor) = (null, null, -1, Microseconds.Never);
        Count--;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SetOccupied(int slot, bool occupied)
    {
        ulong bit = 1UL << (slot & 63);
        if (occupied)
        {
            _occupied[slot >> 6] |= bit;
        }
        else
        {
            _occupied[slot >> 6] &= ~bit;
        }
    }
}
