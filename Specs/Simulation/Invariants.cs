using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;

namespace TcpActors.Specs.Simulation;

/// <summary>What must hold after every batch of every node, whatever the network did; checked between the commit and the sending.</summary>
internal sealed class Invariants
{
    private static readonly Microseconds LongestDelayedAck = Microseconds.FromMilliseconds(500);

    private readonly EngineNode _node;

    // The furthest right edges: what the peer has told us, what we have told the peer.
    private SeqNum _permitted;
    private SeqNum _offered;
    private SeqNum _acknowledged;

    public Invariants(EngineNode node)
    {
        _node = node;
        ref readonly SegmentVariants start = ref node.Variants;
        (_permitted, _offered) = (start.SndUna + start.SndWnd, start.RcvNxt + start.RcvWnd);
        _acknowledged = start.SndUna;
    }

    /// <summary>Any segment that reached the node: whatever the engine makes of it, the peer has offered this window.</summary>
    public void Permit(in TcpSegment segment) =>
        _permitted = SeqNum.Max(_permitted, segment.Ack + ((uint)segment.Window << _node.Setup.Connection.SendWindowScale));

    /// <exception cref="SimulationException">When something does not hold.</exception>
    public void Check(TransmitQueue output)
    {
        ref readonly SegmentVariants v = ref _node.Variants;
        Require(v.SndUna <= v.SndNxt && v.SndNxt <= v.SndMax, "SND_UNA <= SND_NXT <= SND_MAX");
        Require(v.SndUna >= _acknowledged, "SND_UNA does not go back");
        Require(_node.Memory.Send.Una == v.SndUna, "what is acknowledged and committed is freed, and nothing else");
        Require(v.SndMax <= _node.Memory.Send.End, "nothing is sent that was not written");
        Require(v.RcvNxt + v.RcvWnd >= _offered, "the right edge that the peer was told never moves left");
        Require(_node.Memory.Receive.Committed == v.RcvNxt, "what the application sees ends at the committed RCV_NXT");
        Require(_node.Memory.Slot.Epoch == _node.Owner.Epoch, "there is one owner");
        _acknowledged = v.SndUna;
        _offered = v.RcvNxt + v.RcvWnd;
        CheckOutput(output, in v);
        CheckDeadlines(in v);
        CheckTravel(in v);
    }

    private void CheckOutput(TransmitQueue output, in SegmentVariants v)
    {
        foreach (ref readonly OutgoingSegment segment in output.Segments)
        {
            // RFC 9293 3.8.6, 3.8.6.1: never a byte beyond the furthest edge, but for the one octet that probes a closed window.
            SeqNum end = segment.Seq + segment.Length;
            bool isProbe = segment.Length == 1 && v.SndWnd == 0;
            Require(segment.Length == 0 || isProbe || end <= _permitted, "nothing is sent beyond the peer's window");
            Require(segment.Length == 0 || segment.Seq >= v.SndUna, "nothing acknowledged is sent again");
            Require(segment.Ack <= v.RcvNxt, "nothing is acknowledged that is not committed");
        }
    }

    private void CheckDeadlines(in SegmentVariants v)
    {
        SegmentInvariants invariants = _node.Setup.Segment;
        Microseconds now = _node.Owner.Now;
        Require(IsWithin(v.RetransmitAt, now + invariants.MaxRto), "the retransmission timer is within the longest RTO");
        Require(IsWithin(v.PersistAt, now + invariants.MaxRto), "the persist timer is within the longest RTO");
        Require(IsWithin(v.DelayedAckAt, now + LongestDelayedAck), "an acknowledgement waits for 500 ms at most (RFC 9293, MUST-40)");
        Require(IsWithin(v.PushAt, now + invariants.PushTimeout), "the PUSH timer is within its time");
        Require(_node.Owner.Engine.NextDeadline > now, "what was due is done");

        // Else nothing would ever repair a loss. Only an upload that was asked for may end that.
        bool isWatched = !v.RetransmitAt.IsNever || !v.PersistAt.IsNever;
        Require(v.SndUna == v.SndMax || isWatched || !invariants.IsPathUsable, "what is in flight has a timer");
    }

    /// <summary>A move takes nothing from the variables: they come back from relative times as they were.</summary>
    private void CheckTravel(in SegmentVariants v)
    {
        Microseconds now = _node.Owner.Now;
        SegmentVariants back = v.ToTimesRemaining(now).ToDeadlines(now);
        Require(BytesOf(in back).SequenceEqual(BytesOf(in v)), "times remaining and deadlines are each other's inverse");
    }

    private static ReadOnlySpan<byte> BytesOf(in SegmentVariants variants) => MemoryMarshal.CreateReadOnlySpan(
        ref Unsafe.As<SegmentVariants, byte>(ref Unsafe.AsRef(in variants)), Unsafe.SizeOf<SegmentVariants>());

    private static bool IsWithin(Microseconds deadline, Microseconds latest) => deadline.IsNever || deadline <= latest;

    private void Require(bool condition, string invariant)
    {
        if (!condition)
        {
            throw new SimulationException($"It does not hold that {invariant}: {_node}");
        }
    }
}
