using System.Buffers.Binary;
using System.Security.Cryptography;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Managed;

/// <summary>
/// Numbers that a blind attacker must not guess, each a keyed hash of the connection's name: the same inputs give the same numbers, so
/// nothing is stored and specs repeat.
/// </summary>
internal sealed class FlowSecrets
{
    private const int MinSecretLength = 16;

    private readonly byte[] _secret;

    /// <exception cref="ArgumentException">When the secret is shorter than 16 bytes.</exception>
    public FlowSecrets(ReadOnlySpan<byte> secret) => _secret = secret.Length >= MinSecretLength
        ? secret.ToArray()
        : throw new ArgumentException($"The secret must have at least {MinSecretLength} bytes, not {secret.Length}.", nameof(secret));

    /// <summary>RFC 6528 3: ISN = M + F(local address, local port, remote address, remote port, secret); M ticks every 4 µs.</summary>
    public SeqNum InitialSequence(in FlowKey flow, Microseconds now) => new((uint)(now.Value / 4) + Hash(in flow, 0));

    /// <summary>Where the connection's timestamp clock starts (RFC 7323 5.4).</summary>
    public uint TimestampOffset(in FlowKey flow) => Hash(in flow, 1);

    /// <summary>Where the search for a local port begins (RFC 6056 3.3.3); the flow's local port is 0.</summary>
    public uint PortOffset(in FlowKey flow) => Hash(in flow, 2);

    private uint Hash(in FlowKey flow, int word)
    {
        Span<byte> name = stackalloc byte[36];
        flow.LocalAddress.CopyTo(name);
        flow.RemoteAddress.CopyTo(name[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(name[32..], flow.LocalPort);
        BinaryPrimitives.WriteUInt16BigEndian(name[34..], flow.RemotePort);
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_secret, name, hash);
        return BinaryPrimitives.ReadUInt32BigEndian(hash[(4 * word)..]);
    }
}
