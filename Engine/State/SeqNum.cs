using System.Runtime.CompilerServices;

namespace TcpActors.Engine.State;

/// <summary>
/// A TCP sequence number: 32 bits, compared modulo 2^32 (RFC 9293 3.4). <c>a &lt; b</c> holds when b is ahead of a by less than 2^31.
/// </summary>
public readonly record struct SeqNum(uint Value)
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SeqNum operator +(SeqNum seq, int count) => new(seq.Value + (uint)count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SeqNum operator +(SeqNum seq, uint count) => new(seq.Value + count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SeqNum operator -(SeqNum seq, int count) => new(seq.Value - (uint)count);

    /// <summary>The signed distance from <paramref name="right"/> to <paramref name="left"/>, within -2^31 to 2^31 - 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int operator -(SeqNum left, SeqNum right) => (int)(left.Value - right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool operator <(SeqNum left, SeqNum right) => (int)(left.Value - right.Value) < 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool operator >(SeqNum left, SeqNum right) => (int)(left.Value - right.Value) > 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool operator <=(SeqNum left, SeqNum right) => (int)(left.Value - right.Value) <= 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool operator >=(SeqNum left, SeqNum right) => (int)(left.Value - right.Value) >= 0;

    public static SeqNum Max(SeqNum left, SeqNum right) => left >= right ? left : right;

    public static SeqNum Min(SeqNum left, SeqNum right) => left <= right ? left : right;

    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
