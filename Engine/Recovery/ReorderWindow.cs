using System.Runtime.InteropServices;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <summary>
/// RFC 8985 6.2 step 4: how long a segment may be overtaken before it is taken for lost, learned from reordering and from duplicates. Part of
/// <see cref="SegmentVariants"/>: a path that reorders goes on doing so after a move.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct ReorderWindow
{
    /// <summary>RFC 8985 6.2 step 4: recoveries without a duplicate after which the window is small again.</summary>
    private const byte Persistence = 16;

    // RACK.dsack_round.
    private SeqNum _roundEnd;
    private byte _isInRound;

    // RACK.reo_wnd_mult less 1.
    private byte _widened;
    private byte _persist;
    private byte _isReordered;

    /// <summary>RACK.reordering_seen.</summary>
    internal readonly bool IsReorderingSeen => _isReordered != 0;

    internal void OnReordering() => _isReordered = 1;

    /// <summary>A round trip with a duplicate (DSACK) widens the window: what was sent again had not been lost.</summary>
    internal void OnAck(bool hasDuplicate, SeqNum sndUna, SeqNum sndNxt)
    {
        if (_isInRound != 0 && sndUna >= _roundEnd)
        {
            _isInRound = 0;
        }

        if (_isInRound == 0 && hasDuplicate)
        {
            _isInRound = 1;
            _roundEnd = sndNxt;
            _widened = (byte)Math.Min(byte.MaxValue, _widened + 1);
            _persist = Persistence;
        }
    }

    internal void OnRecovered()
    {
        _persist = (byte)Math.Max(0, _persist - 1);
        if (_persist == 0)
        {
            _widened = 0;
        }
    }

    /// <summary>RACK.reo_wnd.</summary>
    /// <param name="isInDoubt">Whether neither a recovery is under way nor enough was reported (DupThresh) to begin one.</param>
    /// <param name="minRtt">RACK.min_RTT; Never: unknown.</param>
    /// <param name="smoothedRtt">SRTT.</param>
    internal readonly Microseconds Length(bool isInDoubt, Microseconds minRtt, Microseconds smoothedRtt) =>
        (_isReordered == 0 && !isInDoubt) || minRtt.IsNever
            ? Microseconds.Zero
            : Microseconds.Min(new Microseconds((_widened + 1) * minRtt.Value / 4), smoothedRtt);
}
