using System.Runtime.InteropServices;

namespace TcpActors.Cli.Demo;

/// <summary>A reproducible stream of bytes that does not compress and does not repeat (SplitMix64: Steele, Lea, Flood, 2014).</summary>
internal sealed class RandomBytes(ulong seed)
{
    /// <summary>Streams are taken in units of this many bytes.</summary>
    public const int Unit = sizeof(ulong);

    private ulong _state = seed;

    /// <param name="destination">Its length is a multiple of <see cref="Unit"/>.</param>
    public void Fill(Span<byte> destination)
    {
        foreach (ref var word in MemoryMarshal.Cast<byte, ulong>(destination))
        {
            _state += 0x9E3779B97F4A7C15;
            var mixed = (_state ^ (_state >> 30)) * 0xBF58476D1CE4E5B9;
            mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
            word = mixed ^ (mixed >> 31);
        }
    }
}
