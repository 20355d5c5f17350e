namespace TcpActors.Specs.Kernel;

/// <summary>
/// Bytes to send, at the speed of memory: each block is cut out of random bytes at another place, so no two that follow each other have the
/// same byte at the same place but by chance.
/// </summary>
/// <param name="seed">Of the random bytes.</param>
/// <param name="size">Of a block.</param>
internal sealed class TrafficBlocks(int seed, int size)
{
    private const int Step = 4099;
    private readonly byte[] _bytes = Random(seed, size + Math.Max(size, 1 << 20));
    private int _from;

    /// <returns>The next block; it stays as it is.</returns>
    public ReadOnlyMemory<byte> Next()
    {
        _from = (_from + Step) % (_bytes.Length - size);
        return _bytes.AsMemory(_from, size);
    }

    private static byte[] Random(int seed, int count)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
