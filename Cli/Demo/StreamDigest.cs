using System.Security.Cryptography;

namespace TcpActors.Cli.Demo;

/// <summary>One direction of a connection as one end saw it.</summary>
/// <param name="Bytes">Length of the stream.</param>
/// <param name="Sha256">Its SHA-256, in hexadecimal.</param>
internal sealed record StreamDigest(long Bytes, string Sha256);

/// <summary>Both directions as one end saw them.</summary>
internal sealed record EndDigest(StreamDigest Sent, StreamDigest Received);

/// <summary>Counts and digests a stream while it passes.</summary>
internal sealed class DigestMeter : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public Milepost Position { get; } = new();

    public void Add(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        Position.MoveTo(Position.Value + bytes.Length);
    }

    public StreamDigest Finish() => new(Position.Value, Convert.ToHexStringLower(_hash.GetHashAndReset()));

    public void Dispose() => _hash.Dispose();
}
