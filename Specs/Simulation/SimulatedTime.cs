using TcpActors.Engine.State;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// A world's virtual time as a <see cref="TimeProvider"/>, for whatever takes one: <c>MonotonicClock</c>, a capturing link, a host. Its
/// timers are events of the world; their callbacks run on the simulation's thread.
/// </summary>
internal sealed class SimulatedTime(World world) : TimeProvider
{
    // So that dates in captures are alike from run to run.
    private static readonly DateTimeOffset Beginning = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => 1_000_000;

    public override long GetTimestamp() => world.Now.Value;

    public override DateTimeOffset GetUtcNow() => Beginning + world.Now.ToTimeSpan();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        SimulatedTimer timer = new(world, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class SimulatedTimer(World world, TimerCallback callback, object? state) : ITimer
    {
        // An event cannot be taken back: one of an older setting does nothing.
        private int _setting;
        private TimeSpan _period;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _setting++;
            _period = period;
            Arm(dueTime);
            return true;
        }

        public void Dispose() => _setting++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Arm(TimeSpan dueTime)
        {
            if (dueTime < TimeSpan.Zero)
            {
                return;
            }

            int setting = _setting;
            world.After(new Microseconds((long)Math.Ceiling(dueTime.TotalMicroseconds)), () => Fire(setting));
        }

        private void Fire(int setting)
        {
            if (setting != _setting)
            {
                return;
            }

            callback(state);
            if (setting == _setting && _period > TimeSpan.Zero)
            {
                Arm(_period);
            }
        }
    }
}
