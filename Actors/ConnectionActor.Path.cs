using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.Actors;

/// <content>What the path tells, and what of it is believed: too big, in fragments, no answer.</content>
internal sealed partial class ConnectionActor
{
    private SeqNum? _fragmentAt;
    private int _unanswered;

    /// <summary>An ICMP "too big" quotes this flow.</summary>
    internal sealed record TooBig(int Mtu, SeqNum Quoted);

    /// <summary>A segment of this flow came in fragments.</summary>
    internal sealed record FirstFragment(SeqNum Seq);

    /// <summary>The host has replaced the next hop or the path that this connection shares with others.</summary>
    private void TakePathNews(Microseconds now)
    {
        SegmentInvariants next = _seat.Segment.Over(_seat.Path.Neighbor.Current, _seat.Path.Current, _seat.Connection);
        if (!ReferenceEquals(next, _seat.Segment))
        {
            WorkWith(next, now);
        }
    }

    private void WorkWith(SegmentInvariants next, Microseconds now)
    {
        _seat.Segment = _toe.Invariants.Of(next);
        _engine.Update(_seat.Segment, now);
        _framer = null;
    }

    /// <summary>RFC 4861 7.3.1: new data was acknowledged, so the next hop is there. The kernel does not see it, and would ask.</summary>
    private void Confirm(Microseconds now)
    {
        NeighborCell neighbor = _seat.Path.Neighbor;
        if (neighbor.Current.Id != default && neighbor.ShouldConfirm(now))
        {
            _toe.Host.Tell(new Toe.Event.NeighborConfirmed(neighbor.Current.Id), Self);
        }
    }

    private void Consider(TooBig report)
    {
        // RFC 5927 4.1: a report about a segment that is not in flight is not ours or not genuine.
        ref readonly SegmentVariants variants = ref _engine.Variants;
        if (report.Quoted >= variants.SndUna && report.Quoted < variants.SndMax && report.Mtu < _seat.Segment.PathMtu)
        {
            _toe.Host.Tell(new Toe.Event.PathTooBig(_seat.Id, report.Mtu), Self);
        }
    }

    /// <summary>
    /// The segment that is next came in fragments, and so did its retransmission: the peer gets on with the host only. Nobody off the path
    /// knows RCV.NXT (RFC 5961 3.2).
    /// </summary>
    private void Consider(FirstFragment fragment)
    {
        bool isNext = fragment.Seq == _engine.Variants.RcvNxt;
        if (isNext && fragment.Seq == _fragmentAt)
        {
            Request(UploadReason.Fragments);
        }

        _fragmentAt = isNext ? fragment.Seq : _fragmentAt;
    }

    /// <summary>
    /// RFC 9293 3.8.3 (b) and RFC 4861 7.3.1: who sees that nothing is answered says so, as the kernel does not see an owned flow's
    /// segments. Of probes, the last one may yet be answered.
    /// </summary>
    private void Suspect(in SegmentVariants variants)
    {
        int unanswered = Unanswered(in variants);
        if (unanswered > _unanswered)
        {
            _toe.Host.Tell(new Toe.Event.NextHopSuspect(_seat.Id), Self);
        }

        _unanswered = unanswered;
    }

    private static int Unanswered(in SegmentVariants variants) =>
        Math.Max(variants.Retransmissions, Math.Max(variants.WindowProbesSent, variants.KeepAliveProbesSent) - 1);
}
