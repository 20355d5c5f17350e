using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;

namespace TcpActors.Specs.Properties;

/// <summary>What the RFCs have done with a segment.</summary>
internal enum Fate
{
    /// <summary>Nothing of it counts.</summary>
    Dropped,

    /// <summary>It leaves ESTABLISHED, or is urgent: the host's. To the engine nothing of it counts.</summary>
    Host,

    /// <summary>The acknowledgement counts, the payload does not: it came into a closed window.</summary>
    AckOnly,

    /// <summary>The acknowledgement counts, and of the payload what is in the window.</summary>
    Accepted,
}

/// <summary>
/// RFC 9293 3.10.7.4 for ESTABLISHED with RFC 5961 and RFC 7323, written down once more in distances from RCV.NXT and SND.UNA instead of the
/// engine's modular comparisons.
/// </summary>
internal static class Rules
{
    public static Fate FateOf(PeerSegment segment, in SegmentVariants v, ConnectionInvariants connection)
    {
        bool isReset = segment.Flags.HasFlag(TcpFlags.Rst);
        bool isFin = segment.Flags.HasFlag(TcpFlags.Fin);
        long seq = segment.Seq - v.RcvNxt;
        long length = segment.Payload.Length + (isFin ? 1 : 0);
        long window = v.RcvWnd;
        if (segment.Flags.HasFlag(TcpFlags.Syn) && !isReset)
        {
            // RFC 5961 4.2.
            return Fate.Dropped;
        }

        if (connection.TimestampsEnabled && !isReset && !PassesPaws(segment, v))
        {
            return Fate.Dropped;
        }

        if (isReset)
        {
            // RFC 5961 3.2.
            return seq == 0 ? Fate.Host : Fate.Dropped;
        }

        // RFC 9293 3.10.7.4, first, with A.2: an acknowledgement that stands where the window ends.
        bool isProbe = window == 0 && length > 0 && seq == 0;
        bool isInside = window > 0 && ((seq >= 0 && seq < window) || (length > 0 && seq + length - 1 >= 0 && seq + length - 1 < window));
        bool isAtEdge = length == 0 && seq == window;
        if (!isProbe && !isInside && !isAtEdge)
        {
            return Fate.Dropped;
        }

        // RFC 5961 5.2.
        long ack = segment.Ack - v.SndUna;
        if (!segment.Flags.HasFlag(TcpFlags.Ack) || ack > v.Flight || ack < -(long)v.MaxWindow)
        {
            return Fate.Dropped;
        }

        bool isUrgent = segment.Flags.HasFlag(TcpFlags.Urg) && seq + segment.UrgentPointer > 0;
        long end = seq + segment.Payload.Length;
        bool isEnd = isFin && seq <= 0 && end >= 0 && end < window;
        return isUrgent || isEnd ? Fate.Host : isProbe ? Fate.AckOnly : Fate.Accepted;
    }

    /// <summary>RFC 7323 5.3, and 3.2 for those without timestamps.</summary>
    private static bool PassesPaws(PeerSegment segment, in SegmentVariants v) =>
        segment.TsVal is { } value && (!v.TsRecentValid || (int)(value - v.TsRecent) >= 0);
}
