namespace TcpActors.Bench.Lab;

/// <summary>What the cable between server and load is like, and the kernels at its ends.</summary>
internal sealed record CableOptions
{
    /// <summary>Whether the veth segments, coalesces and leaves checksums out, as it does by itself.</summary>
    public bool Offloads { get; init; } = true;

    /// <summary>
    /// Of the kernels at both ends; Reno, as the engine's, if nothing else is said. On a kernel whose default is BBR its pacing would hold the
    /// kernel back (seen: 24 Gbit/s for 70), and the ratio would flatter.
    /// </summary>
    public string CongestionControl { get; init; } = "reno";

    /// <summary>One TCP segment of so many is lost at random where it arrives at the server; null: none.</summary>
    public uint? LostToServer { get; init; }

    /// <summary>The same where it arrives at the load.</summary>
    public uint? LostToLoad { get; init; }
}
