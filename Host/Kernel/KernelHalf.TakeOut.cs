using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.Transport;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <content>Out of the kernel.</content>
internal sealed partial class KernelHalf
{
    public string? Prepare()
    {
        KernelFlow flow = _flow!;
        if (flow.HasEnding)
        {
            return "one of its directions has ended";
        }

        if (_stack.Checks.Refuse(flow.Socket, Flow, _path!.LinkIndex) is { } reason)
        {
            return reason;
        }

        try
        {
            _options = _options?.Renewed(flow.Socket, keepsReceiveBuffer: flow.WhenThereIsRoom is not null) ?? SocketOptions.Of(flow.Socket);
            _standby = new Standby(
                flow.Socket, _local, _remote, _options, _stack.FreshOptions(flow.Socket.AddressFamily), holdsPort: _isActive != false);
        }
        catch (SocketException e)
        {
            return $"there is no socket for its way back: {e.Message}";
        }

        _stack.Paths.Watch(Flow, _path);
        return null;
    }

    /// <summary>1. Stop reading and writing. 2. is the claim: repair mode alone does not stop the kernel from receiving and acknowledging.</summary>
    public void Stop() => _flow!.Stop();

    public TakeOut TakeOut(IFlowGate gate)
    {
        KernelFlow flow = _flow!;
        var repair = new TcpRepair(flow.Socket);
        try
        {
            TakeOut result = Freeze(flow, repair);
            return result is TakeOut.Refused refused ? GiveUp(gate, repair, flow, refused.Reason) : result;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return GiveUp(gate, repair, flow, e.Message);
        }
    }

    public void StayHere()
    {
        Try(_standby!.Dispose);
        _standby = null;
        _stack.Paths.Forget(Flow);
        _flow!.Resume();
    }

    public void Vacate()
    {
        if (Interlocked.Exchange(ref _left, null) is not { } socket)
        {
            return;
        }

        try
        {
            // 4. In repair mode closing sends nothing.
            new TcpRepair(socket).Drop();
        }
        catch (SocketException)
        {
            // It is closed next, which does as well unless somebody else holds the descriptor at this moment.
        }

        socket.Dispose();
    }

    /// <returns>What was taken out, or why it stays: then no bytes have moved.</returns>
    private TakeOut Freeze(KernelFlow flow, TcpRepair repair)
    {
        // 3. Freeze, look at the state as it is now, read everything.
        Socket socket = flow.Socket;
        repair.Enter();
        var state = (TcpState)socket.GetTcpInfo().State;
        if (state != TcpState.Established)
        {
            return new TakeOut.Refused($"its state is {state}");
        }

        if (socket.HasUrgentData())
        {
            return new TakeOut.Refused("urgent data is pending");
        }

        using FrozenSocket frozen = FrozenSocket.Read(socket, repair);
        (Neighbor neighbor, NetworkPath path) = _stack.Paths.Take(Flow);
        var snapshot = new KernelSnapshot(Flow, _options!, neighbor, path);
        _invariants ??= snapshot.Connection(repair, frozen);
        SegmentVariants variants = frozen.Variants(_invariants);
        _last.Complete(ref variants, frozen.Info.BytesRetransmitted > 0, neighbor.Mac, MonotonicClock.System.Now);
        SegmentInvariants segment = snapshot.Segment(_invariants, frozen.Info, _memory, _stack.CongestionControl) with
        {
            ReturnableFlight = _stack.ReturnableFlight,
        };
        if (segment.EffectiveMss < SegmentInvariants.SmallestMss)
        {
            return new TakeOut.Refused($"its segments carry {segment.EffectiveMss} bytes at most");
        }

        // The last step that may fail: once the bytes have moved there is no way back.
        frozen.MoveInto(_memory.Send, _memory.Receive);

        // Sizes that the application has fixed on its socket hold for its buffers here too.
        _memory.Receive.Limit = _options!.ReceiveBufferLimit ?? _memory.Receive.Limit;
        _memory.Send.Limit = _options.SendBufferLimit ?? _memory.Send.Limit;

        EndCount(frozen.Info);
        _path = null;
        Volatile.Write(ref _last, LastHandBack.None);
        _left = socket;
        if (_memory.Receive.HasSome)
        {
            // What the kernel had not delivered may be all that comes for a long time.
            _events.Readable();
        }

        return new TakeOut.Taken(_invariants, segment, variants);
    }

    /// <summary>Every step for itself, so that one that fails (the socket may be reset by now) does not leave the flow nobody's.</summary>
    private TakeOut.Refused GiveUp(IFlowGate gate, TcpRepair repair, KernelFlow flow, string reason)
    {
        foreach (Action step in (ReadOnlySpan<Action>)
        [
            () => gate.Release([Flow]),
            repair.LeaveSilently,
            () => _options?.ApplyAfterRepair(flow.Socket),
            () => gate.Forward(Flow, packet => _stack.Reinjector.Inject(packet, _scope)).Wait(IFlowGate.Patience),
            StayHere,
        ])
        {
            Try(step);
        }

        return new TakeOut.Refused(reason);
    }

    private void Try(Action step)
    {
        try
        {
            step();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Log.StepFailed(_stack.Logger, e, Flow);
        }
    }
}
