using System.Buffers;

namespace TcpActors.Bench.Serving;

/// <summary>
/// The bytes of every bulk stream: noise that repeats after a prime number of bytes, so that a block lost, doubled or moved shows whatever
/// its size. Both ends know it, and any slice of it can be sent without being made.
/// </summary>
internal static class Content
{
    /// <summary>What is sent at once.</summary>
    public const int BlockLength = 256 << 10;

    private const int Period = 65_521;

    private static readonly byte[] s_bytes = Make();

    /// <summary>The block that stands at a place of the stream.</summary>
    public static ReadOnlyMemory<byte> At(long position) => s_bytes.AsMemory((int)(position % Period), BlockLength);

    /// <exception cref="BenchException">They are not what stands at that place of the stream.</exception>
    public static void Check(long position, ReadOnlySpan<byte> bytes)
    {
        for (int done = 0; done < bytes.Length;)
        {
            int count = Math.Min(BlockLength, bytes.Length - done);
            ReadOnlySpan<byte> expected = At(position + done).Span[..count];
            int same = bytes.Slice(done, count).CommonPrefixLength(expected);
            if (same < count)
            {
                throw new BenchException($"Byte {position + done + same} of the stream is not the one that was sent.");
            }

            done += count;
        }
    }

    /// <inheritdoc cref="Check(long, ReadOnlySpan{byte})"/>
    public static void Check(long position, in ReadOnlySequence<byte> bytes)
    {
        foreach (ReadOnlyMemory<byte> segment in bytes)
        {
            Check(position, segment.Span);
            position += segment.Length;
        }
    }

    private static byte[] Make()
    {
        byte[] bytes = new byte[Period + BlockLength];
#pragma warning disable CA5394 // Noise that both ends can make, not a secret.
        new Random(9293).NextBytes(bytes.AsSpan(0, Period));
#pragma warning restore CA5394
        for (int i = Period; i < bytes.Length; i++)
        {
            bytes[i] = bytes[i - Period];
        }

        return bytes;
    }
}
