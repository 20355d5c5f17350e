using System.Runtime.InteropServices;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <summary>
/// RFC 8985 7: one segment sent when acknowledgements fail to come, so that those of it show what was lost. It sends one probe only, and none during recovery:
/// then a lost probe, or a lost retransmission with nothing behind it, waits for the time-out. Here more follow, each after twice the time, as RFC 9002 6.2 has
/// it, until the time-out comes. Part of <see cref="SegmentVariants"/>.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct TailLossProbe
{
    /// <summary>RFC 8985 7.2, TLP.max_ack_delay: how long a peer may hold the acknowledgement of a single segment back.</summary>
    private static readonly Microseconds WorstDelayedAck = Microseconds.FromMilliseconds(200);

    /// <summary>
    /// What is granted beside two round trips: on a path of microseconds it is the machines that take longer, and their timers (Linux grants two ticks).
    /// </summary>
    private static readonly Microseconds Slack = Microseconds.FromMilliseconds(1);

    // TLP.end_seq, TLP.is_retrans.
    private SeqNum _end;
    private byte _isOutstanding;
    private byte _isRetransmission;
    private byte _unanswered;

    /// <summary>Whether a probe was sent of which nothing was heard.</summary>
    internal readonly bool IsOutstanding => _isOutstanding != 0;

    /// <summary>The last byte of the probe sent last.</summary>
    internal readonly SeqNum Last => _end - 1;

    /// <summary>Probes since a round trip was last measured: RFC 8985 7.3 sends no more than one, here each waits twice as long as the one before.</summary>
    internal readonly int Unanswered => _unanswered;

    /// <summary>RFC 8985 7.2: PTO; doubled for each probe without an answer (RFC 9002 6.2.1).</summary>
    /// <param name="smoothedRtt">SRTT; zero: unknown.</param>
    /// <param name="mayBeHeldBack">Whether the peer may be holding its acknowledgement back, as of a single segment.</param>
    internal readonly Microseconds TimeOut(Microseconds smoothedRtt, bool mayBeHeldBack)
    {
        Microseconds first = smoothedRtt == Microseconds.Zero
            ? Microseconds.FromSeconds(1)
            : (smoothedRtt * 2) + (mayBeHeldBack ? WorstDelayedAck : Slack);
        return new Microseconds(first.Value << Math.Min(_unanswered, (byte)20));
    }

    internal void OnSent(SeqNum end, bool isRetransmission)
    {
        (_end, _isOutstanding, _isRetransmission) = (end, 1, isRetransmission ? (byte)1 : (byte)0);
        _unanswered = (byte)Math.Min(byte.MaxValue, _unanswered + 1);
    }

    /// <summary>A round trip was measured.</summary>
    internal void OnMeasured() => _unanswered = 0;

    internal void End() => _isOutstanding = 0;

    /// <summary>Whether a reported duplicate is the probe: the original was not lost.</summary>
    internal readonly bool IsProbe(SeqNum duplicateEnd) => IsOutstanding && _isRetransmission != 0 && duplicateEnd == _end;

    /// <summary>RFC 8985 7.4.2: an acknowledgement came in.</summary>
    /// <param name="ack">SEG.ACK.</param>
    /// <param name="isForNothing">
    /// Whether it says that the probe arrived twice: it reports it as a duplicate (case 1), or it is a duplicate acknowledgement without SACK
    /// of a peer that reports no duplicates (case 2).
    /// </param>
    /// <returns>Whether the probe has mended a loss: it is to be answered for as one.</returns>
    internal bool OnAck(SeqNum ack, bool isForNothing)
    {
        if (!IsOutstanding || ack < _end)
        {
            return false;
        }

        if (_isRetransmission == 0 || isForNothing)
        {
            _isOutstanding = 0;
            return false;
        }

        if (ack > _end)
        {
            _isOutstanding = 0;
            return true;
        }

        return false;
    }
}
