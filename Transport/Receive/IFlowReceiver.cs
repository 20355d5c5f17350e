using TcpActors.Engine.State;

namespace TcpActors.Transport.Receive;

/// <summary>Who owns a flow. Called on the receiving thread; must not block.</summary>
public interface IFlowReceiver
{
    /// <summary>Segments wait in the flow's queue. Rung once until <see cref="FlowEntry.AnswerDoorbell"/>.</summary>
    void SegmentsReady();

    /// <summary>An ICMP "too big" quotes a segment of this flow.</summary>
    /// <param name="mtu">The MTU it reports, in bytes; not yet believed.</param>
    /// <param name="quoted">Sequence number of the quoted segment: RFC 5927 4.1 has the owner check that it is in flight.</param>
    void PathTooBig(int mtu, SeqNum quoted);

    /// <summary>The first fragment of a segment came that names this flow; only the host reassembles.</summary>
    /// <param name="seq">The segment's sequence number; nothing is verified, as the checksum covers the whole segment.</param>
    void FragmentSeen(SeqNum seq);
}
