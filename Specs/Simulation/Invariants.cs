using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TcpActors.Engine.Congestion;
using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;

namespace TcpActors.Specs.Simulation;

/// <summary>What must hold after every batch of every node, whatever the network did; checked between the commit and the sending.</summary>
internal sealed class Invariants
{
    private static readonly Microseconds LongestDelayedAck = Microseconds.FromMilliseconds(500);

    // What a move has guessed to be sent again is taken for that much younger than what it was sent after.
    private static readonly Microseconds OneLater = new(1);

    private readonly EngineNode _node;

    // The furthest right edges: what the peer has told us, what we have told the peer.
    private SeqNum _permitted;
    private SeqNum _offered;
    private SeqNum _acknowledged;
    private int _backoff;

    public Invariants(EngineNode node)
    {
        _node = node;
        ref readonly SegmentVariants start = ref node.Variants;
        (_permitted, _offered) = (start.SndUna + start.SndWnd, start.RcvNxt + start.RcvWnd);
        _acknowledged = start.SndUna;
    }

    /// <summary>
    /// A segment reached the node: the peer has offered this window. Not if it acknowledges what was never sent, or less than before: those are not
    /// to move anything (RFC 9293 3.10.7.4, fifth; RFC 5961 5.2).
    /// </summary>
    public void Permit(in TcpSegment segment)
    {
        ref readonly SegmentVariants v = ref _node.Variants;
        if (segment.Ack >= v.SndUna && segment.Ack <= v.SndMax)
        {
            _permitted = SeqNum.Max(_permitted, segment.Ack + ((uint)segment.Window << _node.Setup.Connection.SendWindowScale));
        }
    }

    /// <exception cref="SimulationException">When something does not hold.</exception>
    public void Check(TransmitQueue output)
    {
        ref readonly SegmentVariants v = ref _node.Variants;
        Require(v.SndUna <= v.SndNxt && v.SndNxt <= v.SndMax, "SND_UNA <= SND_NXT <= SND_MAX");
        Require(v.SndUna >= _acknowledged, "SND_UNA does not go back");
        Require(_node.Memory.Send.Una == v.SndUna, "what is acknowledged and committed is freed, and nothing else");
        Require(v.SndMax <= _node.Memory.Send.End, "nothing is sent that was not written");
        Require(v.RcvNxt + v.RcvWnd >= _offered, "the right edge that the peer was told never moves left");
        Require(_node.Memory.Receive.Committed == v.RcvNxt, "what the application sees ends at the committed RCV_NXT");
        Require(_node.Memory.Slot.Epoch == _node.Owner.Epoch, "there is one owner");
        Require(v.RtoBackoff <= _backoff + 1, "a time-out doubles the next one, and no more (RFC 6298 5.5)");
        _backoff = v.RtoBackoff;
        _acknowledged = v.SndUna;
        _offered = v.RcvNxt + v.RcvWnd;
        CheckOutput(output, in v);
        CheckDeadlines(in v);
        CheckMoments(in v);
        CheckState(in v);
        CheckTravel(in v);
        if (_node.IsAudited)
        {
            CheckAccount(_node.Owner.Engine.Records, in v);
        }
    }

    private void CheckOutput(TransmitQueue output, in SegmentVariants v)
    {
        foreach (ref readonly OutgoingSegment segment in output.Segments)
        {
            // RFC 9293 3.8.6, 3.8.6.1: never a byte beyond the furthest edge, but for the one octet that probes a closed window.
            SeqNum end = segment.Seq + segment.Length;
            bool isProbe = segment.Length == 1 && v.SndWnd == 0;
            Require(segment.Length == 0 || isProbe || end <= _permitted, "nothing is sent beyond the peer's window");
            Require(segment.Length == 0 || segment.Seq >= v.SndUna, "nothing acknowledged is sent again");
            Require(segment.Ack <= v.RcvNxt, "nothing is acknowledged that is not committed");
        }
    }

    private void CheckDeadlines(in SegmentVariants v)
    {
        SegmentInvariants invariants = _node.Setup.Segment;
        Microseconds now = _node.Owner.Now;
        Require(IsWithin(v.RetransmitAt, now + invariants.MaxRto), "the retransmission timer is within the longest RTO");
        Require(IsWithin(v.PersistAt, now + invariants.MaxRto), "the persist timer is within the longest RTO");
        Require(IsWithin(v.DelayedAckAt, now + LongestDelayedAck), "an acknowledgement waits for 500 ms at most (RFC 9293, MUST-40)");
        Require(IsWithin(v.PushAt, now + invariants.PushTimeout), "the PUSH timer is within its time");
        Require(IsWithin(v.RecoveryAt, now + invariants.MaxRto), "a probe or a reordered segment is waited for no longer than the longest RTO");
        Require(
            IsWithin(v.KeepAliveAt, now + Microseconds.Max(invariants.KeepAliveTime, invariants.KeepAliveInterval)),
            "the keep-alive timer is within its time");
        Require(v.RecoveryAt.IsNever == (v.RecoveryTimer == RecoveryTimer.None), "a timer of recovery that runs says what for");
        Require(_node.Owner.Engine.NextDeadline > now, "what was due is done");

        // Else nothing would ever repair a loss. Only an upload that was asked for may end that.
        bool isWatched = !v.RetransmitAt.IsNever || !v.PersistAt.IsNever;
        Require(v.SndUna == v.SndMax || isWatched || !invariants.IsPathUsable, "what is in flight has a timer");
        Require(_node.Memory.Send.End == v.SndMax || isWatched || !invariants.IsPathUsable, "what waits to be sent has a timer");
        Require(v.UnackedSegments == 0 || v.AckNow || !v.DelayedAckAt.IsNever, "what was received and not acknowledged has a timer");
        Require(!v.AckNow || !invariants.IsPathUsable, "an acknowledgement that is owed at once leaves with the batch");
    }

    private void CheckMoments(in SegmentVariants v)
    {
        Microseconds now = _node.Owner.Now;
        Require(IsWithin(v.StalledSince, now) && v.LastReceivedAt <= now, "what has happened is not to come");
        Require(IsWithin(v.LastDataSentAt, now) && v.TsRecentAt <= now, "what has happened is not to come");
        Require(v.SndUna == v.SndMax || !v.LastDataSentAt.IsNever, "what is in flight was sent at some time");
    }

    private void CheckState(in SegmentVariants v)
    {
        Require(v.State == TcpState.Established, "the owner has the connection in ESTABLISHED only");
        Require(
            v.CongestionWindow >= (uint)v.PathSearch.Limit(_node.Setup.Segment.EffectiveMss), "the congestion window has room for a segment");
        Require(v.CongestionWindow <= SlowStart.LargestWindow, "no congestion window is larger than a window field can say");
        Require(v.Sacked <= v.Flight, "what the peer has reported is in flight");
        Require(v.SlowStartThreshold > 0 && v.SndWnd <= v.MaxWindow, "SSTHRESH is set, MAX_WIN is the largest window");
        Require(v.SndWl2 <= v.SndUna && v.LastAckSent <= v.RcvNxt, "the last window update and the last ACK are of the past");
        Require(v.RecoveryPoint >= v.SndUna - 1 && v.RecoveryPoint <= v.SndMax, "recovery ends with something that was sent");
        Require(v.Recovery == RecoveryPhase.Open || v.RecoveryPoint > v.SndUna, "what is repaired is in flight");
        Require(v.Recovery == RecoveryPhase.Open || v.RetransmittedTo <= v.SndMax, "what was sent again was sent before");
        Require(v.SmoothedRtt >= Microseconds.Zero && v.Delta >= Microseconds.Zero && v.Rto >= Microseconds.Zero, "spans are not negative");
        Require(
            v.WindowProbesSent <= _node.Setup.Segment.MaxRetransmissions && v.Retransmissions <= _node.Setup.Segment.MaxRetransmissions,
            "attempts without an answer are not more than R2 allows (RFC 9293 3.8.3)");
    }

    /// <summary>The sent records lie side by side from SND_UNA to SND_MAX, and their sums are the account of what is in flight.</summary>
    private void CheckAccount(SentRecords records, in SegmentVariants v)
    {
        (uint sacked, uint lost) = (0, 0);
        Require(records.Start == v.SndUna && records.End == v.SndMax, "the sent records stand for what is in flight");
        for (int i = 0; i < records.Count; i++)
        {
            ref readonly SentRecord record = ref records[i];
            SeqNum end = i + 1 < records.Count ? records[i + 1].Start : records.End;
            Require(record.Start < end, "sent records are in order and not empty");
            Require(record.SentAt <= _node.Owner.Now + OneLater, "nothing was sent in time to come");
            Require(!(record.Is(SentFlags.Sacked) && record.Is(SentFlags.Lost)), "what was reported is not lost");
            sacked += record.Is(SentFlags.Sacked) ? (uint)(end - record.Start) : 0;
            lost += record.Is(SentFlags.Lost) ? (uint)(end - record.Start) : 0;
        }

        Require(records.Sacked == sacked && records.Lost == lost, "the sums of the sent records are what they say one by one");
        Require(records.InFlight == v.Flight - sacked - lost, "what is in flight is what was sent, not reported and not lost");
        Require(records.HighestSacked >= v.SndUna && records.HighestSacked <= v.SndMax, "what was reported was sent");
        Require(records.ResendFrom == v.SndNxt, "SND_NXT is where sending again goes on to the end");
        Require(records.Count <= SentRecords.Most + 2, "sent records are bounded");
    }

    /// <summary>A move takes nothing from the variables: they come back from relative times as they were.</summary>
    private void CheckTravel(in SegmentVariants v)
    {
        Microseconds now = _node.Owner.Now;
        SegmentVariants back = v.ToTimesRemaining(now).ToDeadlines(now);
        Require(BytesOf(in back).SequenceEqual(BytesOf(in v)), "times remaining and deadlines are each other's inverse");
    }

    internal static ReadOnlySpan<byte> BytesOf(in SegmentVariants variants) => MemoryMarshal.CreateReadOnlySpan(
        ref Unsafe.As<SegmentVariants, byte>(ref Unsafe.AsRef(in variants)), Unsafe.SizeOf<SegmentVariants>());

    private static bool IsWithin(Microseconds deadline, Microseconds latest) => deadline.IsNever || deadline <= latest;

    private void Require(bool condition, string invariant)
    {
        if (!condition)
        {
            throw new SimulationException($"It does not hold that {invariant}: {_node}");
        }
    }
}
