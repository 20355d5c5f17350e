using TcpActors.Engine.Receive;
using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine;

/// <content>The payload of an acceptable segment: RFC 9293 3.10.7.4, seventh.</content>
public sealed partial class TcpEngine
{
    private Verdict ReceivePayload(in TcpSegment segment, Microseconds now)
    {
        // First: what lies outside the window on either side is trimmed off.
        SeqNum left = SeqNum.Max(segment.Seq, _v.RcvNxt);
        SeqNum right = SeqNum.Min(segment.Seq + segment.Payload.Length, _v.RcvNxt + _v.RcvWnd);
        if (right <= left)
        {
            // A FIN that is not in order yet, or data that ends where the window begins.
            _counters.Value.DroppedSequence++;
            _v.AckNow = true;
            return Verdict.Dropped;
        }

        if (_connection.EcnNegotiated && _echo.OnData(segment))
        {
            _v.AckNow = true;
        }

        SegmentBytes bytes = segment.Payload.Slice(left - segment.Seq, right - left);
        if (left != _v.RcvNxt)
        {
            return ReceiveOutOfOrder(segment, left, right, bytes, now);
        }

        if (!TryWriteInOrder(bytes))
        {
            // Not acknowledged, so the peer sends it again; and not answered, as a duplicate acknowledgement would have it do so at once.
            _counters.Value.DroppedNoMemory++;
            return Verdict.Dropped;
        }

        // RFC 2883 4: of two duplicate parts the first is reported.
        if (segment.Seq < left)
        {
            NoteDuplicate(new SackBlock(segment.Seq, left), now);
        }
        else if (_reassembly.TryFindKnown(left, right, out SackBlock known))
        {
            NoteDuplicate(known, now);
        }

        ReceiveInOrder(segment, right, now);
        return Verdict.Consumed;
    }

    /// <summary>
    /// RFC 2018 8: a receiver that runs out of memory may discard what it has reported by SACK and not acknowledged. What comes in order
    /// is worth more than all that waits behind it, or the hole would never close.
    /// </summary>
    private bool TryWriteInOrder(SegmentBytes bytes)
    {
        if (_receive.TryWriteNext(_ownership, _v.RcvNxt, bytes))
        {
            return true;
        }

        if (_reassembly.Count == 0)
        {
            return false;
        }

        _reassembly.Clear();
        _receive.DiscardBeyond(_v.RcvNxt);
        _counters.Value.Reneged++;
        return _receive.TryWriteNext(_ownership, _v.RcvNxt, bytes);
    }

    private void ReceiveInOrder(in TcpSegment segment, SeqNum right, Microseconds now)
    {
        bool hadHoles = _reassembly.Count > 0;
        SeqNum next = hadHoles ? _reassembly.Advance(right) : right;
        uint advanced = (uint)(next - _v.RcvNxt);
        _v.RcvNxt = next;
        _v.RcvWnd -= advanced;
        _counters.Value.BytesReceived += advanced;
        Tune(segment, now);

        // RFC 5681 4.2: a segment that fills all or part of a gap is acknowledged at once.
        Microseconds rto = RttEstimator.CurrentRto(_v, _invariants);
        if (_delayedAck.OnInOrder(segment, ref _v, _invariants, rto, now) || hadHoles)
        {
            _v.AckNow = true;
        }
        else if (_v.DelayedAckAt.IsNever)
        {
            _v.DelayedAckAt = now + _invariants.DelayedAckTimeout;
        }

        // What waited behind a hole has waited enough.
        OnDataForApplication(isPushed: segment.Has(TcpFlags.Psh) || next != right, now);
    }

    private Verdict ReceiveOutOfOrder(in TcpSegment segment, SeqNum left, SeqNum right, SegmentBytes bytes, Microseconds now)
    {
        if (ReferenceEquals(_reassembly, Reassembly.None))
        {
            _reassembly = new Reassembly(Reassembly.CapacityFor(_receive.Limit));
        }

        bool canAdd = _reassembly.CanAdd(left);
        if (!canAdd || !_receive.TryWriteBeyond(left, bytes, _v.RcvNxt, _reassembly.Bytes))
        {
            // RFC 5681 4.2: answered as any segment out of order is, so that the peer learns what is missing before it.
            _counters.Value.DroppedReassemblyFull += canAdd ? 0 : 1;
            _counters.Value.DroppedNoMemoryBeyond += canAdd ? 1 : 0;
            _v.AckNow = true;
            return Verdict.Dropped;
        }

        if (_reassembly.TryFindKnown(left, right, out SackBlock known))
        {
            NoteDuplicate(known, now);
        }

        int holes = _reassembly.Count;
        if (_reassembly.Add(left, right))
        {
            // RFC 2018 8: what lies nearer to RCV.NXT is worth more.
            _counters.Value.DroppedReassemblyFull++;
            _receive.DiscardBeyond(_reassembly.End);
        }

        _counters.Value.OutOfOrder += segment.SegmentCount;

        // A new hole is told at once as well: an acknowledgement has room for three or four blocks.
        bool isEarly = _earlyDuplicates.Take(_v.RcvNxt) || _reassembly.Count > holes || !_connection.SackPermitted;
        if (isEarly && _invariants.IsPathUsable)
        {
            SendAck(AckSequence, now);
        }
        else
        {
            _v.AckNow = true;
        }

        return Verdict.Consumed;
    }

    /// <summary>
    /// The PUSH timer. The patent lists "time remaining for PUSH" among the variables without defining it. Our definition: data received
    /// without PSH that does not fill the application's request is handed up when this timer runs out; with PSH, or when the request is
    /// filled, at once. RFC 9293 3.9.1.3 leaves it open when data without PSH is passed on.
    /// </summary>
    private void OnDataForApplication(bool isPushed, Microseconds now)
    {
        // More than half of what may wait need not come before the window closes.
        int requested = Math.Min(_receive.Requested, _receive.Allowance / 2);
        if (isPushed || _receive.IsPostedFull || (requested > 0 && _v.RcvNxt - _receive.Taken >= requested))
        {
            _shouldDeliver = true;
            _v.PushAt = Microseconds.Never;
        }
        else if (_v.PushAt.IsNever && !_shouldDeliver)
        {
            _v.PushAt = now + _invariants.PushTimeout;
        }
    }
}
