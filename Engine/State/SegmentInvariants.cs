namespace TcpActors.Engine.State;

/// <summary>
/// What does not change from segment to segment but may change during a connection's life: the patent's segment-invariant variables.
/// Only the host writes them: it replaces the record by one with the next <see cref="Version"/>, through a message; the TOE only reads.
/// </summary>
public sealed record SegmentInvariants
{
    /// <summary>
    /// Bytes of payload, as the kernel's own floor of an MSS: with less, a peer could have us send tiny segments without end
    /// (CVE-2019-11479).
    /// </summary>
    public const int SmallestMss = 48;

    /// <summary>The congestion control of a connection for which nobody says anything.</summary>
    public const string DefaultCongestionControl = "cubic";

    /// <summary>Grows by one with each replacement.</summary>
    public uint Version { get; init; }

    /// <summary>The next hop, as of some version of it.</summary>
    public required Neighbor Neighbor { get; init; }

    /// <summary>The path, as of some version of it.</summary>
    public required NetworkPath Path { get; init; }

    /// <summary>
    /// What this connection alone must keep to, where that is less than <see cref="NetworkPath.Mtu"/>; bytes.
    /// </summary>
    public int OwnMtuLimit { get; init; } = int.MaxValue;

    /// <summary>The largest IP packet of this connection, in bytes.</summary>
    public int PathMtu => Math.Min(Path.Mtu, OwnMtuLimit);

    /// <summary>Whether anything may be transmitted at present.</summary>
    public bool IsPathUsable => Path.IsUsable && Neighbor.IsReachable;

    /// <summary>
    /// The largest payload of one segment in bytes, timestamps already taken off: min(peer's MSS, path MTU - IP and TCP header) less
    /// the option bytes of every segment (RFC 9293 3.7.1, RFC 6691).
    /// </summary>
    public required int EffectiveMss { get; init; }

    /// <summary>IP time-to-live (hop limit) at present.</summary>
    public byte Ttl { get; init; } = 64;

    /// <summary>IP type of service (traffic class) at present; the ECN bits are not part of it.</summary>
    public byte Tos { get; init; }

    public bool NagleEnabled { get; init; } = true;

    public bool KeepAliveEnabled { get; init; }

    /// <summary>Idle time before the first keep-alive probe.</summary>
    public Microseconds KeepAliveTime { get; init; } = Microseconds.FromSeconds(7200);

    /// <summary>Time between keep-alive probes.</summary>
    public Microseconds KeepAliveInterval { get; init; } = Microseconds.FromSeconds(75);

    /// <summary>Unanswered probes after which the connection is given up (the patent's maximum allowance).</summary>
    public int KeepAliveMaxProbes { get; init; } = 9;

    /// <summary>
    /// User time-out (RFC 5482; RFC 9293 3.9.1.1, 3.10.8); <see cref="Microseconds.Never"/>: the number of retransmissions decides.
    /// </summary>
    public Microseconds UserTimeout { get; init; } = Microseconds.Never;

    /// <summary>Retransmissions (or unanswered window probes) of one segment before the host is asked to take the connection: Linux's tcp_retries2.</summary>
    public int MaxRetransmissions { get; init; } = 15;

    /// <summary>Less than 500 ms (RFC 9293 3.8.6.3, MUST-40).</summary>
    public Microseconds DelayedAckTimeout { get; init; } = Microseconds.FromMilliseconds(40);

    /// <summary>How long data received without PSH may wait for the application's request to fill up (the patent's PUSH timer).</summary>
    public Microseconds PushTimeout { get; init; } = Microseconds.FromMilliseconds(5);

    public Microseconds MinRto { get; init; } = Microseconds.FromMilliseconds(200);

    public Microseconds MaxRto { get; init; } = Microseconds.FromSeconds(120);

    /// <summary>Upper bound of unread and not yet reassembled received bytes that the window advertises.</summary>
    public int ReceiveBufferLimit { get; init; } = 4 << 20;

    /// <summary>Upper bound of written but unacknowledged bytes.</summary>
    public int SendBufferLimit { get; init; } = 4 << 20;

    /// <summary>
    /// Bytes in flight that the host's stack can take back: an upload waits until there are no more. <see cref="int.MaxValue"/> where the
    /// stack takes any number.
    /// </summary>
    public int ReturnableFlight { get; init; } = int.MaxValue;

    /// <summary>The most that may be sent, in bytes a second (SO_MAX_PACING_RATE); 0: no bound.</summary>
    public long MaxPacingRate { get; init; }

    /// <summary>Name of the congestion control algorithm.</summary>
    public string CongestionControl { get; init; } = DefaultCongestionControl;

    /// <summary>The same over another version of the next hop or path; this record itself where nothing is different.</summary>
    /// <param name="neighbor">The next hop.</param>
    /// <param name="path">The path.</param>
    /// <param name="connection">Whose MSS follows from the path's MTU.</param>
    public SegmentInvariants Over(Neighbor neighbor, NetworkPath path, ConnectionInvariants connection)
    {
        if (neighbor == Neighbor && path == Path)
        {
            return this;
        }

        SegmentInvariants next = this with { Neighbor = neighbor, Path = path };
        return next.PathMtu == PathMtu ? next : next with { EffectiveMss = connection.EffectiveMss(next.PathMtu) };
    }
}
