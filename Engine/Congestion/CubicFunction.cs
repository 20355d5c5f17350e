using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>
/// The curve of RFC 9438 4.2. Integers for the cube root and no more than the four operations of double precision for the rest, so that two
/// machines agree to the bit.
/// </summary>
internal static class CubicFunction
{
    /// <summary>C of RFC 9438 4.1.1 in segments per cubic second: 5.1 says 0.4.</summary>
    private const double C = 0.4;

    /// <summary>1 / C in cubic microseconds per segment.</summary>
    private const ulong InverseOfC = 2_500_000_000_000_000_000;

    /// <summary>Later than that, no window is left that could grow.</summary>
    private const long Furthest = 1_000_000_000;

    /// <summary>K, figure 2: how long the curve takes back to W_max.</summary>
    /// <param name="below">How far the window is below W_max, in bytes.</param>
    /// <param name="mss">SMSS in bytes.</param>
    public static Microseconds K(uint below, int mss) => new((long)CubeRoot((UInt128)below * InverseOfC / (uint)mss));

    /// <summary>W_cubic(t), figure 1.</summary>
    /// <param name="sinceK">t - K; negative: in the concave part.</param>
    /// <param name="plateau">W_max in bytes.</param>
    /// <param name="mss">SMSS in bytes.</param>
    /// <returns>Bytes, with their fraction: on a path of 50 µs the curve moves by less than a byte in a round trip.</returns>
    public static double Window(Microseconds sinceK, uint plateau, int mss)
    {
        double seconds = Math.Clamp(sinceK.Value, -Furthest, Furthest) / 1_000_000.0;
        return Math.Max(0.0, plateau + (C * mss * seconds * seconds * seconds));
    }

    /// <summary>The largest integer whose cube is not above <paramref name="value"/>, for values below 2^126.</summary>
    public static ulong CubeRoot(UInt128 value)
    {
        ulong root = 0;
        for (int bit = 41; bit >= 0; bit--)
        {
            ulong candidate = root | (1UL << bit);
            if ((UInt128)candidate * candidate * candidate <= value)
            {
                root = candidate;
            }
        }

        return root;
    }
}
