namespace TcpActors.Engine.State;

/// <summary>
/// A time or a span of time in microseconds. As a time it counts from the owner's monotonic clock's origin and means nothing to another
/// machine: a move turns deadlines into spans (<see cref="SegmentVariants.ToTimesRemaining"/>).
/// </summary>
public readonly record struct Microseconds(long Value) : IComparable<Microseconds>
{
    /// <summary>A deadline that is never reached: the timer is off.</summary>
    public static Microseconds Never => new(long.MaxValue);

    public static Microseconds Zero => default;

    public bool IsNever => Value == long.MaxValue;

    public static Microseconds FromMilliseconds(long milliseconds) => new(milliseconds * 1000);

    public static Microseconds FromSeconds(double seconds) => new((long)(seconds * 1_000_000));

    public static Microseconds operator +(Microseconds left, Microseconds right) => new(left.Value + right.Value);

    public static Microseconds operator -(Microseconds left, Microseconds right) => new(left.Value - right.Value);

    public static Microseconds operator *(Microseconds left, int factor) => new(left.Value * factor);

    public static Microseconds operator /(Microseconds left, int divisor) => new(left.Value / divisor);

    public static bool operator <(Microseconds left, Microseconds right) => left.Value < right.Value;

    public static bool operator >(Microseconds left, Microseconds right) => left.Value > right.Value;

    public static bool operator <=(Microseconds left, Microseconds right) => left.Value <= right.Value;

    public static bool operator >=(Microseconds left, Microseconds right) => left.Value >= right.Value;

    public static Microseconds Min(Microseconds left, Microseconds right) => left.Value <= right.Value ? left : right;

    public static Microseconds Max(Microseconds left, Microseconds right) => left.Value >= right.Value ? left : right;

    /// <summary>A moment moved to another clock; Never stays Never.</summary>
    public Microseconds ShiftedBy(Microseconds by) => IsNever ? this : this + by;

    public int CompareTo(Microseconds other) => Value.CompareTo(other.Value);

    public TimeSpan ToTimeSpan() => TimeSpan.FromMicroseconds(Value);

    public override string ToString() => IsNever ? "never" : $"{Value} µs";
}
