using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine;

/// <content>A segment arrives: the checks of RFC 9293 3.10.7.4 in their order. None of them changes a variable.</content>
public sealed partial class TcpEngine
{
    /// <summary>
    /// Takes one segment. Acknowledgements that must not be coalesced are appended at once, the rest by <see cref="Transmit"/>.
    /// </summary>
    /// <param name="segment">Its payload is copied; nothing of it is kept.</param>
    /// <param name="now">The owner's clock; never earlier than in the call before.</param>
    public Verdict Receive(in TcpSegment segment, Microseconds now)
    {
        BeginBatch();
        _counters.Value.SegmentsReceived += segment.SegmentCount;

        bool isReset = segment.Has(TcpFlags.Rst);
        if (segment.Has(TcpFlags.Syn) && !isReset)
        {
            // RFC 5961 4.2: irrespective of the sequence number, and so before PAWS: a peer that has restarted knows no timestamps of ours.
            // The notice costs the host a message, so that it goes with the answer: anybody who knows addresses and ports can send any
            // number.
            _counters.Value.DroppedSyn++;
            return new Verdict(VerdictKind.Dropped, SynNotice: OweChallengeAck(now));
        }

        if (_connection.TimestampsEnabled)
        {
            switch (TimestampCheck.Test(segment, _v, now))
            {
                case TimestampResult.Missing:
                    _counters.Value.DroppedWithoutTimestamp++;
                    return Verdict.Dropped;
                case TimestampResult.Old:
                    _counters.Value.DroppedPaws++;
                    OweReply(segment, now);
                    return Verdict.Dropped;
            }
        }

        // RFC 9293 3.10.7.4, first: into a closed window nothing but ACK, URG and RST are taken, and only from where it stands.
        int length = segment.Payload.Length + (segment.Has(TcpFlags.Fin) ? 1 : 0);
        bool isAllowance = _v.RcvWnd == 0 && length > 0 && segment.Seq == _v.RcvNxt;

        // RFC 9293 A.2: a peer that has filled the window has its SND.NXT where that ends, and there its acknowledgements stand while it repairs
        // a loss. Linux takes them too.
        bool isAtEdge = length == 0 && !isReset && segment.Seq == _v.RcvNxt + _v.RcvWnd;
        if (!isAllowance && !isAtEdge && !SequenceCheck.IsAcceptable(segment.Seq, length, _v.RcvNxt, _v.RcvWnd))
        {
            _counters.Value.DroppedSequence++;
            if (!isReset)
            {
                OweReply(segment, now);
            }

            return Verdict.Dropped;
        }

        if (isReset)
        {
            return ReceiveReset(segment, now);
        }

        // Fifth: without ACK the segment is dropped.
        if (!segment.Has(TcpFlags.Ack))
        {
            _counters.Value.DroppedAck++;
            return Verdict.Dropped;
        }

        // RFC 5961 5.2: any other acknowledgement number is answered and the segment dropped.
        if (!AcceptableAck.Test(segment.Ack, _v))
        {
            _counters.Value.DroppedAck++;
            OweChallengeAck(now);
            return Verdict.Dropped;
        }

        // Sixth: RCV.UP would move beyond what was received (RFC 9293 3.8.5).
        if (segment.Has(TcpFlags.Urg) && segment.Seq + (int)segment.UrgentPointer > _v.RcvNxt)
        {
            return LeaveToHost(in segment, UploadReason.UrgentData);
        }

        // Eighth. The host gets the segment with all of its data: it is the host that acknowledges both.
        if (IsFinInOrder(segment))
        {
            return LeaveToHost(in segment, UploadReason.PeerFin);
        }

        return Accept(segment, now, isAllowance);
    }

    /// <summary>Not consumed: whoever takes it counts it.</summary>
    private Verdict LeaveToHost(in TcpSegment segment, UploadReason reason)
    {
        _counters.Value.SegmentsReceived -= segment.SegmentCount;
        return Verdict.Upload(reason);
    }

    /// <summary>RFC 5961 3.2: only an RST at exactly RCV_NXT resets.</summary>
    private Verdict ReceiveReset(in TcpSegment segment, Microseconds now)
    {
        if (segment.Seq == _v.RcvNxt)
        {
            return LeaveToHost(in segment, UploadReason.PeerReset);
        }

        _counters.Value.DroppedReset++;
        if (SequenceCheck.IsInWindow(segment.Seq, _v.RcvNxt, _v.RcvWnd))
        {
            OweChallengeAck(now);
        }

        return Verdict.Dropped;
    }

    /// <summary>
    /// Whether the FIN is the next thing in order once the segment's own data is received. The part of a segment right of the window is
    /// trimmed off, a FIN too (RFC 9293 3.10.7.4, first); one beyond a hole is not remembered: the peer sends it again.
    /// </summary>
    private bool IsFinInOrder(in TcpSegment segment)
    {
        if (!segment.Has(TcpFlags.Fin) || segment.Seq > _v.RcvNxt)
        {
            return false;
        }

        SeqNum fin = segment.Seq + segment.Payload.Length;
        return SequenceCheck.IsInWindow(fin, _v.RcvNxt, _v.RcvWnd);
    }

    /// <summary>The segment passed every check: from here on variables change.</summary>
    private Verdict Accept(in TcpSegment segment, Microseconds now, bool isAllowance)
    {
        _v.LastReceivedAt = now;
        _v.KeepAliveProbesSent = 0;
        if (_connection.TimestampsEnabled)
        {
            // Not before the acknowledgement number was checked: a blind attacker must not move TS.Recent (RFC 7323 7, RFC 5961 5).
            TimestampCheck.Update(segment, ref _v, now);
        }

        ProcessAck(segment, now);
        if (isAllowance)
        {
            // RFC 9293 3.8.6.1: a probe of our closed window is answered. RFC 3168 6.1.6: so is its mark, as its number is not guessed.
            _counters.Value.DroppedZeroWindow++;
            _v.AckNow = true;
            if (_connection.EcnNegotiated)
            {
                _echo.OnData(segment);
            }

            return Verdict.Dropped;
        }

        return segment.Payload.IsEmpty && !segment.Has(TcpFlags.Fin) ? Verdict.Consumed : ReceivePayload(segment, now);
    }

    /// <summary>
    /// RFC 9293 3.10.7.4, first: an unacceptable segment is acknowledged. Those with data all the same, one for a batch; those without
    /// by the rate limit, as two peers that disagree would otherwise answer each other's answers for ever (RFC 5961 7).
    /// </summary>
    private void OweReply(in TcpSegment segment, Microseconds now)
    {
        NoteOldDuplicate(segment, now);
        _isProbeReceived |= IsProbing && segment.Has(TcpFlags.Ack) && segment.Ack == _v.SndMax;

        // RFC 9293 3.8.4: a keep-alive, and Linux's probe of a closed window, stands at exactly RCV.NXT-1, which a blind attacker does not
        // know: the budget that he can use up is not theirs.
        bool isProbe = segment.Seq == _v.RcvNxt - 1;
        if (!segment.Payload.IsEmpty || (isProbe ? ref _probes : ref _replies).TryTake(now))
        {
            _v.AckNow = true;
        }
        else
        {
            _counters.Value.RepliesSuppressed++;
        }
    }

    /// <summary>RFC 5961 3, 4, 5, limited by 7. Its budget is its own, so that an attacker cannot use up that of probes.</summary>
    /// <returns>Whether there will be one.</returns>
    private bool OweChallengeAck(Microseconds now)
    {
        if (!_challenges.TryTake(now))
        {
            _counters.Value.RepliesSuppressed++;
            return false;
        }

        _v.AckNow = true;
        _counters.Value.ChallengeAcksSent++;
        return true;
    }
}
