using TcpActors.Engine.Congestion;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.HostSide.Managed;

/// <summary>
/// A handshake on its way (RFC 9293 3.5): SYN-SENT or SYN-RECEIVED. What the two ways of opening share: our SYN and its retransmission,
/// SYN-RECEIVED, and what the handshake leaves behind. The lock guards all.
/// </summary>
internal abstract class Opening : StackFlow
{
    private readonly HandshakeOptions _offer;
    private readonly uint _timestampOffset;
    private Microseconds _sentAt;
    private int _retransmissions;
    private Microseconds _dueAt;
    private SeqNum _irs;
    private TcpOptions _peer;
    private bool _isPeerEcnCapable;

    protected Opening(ManagedStack stack, FlowKey flow)
        : base(stack, flow)
    {
        _offer = stack.Options.Handshake;
        _timestampOffset = stack.Secrets.TimestampOffset(in flow);
    }

    public override TcpState State => IsSynReceived ? TcpState.SynReceived : TcpState.SynSent;

    protected Lock Lock { get; } = new();

    protected bool IsOver { get; private set; }

    protected SeqNum Iss { get; private set; }

    protected bool IsSynReceived { get; private set; }

    /// <summary>How often a SYN or SYN,ACK is sent again.</summary>
    protected abstract int MaxRetransmissions { get; }

    private ushort Window => (ushort)Math.Min(Stack.Options.ReceiveBufferLimit, ushort.MaxValue);

    private bool HasWindowScale => _offer.WindowScale && _peer.WindowScale is not null;

    private bool HasSack => _offer.Sack && _peer.SackPermitted;

    private bool HasTimestamps => _offer.Timestamps && _peer.HasTimestamps;

    private bool HasEcn => _offer.Ecn && _isPeerEcnCapable;

    /// <summary>RFC 7323 2.2: the smallest shift with which the window field can say the whole buffer.</summary>
    private byte Shift
    {
        get
        {
            byte shift = 0;
            while (shift < 14 && Stack.Options.ReceiveBufferLimit >> shift > ushort.MaxValue)
            {
                shift++;
            }

            return shift;
        }
    }

    public override bool TryReceive(ReadOnlySpan<byte> ipPacket, in TcpSegment segment, Microseconds now)
    {
        ManagedHalf? established;
        lock (Lock)
        {
            if (IsOver)
            {
                return false;
            }

            established = IsSynReceived ? InSynReceived(in segment, now) : InSynSent(in segment, now);
            if (established is null)
            {
                return true;
            }

            IsOver = true;
            Stack.Schedule(this, Microseconds.Never);
            Stack.Replace(this, established);
        }

        if (segment.End != segment.Seq && !segment.Has(TcpFlags.Syn))
        {
            // Text or a FIN that came with the last segment of the handshake.
            established.TryReceive(ipPacket, in segment, now);
        }

        Established(established);
        return true;
    }

    public override void Abandon() => End(System.Net.Sockets.SocketError.OperationAborted);

    /// <summary>Begins the sending of our SYN.</summary>
    protected void Begin(Microseconds now)
    {
        Iss = Stack.Secrets.InitialSequence(Flow, now);
        _sentAt = now;
        SendSyn(now);
        Rearm(now);
    }

    /// <summary>The peer's SYN is taken over.</summary>
    protected void TakeSyn(in TcpSegment syn)
    {
        _irs = syn.Seq;
        _peer = syn.Options;
        _isPeerEcnCapable = IsEcnSetup(in syn);
    }

    protected void EnterSynReceived(in TcpSegment syn)
    {
        TakeSyn(in syn);
        IsSynReceived = true;
    }

    /// <summary>RFC 9293 3.10.7.3: SYN-SENT.</summary>
    protected abstract ManagedHalf? InSynSent(in TcpSegment segment, Microseconds now);

    /// <summary>The connection stands in the table in this one's place.</summary>
    protected abstract void Established(ManagedHalf half);

    /// <summary>The handshake came to nothing. Called once, under the lock.</summary>
    protected abstract void Failed(System.Net.Sockets.SocketError error);

    protected void End(System.Net.Sockets.SocketError error)
    {
        lock (Lock)
        {
            if (!IsOver)
            {
                IsOver = true;
                Stack.Schedule(this, Microseconds.Never);
                Stack.Remove(this);
                Failed(error);
            }
        }
    }

    protected internal override void Expired()
    {
        lock (Lock)
        {
            Microseconds now = Stack.Now;
            if (IsOver)
            {
                return;
            }

            if (now < _dueAt)
            {
                Stack.Schedule(this, _dueAt);
            }
            else if (_retransmissions >= MaxRetransmissions)
            {
                // RFC 9293 3.8.3: R2 is reached.
                End(System.Net.Sockets.SocketError.TimedOut);
            }
            else
            {
                _retransmissions++;
                ManagedStackCounters.Count(ref Stack.Counters.SynRetransmissions);
                SendSyn(now);
                Rearm(now);
            }
        }
    }

    protected void SendAck(Microseconds now) => Stack.Send(
        Flow, Iss + 1, _irs + 1, TcpFlags.Ack, (ushort)(HasWindowScale ? Window >> Shift : Window), Timestamps(now));

    protected void SendSyn(Microseconds now)
    {
        bool isReply = IsSynReceived;
        var options = new TcpOptions
        {
            Mss = _offer.Mss ? Stack.MssOf(Flow) : null,

            // RFC 7323 1.3, RFC 2018 2: in a SYN,ACK only what the SYN had.
            WindowScale = _offer.WindowScale && (!isReply || HasWindowScale) ? Shift : null,
            SackPermitted = _offer.Sack && (!isReply || HasSack),
        };
        if (_offer.Timestamps && (!isReply || HasTimestamps))
        {
            options.HasTimestamps = true;
            options.TsVal = TimestampAt(now);
            options.TsEcr = isReply ? _peer.TsVal : 0;
        }

        // RFC 3168 6.1.1: an ECN-setup SYN has both flags, an ECN-setup SYN,ACK has ECE. A SYN that is sent again has them as well, where 6.1.1.1 allows to
        // leave them out: who has sent both kinds must not send as ECN-capable and yet has to heed marks.
        TcpFlags flags = isReply
            ? TcpFlags.Syn | TcpFlags.Ack | (HasEcn ? TcpFlags.Ece : TcpFlags.None)
            : TcpFlags.Syn | (_offer.Ecn ? TcpFlags.Ece | TcpFlags.Cwr : TcpFlags.None);

        // RFC 7323 2.2: the window in a SYN is never scaled.
        Stack.Send(Flow, Iss, isReply ? _irs + 1 : default, flags, Window, in options);
    }

    /// <summary>RFC 3168 6.1.1. A SYN,ACK with both flags comes from somebody who sends back what he does not know.</summary>
    private static bool IsEcnSetup(in TcpSegment syn) =>
        (syn.Flags & (TcpFlags.Ece | TcpFlags.Cwr)) == (syn.Has(TcpFlags.Ack) ? TcpFlags.Ece : TcpFlags.Ece | TcpFlags.Cwr);

    /// <summary>RFC 9293 3.10.7.4 for SYN-RECEIVED.</summary>
    private ManagedHalf? InSynReceived(in TcpSegment segment, Microseconds now)
    {
        SeqNum rcvNxt = _irs + 1;
        bool isSimultaneous = segment.Has(TcpFlags.Syn | TcpFlags.Ack) && segment.Seq == _irs && !segment.Has(TcpFlags.Rst);
        if (segment.Has(TcpFlags.Syn) && segment.Seq == _irs && !isSimultaneous && !segment.Has(TcpFlags.Rst))
        {
            // First: the peer's SYN again, so our SYN,ACK was lost; it says all that the acknowledgement asked for would. RFC 3168 6.1.1: without the
            // flags this time, the peer has given ECN up.
            _isPeerEcnCapable &= IsEcnSetup(in segment);
            SendSyn(now);
        }
        else if (!isSimultaneous && segment.Seq.Value - rcvNxt.Value >= Window)
        {
            // First: not acceptable.
            if (!segment.Has(TcpFlags.Rst))
            {
                SendAck(now);
            }
        }
        else if (segment.Has(TcpFlags.Rst))
        {
            // Second, with RFC 5961 3.2: only exactly at RCV.NXT; elsewhere in the window it is challenged.
            if (segment.Seq == rcvNxt)
            {
                End(System.Net.Sockets.SocketError.ConnectionRefused);
            }
            else
            {
                SendAck(now);
            }
        }
        else if (segment.Has(TcpFlags.Syn) && !isSimultaneous)
        {
            // Fourth: RFC 5961 4.2.
            SendAck(now);
        }
        else if (segment.Has(TcpFlags.Ack))
        {
            // Fifth: SND.UNA < SEG.ACK =< SND.NXT, which only ISS + 1 is; anything else is reset.
            if (segment.Ack == Iss + 1)
            {
                _isPeerEcnCapable &= !isSimultaneous || IsEcnSetup(in segment);
                return Establish(in segment, now);
            }

            Stack.Reset(Flow, in segment);
        }

        return null;
    }

    /// <summary>What the handshake negotiated becomes a connection.</summary>
    /// <param name="last">The segment that acknowledged our SYN.</param>
    /// <param name="now">When it came.</param>
    protected ManagedHalf Establish(in TcpSegment last, Microseconds now)
    {
        ushort peerMss = _peer.Mss ?? (ushort)(Flow.IsIPv4 ? 536 : 1220);
        var connection = new ConnectionInvariants
        {
            Flow = Flow,
            InitialSendSequence = Iss,
            InitialReceiveSequence = _irs,

            // RFC 7323 2.3: a shift count above 14 counts as 14.
            SendWindowScale = HasWindowScale ? Math.Min(_peer.WindowScale!.Value, (byte)14) : (byte)0,
            ReceiveWindowScale = HasWindowScale ? Shift : (byte)0,
            SackPermitted = HasSack,
            TimestampsEnabled = HasTimestamps,
            EcnNegotiated = HasEcn,
            PeerMss = peerMss,
        };

        (Neighbor neighbor, NetworkPath path) = Stack.Paths.Of(Flow);
        SegmentInvariants invariants = Stack.Options.Tune(new SegmentInvariants
        {
            Version = 1,
            Neighbor = neighbor,
            Path = path,

            // RFC 6691 2: the MSS option counts no options, so they come off here.
            EffectiveMss = Math.Max(Math.Min(peerMss, Stack.MssOf(Flow)) - (HasTimestamps ? 12 : 0), SegmentInvariants.SmallestMss),
            SendBufferLimit = Stack.Options.SendBufferLimit,
            ReceiveBufferLimit = Stack.Options.ReceiveBufferLimit,
            CongestionControl = Stack.Options.CongestionControl,
        });
        return new ManagedHalf(Stack, connection, invariants, VariantsAt(in last, invariants, connection, now));
    }

    private SegmentVariants VariantsAt(in TcpSegment last, SegmentInvariants invariants, ConnectionInvariants connection, Microseconds now)
    {
        // RFC 7323 2.3: the window of a segment with SYN is not scaled, every other one is.
        uint window = last.Has(TcpFlags.Syn) ? last.Window : (uint)last.Window << connection.SendWindowScale;
        SegmentVariants variants = SegmentVariants.Quiet with
        {
            LastReceivedAt = now,
            LastDataSentAt = now,
            SndUna = Iss + 1,
            SndNxt = Iss + 1,
            SndMax = Iss + 1,
            SndWl1 = last.Seq,
            SndWl2 = last.Ack,
            SndWnd = window,
            MaxWindow = window,
            RcvNxt = _irs + 1,
            RcvWnd = Window,
            LastAckSent = _irs + 1,
            RecoveryPoint = Iss,
            TsOffset = _timestampOffset,
            IpId = (ushort)_timestampOffset,
        };
        if (connection.TimestampsEnabled)
        {
            variants.TsRecent = last.Options.HasTimestamps ? last.Options.TsVal : _peer.TsVal;
            variants.TsRecentAt = now;
            variants.TsRecentValid = true;
        }

        int mss = invariants.EffectiveMss;
        if (_retransmissions > 0)
        {
            // RFC 5681 3.1: after a lost SYN or SYN,ACK one segment. RFC 6298 5.7: and an RTO of 3 s.
            variants.CongestionWindow = (uint)mss;
            variants.Rto = Microseconds.FromSeconds(3);
        }
        else
        {
            // RFC 6928 2. RFC 6298 2.2: R is the time from our SYN to its acknowledgement.
            variants.CongestionWindow = InitialWindow.For(mss);
            variants.SmoothedRtt = Microseconds.Max(now - _sentAt, new Microseconds(1));
            variants.Delta = variants.SmoothedRtt / 2;
            variants.MinRtt = variants.SmoothedRtt;
            variants.Rto = Microseconds.Max(variants.SmoothedRtt + (variants.Delta * 4), invariants.MinRto);
        }

        Stack.Options.Memory?.Start(Flow, ref variants, invariants.MinRto);
        return variants;
    }

    private uint TimestampAt(Microseconds now) => (uint)(now.Value / 1000) + _timestampOffset;

    private TcpOptions Timestamps(Microseconds now) => HasTimestamps
        ? new TcpOptions { HasTimestamps = true, TsVal = TimestampAt(now), TsEcr = _peer.TsVal }
        : default;

    /// <summary>RFC 6298 5.5: doubled with each retransmission.</summary>
    private void Rearm(Microseconds now)
    {
        _dueAt = now + new Microseconds(Stack.Options.InitialRto.Value << _retransmissions);
        Stack.Schedule(this, _dueAt);
    }
}
