using TcpActors.Engine.State;

namespace TcpActors.HostSide.Policy;

/// <summary>What the <see cref="OffloadBook"/> remembers of a connection; of one that never was anywhere but in the stack there is none.</summary>
internal sealed class Standing
{
    /// <summary>Where it is, or is going.</summary>
    public bool IsOffloaded { get; set; }

    /// <summary>Whether a move has been asked for of which nothing has been heard yet.</summary>
    public bool IsUnderWay { get; set; }

    /// <summary>The TOE of which it takes a place, from the moment it is to go there until it is back; null: none, or it is not known yet which.</summary>
    public ToePlaces? Places { get; set; }

    /// <summary>When it was last moved, or was to be moved and was not.</summary>
    public Microseconds MovedAt { get; set; }

    /// <summary>Whether <see cref="Before"/> is what the next sample will say.</summary>
    public bool IsNew { get; set; }

    /// <summary>What it had done by then.</summary>
    public Work Before { get; set; }

    /// <summary>Offloads that were refused since the last one that was not: each doubles the time until the next.</summary>
    public byte Refusals { get; set; }

    /// <summary>As of its last sample.</summary>
    public Rank Rank { get; set; }
}

/// <summary>Who comes first where not all can be had: by priority, then by worth.</summary>
/// <param name="Priority">The application's.</param>
/// <param name="Worth">The policy's, see <see cref="Decision.Worth"/>.</param>
internal readonly record struct Rank(short Priority, float Worth) : IComparable<Rank>
{
    public static bool operator <(Rank left, Rank right) => left.CompareTo(right) < 0;

    public static bool operator >(Rank left, Rank right) => left.CompareTo(right) > 0;

    public static bool operator <=(Rank left, Rank right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Rank left, Rank right) => left.CompareTo(right) >= 0;

    public int CompareTo(Rank other) => Priority != other.Priority ? Priority.CompareTo(other.Priority) : Worth.CompareTo(other.Worth);
}
