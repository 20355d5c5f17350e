using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.Actors;

/// <content>How the connection gets on, for the host.</content>
internal sealed partial class ConnectionActor
{
    private ConnectionPhase _phase;

    private void TellPhase(in SegmentVariants variants)
    {
        ConnectionPhase phase = PhaseOf(in variants);
        if (phase != _phase)
        {
            _phase = phase;
            _toe.Host.Tell(new Toe.Event.StateChanged(_seat.Id, phase), Self);
        }
    }

    private ConnectionPhase PhaseOf(in SegmentVariants variants)
    {
        if (!_seat.Segment.IsPathUsable)
        {
            return ConnectionPhase.Halted;
        }

        if (variants.Retransmissions > 0)
        {
            return ConnectionPhase.Unanswered;
        }

        // Probes that are answered start their count again.
        bool isClosed = variants.SndWnd == 0 && (variants.WindowProbesSent > 0 || _phase == ConnectionPhase.WindowClosed);
        return isClosed ? ConnectionPhase.WindowClosed : ConnectionPhase.Running;
    }
}
