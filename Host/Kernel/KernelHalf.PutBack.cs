using System.Net.Sockets;
using TcpActors.Engine.State;
using TcpActors.Transport;
using TcpActors.Transport.Linux.Tcp;

namespace TcpActors.HostSide.Kernel;

/// <content>Back into the kernel.</content>
internal sealed partial class KernelHalf
{
    /// <summary>How long the kernel may take to forget the socket that was there before.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    public void Restore(in HandBack state, IFlowGate gate)
    {
        Volatile.Write(ref _last, new LastHandBack(in state, MonotonicClock.System.Now));
        try
        {
            _isFull = _memory.Receive.Free == 0;
            Restore(_standby!, in state, _isFull);
            _stack.Checks.TolerateTracked(Flow);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Try(() => gate.Release([Flow]));
            throw Lost(gate, e);
        }
    }

    public Task Resume(IFlowGate gate)
    {
        Standby standby = _standby!;
        bool isFull = _isFull;
        try
        {
            // 4. What the TOE did not consume arrives as if it came now: at once, for a segment that comes behind it must not overtake it.
            // An RST that overtook the FIN before it would seem one too far.
            Task through = gate.Forward(Flow, packet => _stack.Reinjector.Inject(packet, _scope));

            // 3. was the release: leaving repair mode before would have its window probe stopped by our own fence and cost 200 ms.
            standby.Repair.Leave();
            _options!.ApplyAfterRepair(standby.Socket, isFull);
            _standby = null;
            _memory.Receive.DiscardBeyond(_last.Given.RcvNxt);
            _memory.Receive.Allowance = int.MaxValue;
            _memory.Send.FreeTo(_last.Given.SndMax);
            KernelFlow flow = FlowOf(standby.Socket);
            flow.WhenThereIsRoom = isFull ? () => OpenWindow(standby) : null;
            Volatile.Write(ref _flow, flow);
            flow.Start();

            // A writer may have waited for just the room that what is in the kernel's queue now has left.
            _events.Writable();
            if (_memory.Receive.HasSome || _memory.Receive.OwesNotice)
            {
                // The kernel has no PUSH timer: what one of ours was running for is handed up now.
                _events.Readable();
            }

            return through;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw Lost(gate, e);
        }
    }

    /// <summary>The flow is the stack's already.</summary>
    private IOException Lost(IFlowGate gate, Exception why)
    {
        Try(() => _ = gate.Forward(Flow, static _ => { }));
        _standby?.Dispose();
        return new IOException($"The kernel does not take {Flow} back: {why.Message}", why);
    }

    /// <summary>1. and 2.: addresses, sequence numbers, what was negotiated, windows, what is in flight; options were set before.</summary>
    private void Restore(Standby standby, in HandBack state, bool isFull)
    {
        (Socket socket, TcpRepair repair) = (standby.Socket, standby.Repair);
        SegmentVariants variants = state.Variants;
        ConnectionInvariants connection = state.Connection;

        // The kernel does not look for black holes unless told to: what the path was found to take it learns as the peer's MSS.
        int maxSegment = variants.PathSearch.IsLimited
            ? variants.PathSearch.Limit(state.Segment.EffectiveMss) + connection.OptionLength
            : connection.PeerMss;

        // Before connect; afterwards its send MSS would be that of a connection without options. What this option does not take is
        // set as the negotiated one below.
        repair.MaxSegment = Math.Clamp(maxSegment, TcpRepair.SmallestMaxSegment, TcpRepair.LargestMaxSegment);
        repair.Sequences = (variants.RcvNxt, variants.SndUna);
        standby.Bind();
        if (!SpinWait.SpinUntil(() => socket.TryConnectAsIs(_remote), s_patience))
        {
            throw new SocketException((int)SocketError.AddressAlreadyInUse);
        }

        repair.SetOptions(connection, maxSegment);
        if (connection.TimestampsEnabled)
        {
            repair.Timestamp = TimestampOf(connection, in variants);
        }

        int promised = (int)variants.RcvWnd;
        int flight = (int)variants.Flight;
        _options!.ApplyBuffers(socket, flight, promised, isFull);
        repair.Window = new RepairWindow
        {
            SndWl1 = variants.SndWl1.Value,
            SndWnd = variants.SndWnd,
            MaxWindow = Math.Max(variants.MaxWindow, variants.SndWnd),
            RcvWnd = (uint)(variants.RcvNxt - variants.LastAckSent) + variants.RcvWnd,
            RcvWup = variants.LastAckSent.Value,
        };
        if (!isFull)
        {
            repair.OpenWindowClamp(socket.GetInt(TcpOption.LevelSocket, TcpOption.ReceiveBuffer));
        }

        int filled = Fill(repair, variants.SndUna, flight);
        if (filled < flight)
        {
            // The peer may acknowledge what is missing, and the kernel would take none of these acknowledgements: better an error than a stall.
            throw new IOException($"its send queue takes {filled} of {flight} bytes in flight");
        }
    }

    private static uint TimestampOf(ConnectionInvariants connection, in SegmentVariants variants)
    {
        uint ticks = (uint)(MonotonicClock.System.Now.Value / connection.TimestampTick.Value) + variants.TsOffset;
        bool isMicroseconds = connection.TimestampTick.Value == 1;

        // The lowest bit says what a tick is, so the value is rounded: up, as TSval must never go back.
        return isMicroseconds ? ticks | 1 : (ticks + 1) & ~1u;
    }

    /// <summary>
    /// The application reads again. The kernel tells the peer of a larger buffer only when bytes are read from the socket, and there are none;
    /// leaving repair mode makes it tell. Whatever changed between looking at the windows and setting them is set right by the probe it sends:
    /// the answer to it tells SND.WND anew.
    /// </summary>
    private void OpenWindow(Standby standby)
    {
        (Socket socket, TcpRepair repair) = (standby.Socket, standby.Repair);
        try
        {
            _options!.RestoreReceiveBuffer(socket);
            int buffer = socket.GetInt(TcpOption.LevelSocket, TcpOption.ReceiveBuffer);
            repair.Enter();
            RepairWindow window = repair.Window;

            // Half of what the kernel counts is bytes, the rest its overhead.
            uint promise = (uint)Math.Min(buffer / 2, 65535 << _invariants!.ReceiveWindowScale);
            repair.Window = window with { RcvWnd = Math.Max(window.RcvWnd, promise) };
            repair.OpenWindowClamp(buffer);
        }
        catch (SocketException)
        {
            // The peer has reset it: the next read says so.
        }
        finally
        {
            Try(repair.Leave);
            Try(() => _options!.ApplyAfterRepair(socket));
        }
    }

    private unsafe int Fill(TcpRepair repair, SeqNum from, int length)
    {
        int done = 0;
        while (done < length)
        {
            int step = Math.Min(length - done, 64 << 10);
            _memory.Send.GetSlices(from + done, step, out Engine.Buffers.SendSlices slices);
            int filled = repair.FillSendQueue(slices.P0, slices.L0);
            if (filled == slices.L0 && slices.L1 > 0)
            {
                filled += repair.FillSendQueue(slices.P1, slices.L1);
            }

            done += filled;
            if (filled < step)
            {
                break;
            }
        }

        return done;
    }
}
