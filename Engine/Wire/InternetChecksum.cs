using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TcpActors.Engine.Wire;

/// <summary>
/// The Internet checksum (RFC 1071), summed over any number of slices of any length. The sum is kept in the machine's byte order and turned
/// into the network's at the end (RFC 1071 2 (B)).
/// </summary>
public struct InternetChecksum
{
    private ulong _sum;
    private bool _odd;

    /// <summary>The one's complement sum so far: what a header holds whose checksum the link completes.</summary>
    public readonly ushort Sum => ToNetworkValue(Fold(_sum));

    /// <summary>What goes into the checksum field: the complement of the sum.</summary>
    public readonly ushort Value => (ushort)~Sum;

    /// <summary>Whether the bytes summed, their checksum field among them, are intact.</summary>
    public readonly bool IsValid => Fold(_sum) == 0xffff;

    /// <summary>The checksum of one slice.</summary>
    public static ushort Of(ReadOnlySpan<byte> bytes)
    {
        InternetChecksum checksum = default;
        checksum.Add(bytes);
        return checksum.Value;
    }

    /// <summary>Goes on with the next slice; after an odd number of bytes it starts in the middle of a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(ReadOnlySpan<byte> bytes)
    {
        ushort sum = Fold(SumOf(bytes));

        // RFC 1071 2 (B): the sum of swapped words is the swapped sum.
        _sum += _odd ? BinaryPrimitives.ReverseEndianness(sum) : sum;
        _odd ^= (bytes.Length & 1) != 0;
    }

    /// <summary>Adds one 16-bit word given in host order; only at an even position.</summary>
    public void Add(ushort word) => _sum += ToNetworkValue(word);

    /// <summary>Adds the pseudo-header: RFC 9293 3.1 for IPv4, RFC 8200 8.1 for IPv6.</summary>
    /// <param name="source">Source address.</param>
    /// <param name="destination">Final destination address, of the same family.</param>
    /// <param name="protocol">Number of the upper-layer protocol.</param>
    /// <param name="length">Bytes of the upper-layer header and data.</param>
    public void AddPseudoHeader(InternetAddress source, InternetAddress destination, byte protocol, int length)
    {
        Span<byte> bytes = stackalloc byte[32];
        source.CopyTo(bytes);
        destination.CopyTo(bytes[16..]);
        _sum += source.IsIPv4
            ? (ulong)MemoryMarshal.Read<uint>(bytes[12..]) + MemoryMarshal.Read<uint>(bytes[28..])
            : Fold(SumOf(bytes));
        Add(protocol);
        Add((ushort)(length >> 16));
        Add((ushort)length);
    }

    private static ushort ToNetworkValue(ushort native) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(native) : native;

    private static ushort Fold(ulong sum)
    {
        sum = (sum & 0xffff_ffff) + (sum >> 32);
        sum = (sum & 0xffff_ffff) + (sum >> 32);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)sum;
    }

    /// <summary>A sum of 32-bit words in 64 bits, which folds to the sum of 16-bit words; no length of a span can overflow it.</summary>
    private static ulong SumOf(ReadOnlySpan<byte> bytes)
    {
        ulong sum = 0;
        if (Vector.IsHardwareAccelerated && bytes.Length >= 4 * Vector<byte>.Count)
        {
            ReadOnlySpan<Vector<ulong>> vectors = MemoryMarshal.Cast<byte, Vector<ulong>>(bytes);
            var low = new Vector<ulong>(uint.MaxValue);
            Vector<ulong> even = default;
            Vector<ulong> odd = default;
            foreach (Vector<ulong> vector in vectors)
            {
                even += vector & low;
                odd += vector >>> 32;
            }

            // Each lane counts at most 2^32 x the number of vectors: no carry is lost.
            sum = FoldTo32(Vector.Sum(even)) + FoldTo32(Vector.Sum(odd));
            bytes = bytes[(vectors.Length * Vector<byte>.Count)..];
        }

        foreach (uint word in MemoryMarshal.Cast<byte, uint>(bytes))
        {
            sum += word;
        }

        bytes = bytes[(bytes.Length & ~3)..];
        if (bytes.Length >= 2)
        {
            sum += MemoryMarshal.Read<ushort>(bytes);
            bytes = bytes[2..];
        }

        return bytes.IsEmpty ? sum : sum + (BitConverter.IsLittleEndian ? bytes[0] : (ulong)bytes[0] << 8);
    }

    private static ulong FoldTo32(ulong sum) => (sum & 0xffff_ffff) + (sum >> 32);
}
