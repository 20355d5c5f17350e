using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Engine;

/// <content>What arrives twice, and how the peer hears of it (RFC 2883).</content>
public sealed partial class TcpEngine
{
    private DuplicateReport _duplicate;

    /// <summary>
    /// A segment that was not acceptable, by its number or its timestamp (a late original comes after the retransmission that moved
    /// TS.Recent), may be one that was received before. Linux reports whatever begins before RCV.NXT; here it must be what the peer can
    /// have sent: within a window before RCV.NXT and with an acknowledgement that RFC 5961 5.2 takes. So whoever guesses numbers has the
    /// acknowledgement that he would have anyway, and cannot have the peer take a repair for a vain one.
    /// </summary>
    private void NoteOldDuplicate(in TcpSegment segment, Microseconds now)
    {
        uint furthest = Math.Max((uint)_receive.Limit, _v.RcvWnd);
        bool isBefore = segment.Seq < _v.RcvNxt && (uint)(_v.RcvNxt - segment.Seq) <= furthest;
        if (isBefore && !segment.Payload.IsEmpty && segment.Has(TcpFlags.Ack) && AcceptableAck.Test(segment.Ack, _v))
        {
            NoteDuplicate(new SackBlock(segment.Seq, SeqNum.Min(segment.Seq + segment.Payload.Length, _v.RcvNxt)), now);
        }
    }

    /// <summary>It is acknowledged at once, as is what follows: the peer sends again, so its window is small.</summary>
    private void NoteDuplicate(SackBlock duplicate, Microseconds now)
    {
        _delayedAck.StartQuick();
        if (_connection.SackPermitted && !_duplicate.TryAdd(duplicate))
        {
            SendDuplicateReport(now);
            _duplicate.TryAdd(duplicate);
        }
    }

    /// <summary>
    /// As a segment without data: the options of a run are those of each segment that it is cut into, and a duplicate is reported once.
    /// </summary>
    private void SendDuplicateReport(Microseconds now)
    {
        if (_duplicate.IsPending && _invariants.IsPathUsable)
        {
            SendAck(AckSequence, now);
        }

        _duplicate.Take();
    }

    /// <summary>
    /// The blocks of a pure acknowledgement: the duplicate first, then what is held beyond RCV_NXT, the range with the duplicate before the
    /// others (RFC 2883 4 (4) and (5), RFC 2018 4).
    /// </summary>
    private SackBlocks BlocksToReport()
    {
        if (!_duplicate.IsPending)
        {
            return _reassembly.Report(MaxSackBlocks);
        }

        SackBlocks blocks = default;
        blocks.Add(_duplicate.Take());
        _counters.Value.DsacksSent++;
        SackBlocks held = _reassembly.Report(MaxSackBlocks - 1);
        for (int i = 0; i < held.Count; i++)
        {
            blocks.Add(held[i]);
        }

        return blocks;
    }
}
