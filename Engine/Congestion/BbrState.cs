using System.Runtime.InteropServices;

namespace TcpActors.Engine.Congestion;

/// <summary>
/// What BBR remembers (draft-ietf-ccwg-bbr-06 2.7 to 2.16), all that <see cref="CongestionState"/> has room for. Bandwidths are in units of
/// <see cref="BbrFlow.Unit"/> bytes a second, volumes in bytes, times in microseconds, moments are those of <see cref="BbrFlow"/>; what is
/// "delivered" counts modulo 2^32.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = sizeof(uint))]
internal struct BbrState
{
    /// <summary>Of a bound: there is none.</summary>
    public const uint Infinity = uint.MaxValue;

    // max_bw_filter: the maximum of two cycles.
    public uint BandwidthThisCycle;
    public uint BandwidthLastCycle;
    public uint ShortTermBandwidth;
    public uint FullBandwidth;
    public uint LatestBandwidth;
    public uint UndoShortTermBandwidth;

    public uint LongTermInflight;
    public uint ShortTermInflight;
    public uint LatestInflight;
    public uint UndoShortTermInflight;
    public uint UndoLongTermInflight;
    public uint PriorWindow;
    public uint ProbeUpAcked;
    public uint ProbeUpAckedPerIncrement;

    // extra_acked_filter: two halves of its window of rounds.
    public uint ExtraAckedNow;
    public uint ExtraAckedBefore;
    public uint ExtraAckedDelivered;

    /// <summary>min_rtt; 0: unknown.</summary>
    public uint MinRtt;

    /// <summary>probe_rtt_min_delay; 0: unknown.</summary>
    public uint ProbeRttMinDelay;

    public uint ProbeWait;
    public uint NextRoundDelivered;
    public uint LossRoundDelivered;

    /// <summary>Of what was taken for lost: how much was looked at.</summary>
    public uint LostSeen;

    /// <summary>Of the generator that spreads probes; never 0.</summary>
    public uint Random;

    public BbrPhase Phase;
    public BbrPhase UndoPhase;
    public byte FullBandwidthRounds;
    public byte ProbeUpRounds;
    public byte RoundsSinceProbe;
    public byte DrainRounds;
    public byte ExtraAckedRounds;
    public byte LossEvents;
    private BbrFlags _flags;

    public readonly uint MaxBandwidth => Math.Max(BandwidthThisCycle, BandwidthLastCycle);

    public readonly bool Is(BbrFlags flag) => (_flags & flag) == flag;

    public void Set(BbrFlags flag, bool value) => _flags = value ? _flags | flag : _flags & ~flag;
}

/// <summary>BBR.state. The first is what a state begins as.</summary>
internal enum BbrPhase : byte
{
    Startup,
    Drain,
    Down,
    Cruise,
    Refill,
    Up,
    ProbeRtt,

    /// <summary>Of <see cref="BbrState.UndoPhase"/>: none.</summary>
    None,
}

[Flags]
internal enum BbrFlags : ushort
{
    /// <summary>full_bw_reached.</summary>
    FullBandwidthReached = 1,

    /// <summary>full_bw_now.</summary>
    FullBandwidthNow = 2,

    /// <summary>round_start.</summary>
    RoundStart = 4,

    /// <summary>loss_round_start.</summary>
    LossRoundStart = 8,

    /// <summary>is_loss_in_round.</summary>
    LossInRound = 16,

    /// <summary>is_bw_probe_sample.</summary>
    ProbeSample = 32,

    /// <summary>prev_probe_too_high.</summary>
    ProbeTooHigh = 64,

    /// <summary>prev_probe_precautionary.</summary>
    ProbePrecautionary = 128,

    /// <summary>idle_restart.</summary>
    IdleRestart = 256,

    /// <summary>probe_rtt_round_done.</summary>
    ProbeRttRoundDone = 512,

    /// <summary>probe_rtt_expired.</summary>
    ProbeRttExpired = 1024,

    /// <summary>ack_phase (2.14) is ACKS_PROBE_STOPPING; of the others nothing follows.</summary>
    ProbeStopping = 2048,
}
