using System.Runtime.InteropServices;
using TcpActors.Engine.Receive;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Recovery;

/// <summary>
/// What was given up at the beginning of a recovery, in case it turns out that nothing was lost: by a timestamp that is older than the
/// first retransmission (Eifel, RFC 3522), or by duplicates reported for everything that was sent again (RFC 3708). Part of <see cref="SegmentVariants"/>.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct Undo
{
    private uint _window;
    private uint _threshold;

    // SND_UNA when recovery began; then the end of what was reported as a duplicate.
    private SeqNum _from;
    private uint _retransmitStamp;
    private uint _unaccounted;
    private byte _isPossible;
    private byte _hasRetransmitted;
    private byte _hasStamp;

    // What holds for as long as the connection does.
    private Habits _habits;

    internal readonly bool IsPossible => _isPossible != 0;

    /// <summary>Recovery begins; the variables are as before it.</summary>
    /// <param name="variants">As they are before the reduction.</param>
    /// <param name="resent">Bytes outstanding that were sent again before, as by a probe: they may be what is acknowledged next.</param>
    /// <param name="stamp">With which TSval the first of these was; null without timestamps.</param>
    internal void Start(in SegmentVariants variants, uint resent, uint? stamp)
    {
        End();
        (_window, _threshold) = (variants.CongestionWindow, variants.SlowStartThreshold);
        _from = variants.SndUna;
        _isPossible = 1;
        if (resent > 0)
        {
            OnRetransmitted((int)resent, stamp);
        }
    }

    internal void End() => this = new Undo { _habits = _habits };

    /// <summary>Something was sent again.</summary>
    /// <param name="bytes">How much.</param>
    /// <param name="stamp">With which TSval; null without timestamps.</param>
    internal void OnRetransmitted(int bytes, uint? stamp)
    {
        if (!IsPossible)
        {
            return;
        }

        _unaccounted += (uint)bytes;
        if (_hasRetransmitted == 0 && stamp is { } value)
        {
            (_retransmitStamp, _hasStamp) = (value, 1);
        }

        _hasRetransmitted = 1;
    }

    /// <summary>RFC 3708 3 (A.4): from the first segment on that the network has doubled nobody knows who has doubled what.</summary>
    internal void NoteDuplicate(bool isOfNetwork) =>
        _habits |= isOfNetwork ? Habits.Reports | Habits.NetworkDoubles : Habits.Reports;

    /// <summary>
    /// RFC 3708 3: a duplicate was reported (RFC 2883). Each byte counts once, in order: the network, or a peer that wants to be sent more,
    /// may report it again. So what was sent again twice is never accounted for (A.3).
    /// </summary>
    /// <param name="result">The report.</param>
    /// <param name="retransmittedTo">Nothing behind it was sent again.</param>
    /// <returns>Whether with it everything sent again has arrived twice.</returns>
    internal bool OnDuplicate(in AckResult result, SeqNum retransmittedTo)
    {
        SackBlock duplicate = result.Duplicate;
        if (!IsPossible || _hasRetransmitted == 0 || duplicate.Left < _from || duplicate.Right > retransmittedTo)
        {
            return false;
        }

        if (result.IsFirstReport)
        {
            // (A.1): all acknowledgements of a flight were lost, which is congestion as well. "MUST NOT be reverted".
            End();
            return false;
        }

        _from = duplicate.Right;
        _unaccounted -= Math.Min(_unaccounted, (uint)(duplicate.Right - duplicate.Left));
        return _unaccounted == 0 && (_habits & Habits.NetworkDoubles) == Habits.None;
    }

    /// <summary>
    /// RFC 3522 3.2 steps 4 and 5: whether the acknowledgement of new data was sent before what we sent again could arrive. After a time-out
    /// it may be the answer to what was sent again all the same, when every acknowledgement of the flight was lost: it then reports a
    /// duplicate, or, of a peer that reports none, acknowledges everything.
    /// </summary>
    /// <param name="echo">TSecr; null without timestamps.</param>
    /// <param name="result">What else it says.</param>
    /// <param name="variants">SND_UNA as it leaves it.</param>
    internal readonly bool IsSentBeforeRetransmission(uint? echo, in AckResult result, in SegmentVariants variants)
    {
        if (!IsPossible || _hasStamp == 0 || echo is not { } value || value == 0 || (int)(value - _retransmitStamp) >= 0)
        {
            return false;
        }

        bool isSure = variants.SndUna < variants.SndMax || (_habits & Habits.Reports) != Habits.None;
        return variants.Recovery != RecoveryPhase.Loss || (!result.HasDuplicate && isSure);
    }

    /// <summary>
    /// Gives back what was given up, unless more than that has grown since: then "the most recent values" stay (RFC 9438 4.9.2).
    /// </summary>
    /// <returns>Whether it did.</returns>
    internal bool Apply(ref SegmentVariants variants)
    {
        bool isLess = variants.CongestionWindow <= _window;
        if (isLess)
        {
            variants.CongestionWindow = _window;
            variants.SlowStartThreshold = Math.Max(variants.SlowStartThreshold, _threshold);
        }

        End();
        return isLess;
    }

    [Flags]
    private enum Habits : byte
    {
        None = 0,

        /// <summary>The peer reports duplicates.</summary>
        Reports = 1,

        /// <summary>The network has doubled a segment.</summary>
        NetworkDoubles = 2,
    }
}
