using TcpActors.Actors.Scheduling;
using TcpActors.Engine.State;
using Xunit;

namespace TcpActors.Specs.Actors;

public sealed class TimerWheelSpecs
{
    private const int Tick = 256;

    [Fact]
    public void A_deadline_fires_at_most_one_tick_late_and_never_early()
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            FireAll(seed);
        }
    }

    [Fact]
    public void A_deadline_that_has_passed_fires_with_the_next_tick()
    {
        var wheel = new TimerWheel(new Microseconds(1_000_000));
        var entry = new Entry();
        wheel.Schedule(entry, new Microseconds(5));

        wheel.Advance(new Microseconds(1_000_000 + (2 * Tick)));

        Assert.Equal(1, entry.Fired);
    }

    [Fact]
    public void A_removed_deadline_does_not_fire()
    {
        var wheel = new TimerWheel(Microseconds.Zero);
        var entry = new Entry();
        wheel.Schedule(entry, new Microseconds(10_000));
        wheel.Schedule(entry, Microseconds.Never);

        Assert.Equal(0, wheel.Advance(new Microseconds(1_000_000)));
        Assert.Equal(Microseconds.Never, wheel.Earliest);
        Assert.Equal(0, wheel.Count);
    }

    [Fact]
    public void Only_a_nearer_deadline_asks_for_a_wake_up()
    {
        var wheel = new TimerWheel(Microseconds.Zero);
        Assert.True(wheel.Schedule(new Entry(), new Microseconds(50_000)));
        Assert.False(wheel.Schedule(new Entry(), new Microseconds(60_000)));
        Assert.True(wheel.Schedule(new Entry(), new Microseconds(40_000)));
    }

    [Fact]
    public void The_thread_that_advances_the_wheel_wakes_nobody_and_another_one_does()
    {
        var wheel = new TimerWheel(Microseconds.Zero);
        wheel.Advance(new Microseconds(1));
        Assert.False(wheel.Schedule(new Entry(), new Microseconds(50_000)));
        bool wakes = false;
        var other = new Thread(() => wakes = wheel.Schedule(new Entry(), new Microseconds(40_000)));
        other.Start();
        other.Join();
        Assert.True(wakes);
    }

    [Fact]
    public void Setting_and_firing_allocates_nothing()
    {
        var wheel = new TimerWheel(Microseconds.Zero);
        Entry[] entries = [.. Enumerable.Range(0, 64).Select(_ => new Entry())];
        long now = 0;
        void Round()
        {
            for (int i = 0; i < entries.Length; i++)
            {
                wheel.Schedule(entries[i], new Microseconds(now + (i * 1000)));
            }

            now += 100_000;
            wheel.Advance(new Microseconds(now));
        }

        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            Round();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void FireAll(int seed)
    {
        var random = new Random(seed);
        long start = random.NextInt64(1L << 40);
        var wheel = new TimerWheel(new Microseconds(start));
        long now = start;
        var clock = new Microseconds[1];
        List<Entry> entries = [];
        for (int step = 0; step < 2000; step++)
        {
            // Spans from below a tick to days ahead.
            long due = now + (random.NextInt64(1L << random.Next(1, 40)));
            Entry entry = step % 3 == 0 && entries.Count > 0 ? entries[random.Next(entries.Count)] : new Entry { Clock = clock };
            if (entry.Fired == 0)
            {
                wheel.Schedule(entry, new Microseconds(due));
                entry.Due = due;
                entries.Add(entry);
            }

            now += random.NextInt64(1L << random.Next(1, 24));
            clock[0] = new Microseconds(now);
            wheel.Advance(clock[0]);
        }

        while (!wheel.Earliest.IsNever)
        {
            long earliest = wheel.Earliest.Value;
            Assert.True(earliest > now - Tick, $"seed {seed}: the wheel promised {earliest} at {now}");
            now = Math.Max(now, earliest);
            clock[0] = new Microseconds(now);
            wheel.Advance(clock[0]);
        }

        foreach (Entry entry in entries)
        {
            Assert.True(entry.Fired == 1, $"seed {seed}: fired {entry.Fired} times");
            Assert.True(entry.FiredAt >= entry.Due, $"seed {seed}: due {entry.Due}, fired {entry.FiredAt}");
        }

        Assert.Equal(0, wheel.Count);
    }

    [Fact]
    public void Stepping_to_the_earliest_deadline_fires_within_a_tick_of_it()
    {
        var random = new Random(7);
        var clock = new Microseconds[1];
        for (int round = 0; round < 300; round++)
        {
            long start = random.NextInt64(1L << 40);
            var wheel = new TimerWheel(new Microseconds(start));
            var entry = new Entry { Clock = clock, Due = start + random.NextInt64(1L << random.Next(1, 39)) };
            wheel.Schedule(entry, new Microseconds(entry.Due));
            while (entry.Fired == 0)
            {
                clock[0] = wheel.Earliest;
                wheel.Advance(clock[0]);
            }

            Assert.InRange(entry.FiredAt, entry.Due, Math.Max(entry.Due, start) + (2 * Tick));
        }
    }

    private sealed class Entry : TimerEntry
    {
        public Microseconds[]? Clock { get; init; }

        public long Due { get; set; }

        public int Fired { get; private set; }

        public long FiredAt { get; private set; }

        protected internal override void Expired()
        {
            Fired++;
            FiredAt = Clock?[0].Value ?? 0;
        }
    }
}
