using System.Buffers.Binary;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// All randomness of a simulation: xoshiro256** seeded through SplitMix64, in integers alone, so that a seed gives the same numbers on
/// every machine and runtime. Each link, direction, fault and application has dice of its own (<see cref="Fork"/>), which depend on the
/// seed and the name and not on what was drawn before: one more draw in one place changes no other.
/// </summary>
internal sealed class Dice
{
    private ulong _s0, _s1, _s2, _s3;

    public Dice(ulong seed)
    {
        Seed = seed;
        ulong state = seed;
        _s0 = SplitMix(ref state);
        _s1 = SplitMix(ref state);
        _s2 = SplitMix(ref state);
        _s3 = SplitMix(ref state);
    }

    public ulong Seed { get; }

    /// <summary>Other dice, named for their use.</summary>
    public Dice Fork(string name)
    {
        // FNV-1a; string.GetHashCode differs from one process to the next.
        ulong hash = 0xcbf29ce484222325;
        foreach (char c in name)
        {
            hash = (hash ^ c) * 0x100000001b3;
        }

        ulong state = Seed ^ hash;
        return new Dice(SplitMix(ref state));
    }

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        ulong result = ulong.RotateLeft(_s1 * 5, 7) * 9;
        ulong t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = ulong.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>0 to <paramref name="end"/> - 1, evenly but for a bias of less than 2^-32.</summary>
    /// <exception cref="ArgumentOutOfRangeException">When <paramref name="end"/> is not positive.</exception>
    public long Below(long end)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(end);
        return (long)Math.BigMul(Next(), (ulong)end, out _);
    }

    /// <summary><paramref name="first"/> to <paramref name="last"/>, both included.</summary>
    public int Between(int first, int last) => (int)(first + Below((long)last - first + 1));

    /// <summary>True with this probability; draws nothing when it is 0 or less.</summary>
    public bool Chance(double probability) => probability > 0 && (Next() >> 11) * (1.0 / (1UL << 53)) < probability;

    public void Fill(Span<byte> bytes)
    {
        Span<byte> last = stackalloc byte[8];
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, Next());
        }

        BinaryPrimitives.WriteUInt64LittleEndian(last, Next());
        last[..bytes.Length].CopyTo(bytes);
    }

    private static ulong SplitMix(ref ulong state)
    {
        ulong z = state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
