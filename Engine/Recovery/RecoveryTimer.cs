namespace TcpActors.Engine.Recovery;

/// <summary>What <see cref="State.SegmentVariants.RecoveryAt"/> is the deadline of.</summary>
public enum RecoveryTimer : byte
{
    None = 0,

    /// <summary>RFC 8985 6.2 step 5: what was overtaken is then lost.</summary>
    Reorder = 1,

    /// <summary>RFC 8985 7.2: PTO, the tail loss probe.</summary>
    Probe = 2,
}
