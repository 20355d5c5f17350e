using TcpActors.Engine.Recovery;
using TcpActors.Engine.State;

namespace TcpActors.Engine;

/// <content>What was taken for lost and was not: how that shows, and what is given back.</content>
public sealed partial class TcpEngine
{
    /// <summary>RFC 2883: what arrived twice was not lost when it was sent again, or the network doubled it.</summary>
    /// <returns>Whether a tail loss probe has mended a loss.</returns>
    private bool TakeDuplicateReport(SeqNum ack, in AckResult result, Microseconds now)
    {
        bool isProbe = result.HasDuplicate && _v.Probe.IsProbe(result.Duplicate.Right);
        bool hasMended = _v.Probe.OnAck(ack, isProbe);
        if (!_connection.SackPermitted)
        {
            return false;
        }

        _v.ReorderWindow.OnAck(result.HasDuplicate && !isProbe, ack, _v.SndMax);
        if (result.HasDuplicate)
        {
            _counters.Value.DuplicatesReported++;
            _v.Undo.NoteDuplicate(result.IsDuplicateOfNetwork);
            if (!isProbe && _v.Undo.OnDuplicate(result, _v.RetransmittedTo))
            {
                UndoRecovery(now);
            }
        }

        return hasMended;
    }

    /// <summary>A duplicate acknowledgement without a report where the peer would report what it holds: something arrived twice.</summary>
    private void TakeBareDuplicate(SeqNum ack)
    {
        // RFC 8985 7.4.2, case 2.
        _v.Probe.OnAck(ack, isForNothing: true);
        if (_v.ForwardRto == ForwardRto.SecondAck)
        {
            BelieveTimeout();
        }
    }

    /// <summary>
    /// RFC 5682 3.1: whether the time-out was spurious shows when, after the first acknowledgement, new data is sent instead of old, and then something
    /// is delivered that was not sent again.
    /// </summary>
    private void AdvanceForwardRto(uint acked, in AckResult result, Microseconds now)
    {
        switch (_v.ForwardRto)
        {
            case ForwardRto.FirstAck when acked > 0:
                // Step 2b; without anything new to send there is no telling, nor where the window has no room for a segment of it
                // (RFC 9293 3.8.6.2.1 lets nothing less out).
                int unsent = SendableEnd - _v.SndMax;
                int room = _v.SndUna + _v.SndWnd - _v.SndMax;
                _v.ForwardRto = unsent > 0 && room >= Math.Min(unsent, Mss) ? ForwardRto.SecondAck : ForwardRto.Off;
                break;
            case ForwardRto.SecondAck when result.OriginalDelivered:
                UndoRecovery(now);
                break;
            case ForwardRto.SecondAck when acked > 0 || result.NewlySacked > 0 || result.IsDuplicateAck:
                BelieveTimeout();
                break;
        }
    }

    /// <summary>
    /// RFC 5682 3.1 step 3a: the time-out was not for nothing, and what was lost is sent again. Three segments may be in flight: the two
    /// that F-RTO has sent, and one.
    /// </summary>
    private void BelieveTimeout()
    {
        _v.ForwardRto = ForwardRto.Off;
        _retransmitFirst = true;
    }

    /// <summary>RFC 4015: the reduction was for nothing.</summary>
    private void UndoRecovery(Microseconds now)
    {
        if (_v.Recovery == RecoveryPhase.Loss)
        {
            _counters.Value.TimeoutsUndone++;
        }
        else
        {
            _counters.Value.RecoveriesUndone++;
        }

        if (_v.Undo.Apply(ref _v) || _congestion.SetsWindowInRecovery)
        {
            _congestion.OnUndo(ref _v, now);
        }

        _records.UnmarkLost();
        if (_v.Recovery != RecoveryPhase.Open)
        {
            EndRecovery();
            _v.Ecn.OnUndone();
            _v.RtoBackoff = 0;
        }
    }
}
