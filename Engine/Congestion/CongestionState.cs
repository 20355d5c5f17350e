using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>
/// What a congestion control remembers about one connection, in the connection's variables: <see cref="Bytes"/> bytes of any unmanaged struct
/// of its own, and beside them moments of the owner's clock, which a move turns into times remaining and back without knowing the algorithm.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct CongestionState : IEquatable<CongestionState>
{
    /// <summary>The largest struct that fits.</summary>
    public const int Bytes = 27 * sizeof(uint);

    /// <summary>How many moments there are.</summary>
    public const int Moments = 5;

    private MomentArray _moments;
    private uint _owner;
    private WordArray _words;

    /// <summary>A moment of the owner's clock; Never until it is set.</summary>
    /// <param name="index">0 to <see cref="Moments"/> - 1; the algorithm gives each its meaning.</param>
    /// <exception cref="IndexOutOfRangeException"/>
    [UnscopedRef]
    public ref Microseconds Moment(int index) => ref _moments[index];

    /// <summary>The algorithm's own struct, zero when it starts. It must hold no moments: those are <see cref="Moment"/>s.</summary>
    /// <typeparam name="T">At most <see cref="Bytes"/> bytes.</typeparam>
    /// <exception cref="InvalidOperationException">When it is larger.</exception>
    [UnscopedRef]
    public ref T As<T>()
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() > Bytes)
        {
            throw new InvalidOperationException(
                $"{typeof(T).Name} has {Unsafe.SizeOf<T>()} bytes; the state of a congestion control may have {Bytes}.");
        }

        return ref Unsafe.As<WordArray, T>(ref _words);
    }

    public static bool operator ==(in CongestionState left, in CongestionState right) => left.Equals(right);

    public static bool operator !=(in CongestionState left, in CongestionState right) => !left.Equals(right);

    public readonly bool Equals(CongestionState other) =>
        _owner == other._owner
        && ((ReadOnlySpan<Microseconds>)_moments).SequenceEqual(other._moments)
        && ((ReadOnlySpan<uint>)_words).SequenceEqual(other._words);

    public override readonly bool Equals(object? obj) => obj is CongestionState other && Equals(other);

    public override readonly int GetHashCode() => (int)_owner;

    /// <summary>Makes the state that of an algorithm: cleared unless it is its own already.</summary>
    /// <param name="name">The algorithm's.</param>
    /// <returns>Whether it was cleared: the algorithm is to be started.</returns>
    internal bool Claim(string name)
    {
        uint owner = TagOf(name);
        if (_owner == owner)
        {
            return false;
        }

        this = default;
        _owner = owner;
        foreach (ref Microseconds moment in (Span<Microseconds>)_moments)
        {
            moment = Microseconds.Never;
        }

        return true;
    }

    internal void Shift(Microseconds by)
    {
        if (_owner == 0)
        {
            return;
        }

        foreach (ref Microseconds moment in (Span<Microseconds>)_moments)
        {
            moment = moment.ShiftedBy(by);
        }
    }

    /// <summary>FNV-1a: the same in every process, as the variables may travel from one to another. Never 0.</summary>
    private static uint TagOf(string name)
    {
        uint hash = 2166136261;
        foreach (char letter in name)
        {
            hash = (hash ^ letter) * 16777619;
        }

        return hash == 0 ? 1 : hash;
    }

    [InlineArray(Moments)]
    private struct MomentArray
    {
        private Microseconds _first;
    }

    [InlineArray(Bytes / sizeof(uint))]
    private struct WordArray
    {
        private uint _first;
    }
}
