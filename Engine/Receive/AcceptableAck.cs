using TcpActors.Engine.State;

namespace TcpActors.Engine.Receive;

/// <summary>RFC 5961 5.2: which acknowledgement numbers a segment may carry.</summary>
internal static class AcceptableAck
{
    /// <summary>
    /// SND.UNA - MAX.SND.WND =&lt; SEG.ACK =&lt; SND.NXT. The upper bound is SND_MAX here: SND_NXT falls back while a loss is repaired, and
    /// the peer may well acknowledge what was sent before.
    /// </summary>
    public static bool Test(SeqNum ack, in SegmentVariants variants) =>
        ack <= variants.SndMax && ack >= new SeqNum(variants.SndUna.Value - variants.MaxWindow);
}
