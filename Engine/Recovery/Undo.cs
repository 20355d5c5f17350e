using System.Runtime.InteropServices;
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

    internal readonly bool IsPossible => _isPossible != 0;

    /// <summary>Recovery begins; the variables are as before it. A time-out during recovery does not make it forget what was before that.</summary>
    internal void Start(in SegmentVariants variants)
    {
        if (IsPossible && variants.Recovery != RecoveryPhase.Open)
        {
            return;
        }

        this = default;
        (_window, _threshold) = (variants.CongestionWindow, variants.SlowStartThreshold);
        _from = variants.SndUna;
        _isPossible = 1;
    }

    internal void End() => this = default;

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

    /// <summary>
    /// A duplicate was reported (RFC 2883). Each byte counts once, in order: the network, or a peer that wants to be sent more, may report it again.
    /// </summary>
    /// <param name="left">Of the block.</param>
    /// <param name="right">Of the block.</param>
    /// <param name="retransmittedTo">Nothing behind it was sent again.</param>
    /// <returns>Whether with it everything sent again has arrived twice.</returns>
    internal bool OnDuplicate(SeqNum left, SeqNum right, SeqNum retransmittedTo)
    {
        if (!IsPossible || _hasRetransmitted == 0 || left < _from || right > retransmittedTo)
        {
            return false;
        }

        _from = right;

        _unaccounted -= Math.Min(_unaccounted, (uint)(right - left));
        return _unaccounted == 0;
    }

    /// <summary>RFC 3522 3.2 step 4: whether the acknowledgement of new data was sent before what we sent again could arrive.</summary>
    internal readonly bool IsSentBeforeRetransmission(uint? echo) =>
        IsPossible && _hasStamp != 0 && echo is { } value && value != 0 && (int)(value - _retransmitStamp) < 0;

    /// <summary>Gives back what was given up.</summary>
    internal void Apply(ref SegmentVariants variants)
    {
        variants.CongestionWindow = Math.Max(variants.CongestionWindow, _window);
        variants.SlowStartThreshold = Math.Max(variants.SlowStartThreshold, _threshold);
        End();
    }
}
