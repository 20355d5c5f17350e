using System.Runtime.InteropServices;
using TcpActors.Engine.Congestion;
using TcpActors.Engine.Recovery;
using TcpActors.Engine.Transmit;

namespace TcpActors.Engine.State;

/// <summary>
/// What changes from segment to segment: the patent's segment-variant variables, the whole truth about a connection besides its
/// buffers. Blittable, of fixed size, independent of the bandwidth-delay product. Only the owner of the connection writes it; others
/// get copies. Sequence numbers are as in RFC 9293 3.3.1, windows are in bytes (already scaled), deadlines are absolute times of the
/// owner's clock while owned and times remaining while a copy travels between owners.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct SegmentVariants
{
    // --- Deadlines (Microseconds.Never: off) ---

    /// <summary>Retransmission timer (RFC 6298 5).</summary>
    public Microseconds RetransmitAt;

    /// <summary>Delayed acknowledgement timer (RFC 9293 3.8.6.3).</summary>
    public Microseconds DelayedAckAt;

    /// <summary>Keep-alive timer (RFC 9293 3.8.4).</summary>
    public Microseconds KeepAliveAt;

    /// <summary>The patent's PUSH timer: when it runs out, data received without PSH is handed to the application.</summary>
    public Microseconds PushAt;

    /// <summary>Persist timer: next zero-window probe (RFC 9293 3.8.6.1) or sender silly-window override (RFC 9293 3.8.6.2.1).</summary>
    public Microseconds PersistAt;

    /// <summary>Reorder timer or tail loss probe (RFC 8985 6.2, 7.2), whichever <see cref="RecoveryTimer"/> says.</summary>
    public Microseconds RecoveryAt;

    // --- Times that are spans or moments of the owner's clock ---

    /// <summary>SRTT (RFC 6298 2); zero until the first measurement.</summary>
    public Microseconds SmoothedRtt;

    /// <summary>RTTVAR (RFC 6298 2): the patent's DELTA.</summary>
    public Microseconds Delta;

    /// <summary>The smallest round trip seen; Never until the first measurement.</summary>
    public Microseconds MinRtt;

    /// <summary>RTO without back-off (RFC 6298 2).</summary>
    public Microseconds Rto;

    /// <summary>When the last acceptable segment arrived.</summary>
    public Microseconds LastReceivedAt;

    /// <summary>When TS.Recent was last updated (RFC 7323 5.5: outdated after 24 days).</summary>
    public Microseconds TsRecentAt;

    /// <summary>
    /// When the oldest byte still unacknowledged was first left without progress (RFC 5482's user time-out counts from here);
    /// Never: none.
    /// </summary>
    public Microseconds StalledSince;

    /// <summary>When the last segment that carries data was sent; restart after idle (RFC 5681 4.1).</summary>
    public Microseconds LastDataSentAt;

    // --- Congestion control ---

    /// <summary>What the congestion control remembers.</summary>
    public CongestionState Congestion;

    /// <summary>The delivery rate and the pace.</summary>
    public RateVariants Rate;

    /// <summary>SND_CWIN in bytes (cwnd of RFC 5681).</summary>
    public uint CongestionWindow;

    /// <summary>SSTHRESH in bytes (RFC 5681); uint.MaxValue: not yet set.</summary>
    public uint SlowStartThreshold;

    // --- Send sequence variables ---

    public SeqNum SndUna;
    public SeqNum SndNxt;

    /// <summary>
    /// The highest sequence number ever sent, plus one (SND_MAX). SND_NXT falls behind it where everything that the peer has not reported is to be
    /// sent again, as after a time-out; single losses in between do not move it.
    /// </summary>
    public SeqNum SndMax;

    /// <summary>Segment sequence number used for the last window update.</summary>
    public SeqNum SndWl1;

    /// <summary>Segment acknowledgment number used for the last window update.</summary>
    public SeqNum SndWl2;

    /// <summary>SND.WND, scaled.</summary>
    public uint SndWnd;

    /// <summary>The largest window the peer ever offered (MAX_WIN; Max(SND.WND) of RFC 9293 3.8.6.2.1), scaled.</summary>
    public uint MaxWindow;

    // --- Receive sequence variables ---

    public SeqNum RcvNxt;

    /// <summary>RCV.WND: RCV_NXT + RCV_WND is the right edge the peer was told; it never moves left.</summary>
    public uint RcvWnd;

    /// <summary>Last.ACK.sent (RFC 7323 4.3).</summary>
    public SeqNum LastAckSent;

    // --- Loss recovery ---

    /// <summary>Loss recovery goes on until this is acknowledged (RFC 6582 "recover").</summary>
    public SeqNum RecoveryPoint;

    /// <summary>Behind the highest byte that was sent again in this fast recovery (HighRxt of RFC 6675 2).</summary>
    public SeqNum RetransmittedTo;

    /// <summary>
    /// Bytes in flight that the peer has reported (RFC 2018). Which ones the next owner learns anew; that they have been counted as delivered it must know, or recovery
    /// would send, and BBR believe in, as much again.
    /// </summary>
    public uint Sacked;

    /// <summary>The window of data for whose marks the window was reduced, and what the peer is to be told of it.</summary>
    public EcnReaction Ecn;

    /// <summary>How many bytes may be sent in fast recovery.</summary>
    public ProportionalRateReduction Reduction;

    /// <summary>What is given back when a recovery turns out to have been for nothing.</summary>
    public Undo Undo;

    /// <summary>How long a segment may be overtaken.</summary>
    public ReorderWindow ReorderWindow;

    /// <summary>The tail loss probe that is under way.</summary>
    public TailLossProbe Probe;

    /// <summary>What the path was found to take where that is less than the host believes.</summary>
    public PathSearch PathSearch;

    // --- Timestamps ---

    /// <summary>TS.Recent (RFC 7323 4.3).</summary>
    public uint TsRecent;

    /// <summary>
    /// Added to our timestamp clock (now / tick) to give TSval. A variable and not an invariant, because the kernel takes only even
    /// values back, so an upload may set the clock forward by one tick; it never goes back.
    /// </summary>
    public uint TsOffset;

    // --- Small counters ---

    /// <summary>Identification of the next IPv4 packet (IP packet id).</summary>
    public ushort IpId;

    /// <summary>Duplicate acknowledgements in a row (RFC 5681 3.2).</summary>
    public ushort DuplicateAcks;

    /// <summary>
    /// Times the RTO, or the interval of window probes, is doubled (RFC 6298 5.5). Back to zero with the next valid measurement of a
    /// round trip, as Karn's algorithm asks (RFC 6298 3, 5), or when a closed window opens.
    /// </summary>
    public byte RtoBackoff;

    /// <summary>Retransmission time-outs in a row without progress (what R2 of RFC 9293 3.8.3 limits).</summary>
    public byte Retransmissions;

    /// <summary>Window probes sent without an answer.</summary>
    public byte WindowProbesSent;

    /// <summary>Keep-alive probes sent without an answer.</summary>
    public byte KeepAliveProbesSent;

    public TcpState State;

    /// <summary>Segments received and not yet acknowledged (RFC 9293 3.8.6.3: at least every second one is).</summary>
    public byte UnackedSegments;

    public RecoveryPhase Recovery;

    /// <summary>Where F-RTO stands.</summary>
    public ForwardRto ForwardRto;

    /// <summary>What <see cref="RecoveryAt"/> is the deadline of.</summary>
    public RecoveryTimer RecoveryTimer;

    private byte _ackNow;
    private byte _owesReduction;
    private byte _tsRecentValid;

    /// <summary>Whether an acknowledgement is owed at once.</summary>
    public bool AckNow
    {
        readonly get => _ackNow != 0;
        set => _ackNow = value ? (byte)1 : (byte)0;
    }

    /// <summary>
    /// Whether the owner before has found losses and answered for them with a window of its own: the next one has to, with this one.
    /// </summary>
    public bool OwesReduction
    {
        readonly get => _owesReduction != 0;
        set => _owesReduction = value ? (byte)1 : (byte)0;
    }

    /// <summary>
    /// Whether TS.Recent holds a value of the peer's (it does not after a move from the kernel, until the first segment).
    /// </summary>
    public bool TsRecentValid
    {
        readonly get => _tsRecentValid != 0;
        set => _tsRecentValid = value ? (byte)1 : (byte)0;
    }

    /// <summary>
    /// An established connection in which no timer runs and nothing has been measured: what whoever hands one over starts from, and
    /// fills in what it knows.
    /// </summary>
    public static SegmentVariants Quiet => new()
    {
        RetransmitAt = Microseconds.Never,
        DelayedAckAt = Microseconds.Never,
        KeepAliveAt = Microseconds.Never,
        PushAt = Microseconds.Never,
        PersistAt = Microseconds.Never,
        MinRtt = Microseconds.Never,
        StalledSince = Microseconds.Never,
        RecoveryAt = Microseconds.Never,
        LastDataSentAt = Microseconds.Never,
        Rate = RateVariants.Quiet,
        SlowStartThreshold = uint.MaxValue,
        State = TcpState.Established,
    };

    /// <summary>Bytes sent and not acknowledged.</summary>
    public readonly uint Flight => (uint)(SndMax - SndUna);

    /// <summary>A copy whose deadlines and moments are relative to <paramref name="now"/>: what is handed over in a move.</summary>
    public readonly SegmentVariants ToTimesRemaining(Microseconds now) => Shifted(new Microseconds(-now.Value));

    /// <summary>A copy whose relative times are made absolute for an owner whose clock says <paramref name="now"/>.</summary>
    public readonly SegmentVariants ToDeadlines(Microseconds now) => Shifted(now);

    private readonly SegmentVariants Shifted(Microseconds by)
    {
        SegmentVariants copy = this;
        Shift(ref copy.RetransmitAt, by);
        Shift(ref copy.DelayedAckAt, by);
        Shift(ref copy.KeepAliveAt, by);
        Shift(ref copy.PushAt, by);
        Shift(ref copy.PersistAt, by);
        Shift(ref copy.LastReceivedAt, by);
        Shift(ref copy.TsRecentAt, by);
        Shift(ref copy.StalledSince, by);
        Shift(ref copy.RecoveryAt, by);
        Shift(ref copy.LastDataSentAt, by);
        copy.Congestion.Shift(by);
        copy.Rate.Shift(by);
        copy.PathSearch.Shift(by);
        return copy;
    }

    private static void Shift(ref Microseconds time, Microseconds by) => time = time.ShiftedBy(by);
}

/// <summary>Where loss recovery stands.</summary>
public enum RecoveryPhase : byte
{
    /// <summary>Nothing is known to be lost.</summary>
    Open = 0,

    /// <summary>Fast recovery until <see cref="SegmentVariants.RecoveryPoint"/> is acknowledged.</summary>
    FastRecovery = 1,

    /// <summary>After a retransmission time-out, until <see cref="SegmentVariants.RecoveryPoint"/> is acknowledged.</summary>
    Loss = 2,
}
