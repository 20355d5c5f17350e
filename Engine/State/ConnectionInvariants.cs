using TcpActors.Engine.Wire;

namespace TcpActors.Engine.State;

/// <summary>
/// What never changes during a connection's life; set once, by the host, at set-up. The first of the patent's three sets
/// (connection-invariant variables), with what the handshake negotiated.
/// </summary>
public sealed record ConnectionInvariants
{
    /// <summary>Source and destination address and port.</summary>
    public required FlowKey Flow { get; init; }

    /// <summary>IP time-to-live (hop limit) at set-up.</summary>
    public byte InitialTtl { get; init; } = 64;

    /// <summary>IP type of service (traffic class) at set-up.</summary>
    public byte InitialTos { get; init; }

    /// <summary>ISS (RFC 9293 3.3.1).</summary>
    public required SeqNum InitialSendSequence { get; init; }

    /// <summary>IRS (RFC 9293 3.3.1).</summary>
    public required SeqNum InitialReceiveSequence { get; init; }

    /// <summary>Snd.Wind.Shift (RFC 7323 2.3): how far the window in received segments is shifted left; 0 to 14.</summary>
    public byte SendWindowScale { get; init; }

    /// <summary>Rcv.Wind.Shift (RFC 7323 2.3): how far our window is shifted right before it is sent; 0 to 14.</summary>
    public byte ReceiveWindowScale { get; init; }

    /// <summary>Whether both sides sent SACK-Permitted (RFC 2018 2).</summary>
    public bool SackPermitted { get; init; }

    /// <summary>Snd.TS.OK (RFC 7323 3.2).</summary>
    public bool TimestampsEnabled { get; init; }

    /// <summary>Length of one tick of our timestamp clock: 1000 µs, or 1 µs where the host's stack uses that.</summary>
    public Microseconds TimestampTick { get; init; } = new(1000);

    /// <summary>Whether ECN was negotiated (RFC 3168 6.1.1).</summary>
    public bool EcnNegotiated { get; init; }

    /// <summary>The peer's MSS option, or 536 / 1220 when it sent none (RFC 9293 3.7.1), in bytes without TCP options.</summary>
    public ushort PeerMss { get; init; } = 536;

    /// <summary>
    /// The largest payload of one segment on a path of this MTU, in bytes: min(peer's MSS, MTU less IP and TCP header), less the
    /// timestamps that every segment carries (RFC 9293 3.7.1, RFC 6691).
    /// </summary>
    /// <param name="pathMtu">The largest IP packet, in bytes.</param>
    public int EffectiveMss(int pathMtu) => Math.Min(PeerMss, pathMtu - (Flow.IsIPv4 ? 40 : 60)) - OptionLength;

    /// <summary>Bytes of options in every segment: timestamps, with two NOPs (RFC 7323 appendix A).</summary>
    public int OptionLength => TimestampsEnabled ? 12 : 0;
}
