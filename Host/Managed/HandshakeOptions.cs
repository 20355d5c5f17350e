namespace TcpActors.HostSide.Managed;

/// <summary>What a managed stack offers and accepts in a handshake.</summary>
internal sealed record HandshakeOptions
{
    /// <summary>Maximum segment size (RFC 9293 3.7.1). Without it the peer sends 536 bytes (IPv6: 1220).</summary>
    public bool Mss { get; init; } = true;

    /// <summary>Window scale (RFC 7323 2).</summary>
    public bool WindowScale { get; init; } = true;

    /// <summary>SACK-permitted (RFC 2018 2).</summary>
    public bool Sack { get; init; } = true;

    /// <summary>Timestamps (RFC 7323 3).</summary>
    public bool Timestamps { get; init; } = true;

    /// <summary>Explicit congestion notification (RFC 3168 6.1.1), by two flags and not by an option.</summary>
    public bool Ecn { get; init; } = true;
}
