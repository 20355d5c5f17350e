namespace TcpActors.Bench.Recording;

/// <summary>A variable that the record has to show.</summary>
/// <param name="Name">As claim 3 of the patent has it.</param>
/// <param name="Path">Where <c>tcpactors connections --json</c> has it.</param>
internal sealed record RecordedVariable(string Name, params string[] Path)
{
    private const string Variants = "variants";

    /// <summary>Whether it changes in the host's hands, or with the owner; otherwise only what changes while a TOE has the connection counts.</summary>
    public bool ChangesAtHost { get; init; }

    /// <summary>Every variable that claim 3 names.</summary>
    public static IReadOnlyList<RecordedVariable> OfClaim3 { get; } =
    [
        new("IP packet identifier", Variants, "ip_id"),
        new("time remaining for retransmission", Variants, "retransmit_at"),
        new("time remaining for delayed acknowledgement", Variants, "delayed_ack_at"),
        new("time remaining for keep alive", Variants, "keep_alive_at"),
        new("time remaining for PUSH", Variants, "push_at"),
        new("SND_CWIN", Variants, "congestion_window"),
        new("SSTHRESH", Variants, "slow_start_threshold"),
        new("smoothed round trip time", Variants, "smoothed_rtt"),
        new("DELTA", Variants, "delta"),
        new("TCP state", Variants, "state") { ChangesAtHost = true },
        new("timestamp (TS.Recent)", Variants, "ts_recent"),
        new("SND_UNA", Variants, "snd_una"),
        new("SND_NXT", Variants, "snd_nxt"),
        new("SND_MAX", Variants, "snd_max"),
        new("MAX_WIN", Variants, "max_window"),
        new("RCV_NXT", Variants, "rcv_nxt"),
        new("RCV_WND", Variants, "rcv_wnd"),
    ];

    /// <summary>What shows that what the record is of has taken place: moves, and the next hop's new address.</summary>
    public static IReadOnlyList<RecordedVariable> OfEvents { get; } =
    [
        new("owner", "owner") { ChangesAtHost = true },
        new("next hop's MAC address (segment-invariant)", "segment", "neighbor", "mac"),
    ];
}
