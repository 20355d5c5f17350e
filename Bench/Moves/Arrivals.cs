using System.Diagnostics;
using System.Runtime.InteropServices;

namespace TcpActors.Bench.Moves;

/// <summary>
/// When bytes arrived, by the machine's monotonic clock, which all processes share. Later arrivals than it has room for are not noted.
/// </summary>
internal sealed class Arrivals
{
    private readonly long[] _at;
    private int _count;

    public Arrivals(int room) => _at = GC.AllocateUninitializedArray<long>(room);

    private Arrivals(long[] at) => (_at, _count) = (at, at.Length);

    public int Count => _count;

    public void Note()
    {
        if (_count < _at.Length)
        {
            _at[_count++] = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>The longest time without an arrival that has something in common with the time from one moment to another; in ticks.</summary>
    public long LongestGap(long from, long to)
    {
        ReadOnlySpan<long> at = _at.AsSpan(0, _count);
        int next = at.BinarySearch(from);
        next = Math.Max(1, next < 0 ? ~next : next + 1);
        long longest = 0;
        for (; next < at.Length && at[next - 1] <= to; next++)
        {
            longest = Math.Max(longest, at[next] - at[next - 1]);
        }

        return longest;
    }

    public void WriteTo(Stream stream) => stream.Write(MemoryMarshal.AsBytes(_at.AsSpan(0, _count)));

    public static Arrivals ReadFrom(Stream stream)
    {
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return new Arrivals([.. MemoryMarshal.Cast<byte, long>(bytes.GetBuffer().AsSpan(0, (int)bytes.Length))]);
    }
}
