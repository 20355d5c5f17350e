using TcpActors.Engine.State;
using TcpActors.Engine.Wire;

namespace TcpActors.Specs.Claims;

/// <summary>
/// The sequence variables of a connection's host as they follow from what has passed on the wire since its SYN (RFC 9293 3.3.1), by somebody who knows
/// nothing of either end.
/// </summary>
internal sealed class WireReading
{
    public WireReading(IReadOnlyList<WireSegment> segments)
    {
        WireSegment syn = segments.First(segment => !segment.IsFromHost && segment.Has(TcpFlags.Syn));
        WireSegment answer = segments.First(segment => segment.IsFromHost && segment.Has(TcpFlags.Syn));
        (byte sendScale, byte receiveScale) = (syn.Options.WindowScale ?? 0, answer.Options.WindowScale ?? 0);
        (SndUna, SndMax, RcvNxt) = (answer.Seq + 1, answer.Seq + 1, syn.Seq + 1);
        ReceiveEdge = RcvNxt;
        foreach (WireSegment segment in segments.Where(segment => !segment.Has(TcpFlags.Syn)))
        {
            if (segment.IsFromHost)
            {
                SndMax = SeqNum.Max(SndMax, segment.End);
                ReceiveEdge = SeqNum.Max(ReceiveEdge, segment.Ack + ((uint)segment.Window << receiveScale));
                LastTimestamp = segment.Options.TsVal;
            }
            else
            {
                SndUna = SeqNum.Max(SndUna, segment.Ack);
                SndWnd = (uint)segment.Window << sendScale;
                MaxWindow = Math.Max(MaxWindow, SndWnd);
                RcvNxt = SeqNum.Max(RcvNxt, segment.End);
                PeerTimestamp = segment.Options.TsVal;
            }
        }
    }

    /// <summary>Behind what the peer has acknowledged.</summary>
    public SeqNum SndUna { get; }

    /// <summary>Behind everything that the host has sent.</summary>
    public SeqNum SndMax { get; }

    /// <summary>Behind everything that the peer has sent: what is next once all of it has been taken.</summary>
    public SeqNum RcvNxt { get; }

    /// <summary>The right edge of the window that the host has offered.</summary>
    public SeqNum ReceiveEdge { get; }

    /// <summary>The peer's window, scaled.</summary>
    public uint SndWnd { get; }

    /// <summary>The largest window that the peer has offered, scaled.</summary>
    public uint MaxWindow { get; }

    /// <summary>TSval of the host's last segment.</summary>
    public uint LastTimestamp { get; }

    /// <summary>TSval of the peer's last segment.</summary>
    public uint PeerTimestamp { get; }
}
