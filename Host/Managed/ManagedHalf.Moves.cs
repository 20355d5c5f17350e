using TcpActors.Engine.State;

namespace TcpActors.HostSide.Managed;

/// <content>To a TOE and back. The gate is never called under the lock: it may hold the flow's own while it forwards.</content>
internal sealed partial class ManagedHalf
{
    public string? Prepare()
    {
        lock (_lock)
        {
            return RefusalLocked();
        }
    }

    /// <summary>Nothing: the stack runs on until it is looked at for the second time.</summary>
    public void Stop()
    {
    }

    public void StayHere()
    {
    }

    public void Vacate()
    {
    }

    public TakeOut TakeOut(IFlowGate gate)
    {
        string? refusal;
        lock (_lock)
        {
            refusal = RefusalLocked();
            if (refusal is null && _running is { } running)
            {
                (_place, _strays) = (Place.Away, 0);
                Stack.Schedule(this, Microseconds.Never);
                SegmentVariants variants = running.Engine.Variants;

                // What came out of order does not travel; the peer still has it (RFC 2018 8).
                running.Receive.DiscardBeyond(variants.RcvNxt);
                return new TakeOut.Taken(_connection, _segment, variants.ToTimesRemaining(Stack.Now));
            }
        }

        // A FIN, say, came between the first look and the claim.
        gate.Release([Flow]);
        _ = gate.Forward(Flow, Stack.PacketReceived);
        return new TakeOut.Refused(refusal!);
    }

    public void Restore(in HandBack state, IFlowGate gate)
    {
        lock (_lock)
        {
            if (_running is not { } before || _place != Place.Away || Stack.IsDisposed)
            {
                throw new IOException($"The managed stack does not take {Flow} back: it has let go of it.");
            }

            (Neighbor neighbor, NetworkPath path) = Stack.Paths.Of(Flow);
            (_connection, _segment) = (state.Connection, state.Segment.Over(neighbor, path, state.Connection));
            Microseconds now = Stack.Now;
            _running = NewRunning(state.Variants.ToDeadlines(now), before.Send, before.Receive);
            _running.Engine.StartAfterMove(now);
            _place = Place.Here;
        }
    }

    public Task Resume(IFlowGate gate)
    {
        Ring();
        return gate.Forward(Flow, Stack.PacketReceived);
    }

    private string? RefusalLocked() => _place switch
    {
        Place.Here when _state == TcpState.Established => null,
        Place.Here => $"its state is {_state}; only an established connection can be offloaded",
        Place.Waiting => "it was not started",
        Place.Away => "a TOE owns it",
        _ => "it has ended",
    };
}
