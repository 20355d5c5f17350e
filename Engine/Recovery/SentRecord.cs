using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <summary>What is remembered about bytes that were sent together; they end where the next record starts.</summary>
internal struct SentRecord
{
    /// <summary>When they were sent last.</summary>
    public Microseconds SentAt;

    /// <summary>C.delivered, C.delivered_time and C.first_send_time when they were sent (draft-ietf-ccwg-bbr 4.1.2.1.2).</summary>
    public long Delivered;

    /// <inheritdoc cref="Delivered"/>
    public Microseconds DeliveredAt;

    /// <inheritdoc cref="Delivered"/>
    public Microseconds FirstSentAt;

    public SeqNum Start;

    /// <summary>C.lost when they were sent, modulo 2^32.</summary>
    public uint Lost;

    /// <summary>Bytes in flight when they were sent, they included.</summary>
    public uint InFlight;

    public SentFlags Flags;

    public readonly bool Is(SentFlags flag) => (Flags & flag) != SentFlags.None;
}

[Flags]
internal enum SentFlags : byte
{
    None = 0,

    /// <summary>The peer has reported them (RFC 2018 3).</summary>
    Sacked = 1,

    /// <summary>Taken for lost, and not sent again since.</summary>
    Lost = 2,

    /// <summary>Sent more than once (Karn: what is acknowledged may be any of them).</summary>
    Retransmitted = 4,

    /// <summary>The application gave too little to send at the time.</summary>
    AppLimited = 8,

    /// <summary>Another owner sent them: when, and how often, is a guess.</summary>
    Guessed = 16,
}
