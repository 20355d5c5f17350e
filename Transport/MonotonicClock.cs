using TcpActors.Engine.State;

namespace TcpActors.Transport;

/// <summary>
/// The time in microseconds of a <see cref="TimeProvider"/>'s monotonic timestamp: with <see cref="TimeProvider.System"/> on Linux that of
/// CLOCK_MONOTONIC, which is also the origin of the kernel's own TCP timestamps.
/// </summary>
public sealed class MonotonicClock(TimeProvider provider)
{
    private readonly long _frequency = provider.TimestampFrequency;

    public static MonotonicClock System { get; } = new(TimeProvider.System);

    public Microseconds Now
    {
        get
        {
            long timestamp = provider.GetTimestamp();
            return new Microseconds(_frequency == 1_000_000_000
                ? timestamp / 1000
                : (long)(timestamp * (1_000_000.0 / _frequency)));
        }
    }
}
