using System.Runtime.InteropServices;
using TcpActors.Engine.State;

namespace TcpActors.Engine.Congestion;

/// <summary>The sender's answer to marks that the peer echoes (RFC 3168 6.1.2). Part of <see cref="SegmentVariants"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct EcnReaction
{
    private SeqNum _point;
    private byte _isReduced;
    private byte _owesCwr;
    private byte _isForMark;

    /// <summary>Whether the next segment with new data is to carry CWR.</summary>
    internal readonly bool OwesCwr => _owesCwr != 0;

    /// <summary>
    /// An acknowledgement carries ECE. SND_CWIN and SSTHRESH are reduced unless they were for the same window of data: for a mark, or for a
    /// loss, which asks for the same and has CWR sent too.
    /// </summary>
    /// <param name="variants">SND_UNA as the acknowledgement left it.</param>
    /// <param name="congestion">Says how far.</param>
    /// <param name="mark">Of kind <see cref="LossKind.Mark"/>.</param>
    /// <returns>Whether they were reduced.</returns>
    internal bool OnEcho(ref SegmentVariants variants, ICongestionControl congestion, in LossEvent mark)
    {
        if (_isReduced != 0 && variants.SndUna <= _point)
        {
            return false;
        }

        OnReduced(variants);
        if (variants.Recovery != RecoveryPhase.Open)
        {
            return false;
        }

        _isForMark = 1;
        uint threshold = congestion.ThresholdAfterLoss(ref variants, mark);
        variants.SlowStartThreshold = threshold;
        if (!congestion.SetsWindowInRecovery)
        {
            // RFC 9438 4.6: SSTHRESH stays at two segments, SND_CWIN goes down to one.
            uint floor = 2 * (uint)mark.Mss;
            variants.CongestionWindow = variants.CongestionWindow <= floor
                ? Math.Min(variants.CongestionWindow, (uint)mark.Mss)
                : Math.Min(variants.CongestionWindow, threshold);
        }

        return true;
    }

    /// <summary>The window was reduced, for a loss too: no mark up to SND_MAX asks for more, and the peer is told.</summary>
    internal void OnReduced(in SegmentVariants variants)
    {
        _point = variants.SndMax;
        (_isReduced, _isForMark) = (1, 0);
        _owesCwr = 1;
    }

    /// <summary>
    /// RFC 3168 6.1.2: the window is reduced once for marks and losses of one window of data. Whether a mark has been answered with what is
    /// lost under way.
    /// </summary>
    /// <param name="lost">A byte that is lost.</param>
    internal readonly bool HasAnsweredFor(SeqNum lost) => _isReduced != 0 && _isForMark != 0 && lost < _point;

    /// <summary>
    /// The reduction was for nothing and is taken back, so a mark in that window of data has not been answered for. RFC 4015 3.1 step 9
    /// would rather keep what the time-out has left.
    /// </summary>
    internal void OnUndone() => _isReduced = 0;

    /// <summary>New data was sent, with CWR if it was owed.</summary>
    internal void OnNewDataSent() => _owesCwr = 0;

    /// <summary>Keeps the point within reach of a comparison while sequence numbers go round.</summary>
    internal void OnAcked(in SegmentVariants variants)
    {
        if (_isReduced != 0 && variants.SndUna > _point)
        {
            _isReduced = 0;
        }
    }
}
