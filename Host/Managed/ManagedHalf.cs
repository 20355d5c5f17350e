using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using TcpActors.Engine;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using TcpActors.HostSide.Statistics;
using TcpActors.Transport.Transmit;

namespace TcpActors.HostSide.Managed;

/// <summary>
/// A connection of a managed stack, from the end of its handshake on: runs it with the engine while the host owns it, closes it, and gives
/// it to a TOE and takes it back while it is ESTABLISHED. Frames come on the receiving thread, doorbells and calls from anywhere: one lock
/// guards all, and events are raised outside of it. Until <see cref="Start"/> what comes is kept.
/// </summary>
/// <remarks>
/// The engine knows ESTABLISHED only; closing is made of what it knows. Our FIN is a byte in the send buffer, which it sends,
/// sends again and sees acknowledged like any other and which goes on the wire as the flag (RFC 9293 3.4: a FIN takes one sequence
/// number). The peer's FIN moves RCV_NXT by one, in the engine's variables and in the receive buffer's names.
/// </remarks>
internal sealed partial class ManagedHalf : StackFlow, IHostHalf
{
    /// <summary>Segments kept until <see cref="Start"/>, and passed on to a TOE; what is beyond comes again.</summary>
    private const int MaxKept = 64;

    private readonly Lock _lock = new();
    private readonly List<byte[]> _kept = [];
    private readonly TransmitQueue _output = new();
    private ConnectionInvariants _connection;
    private SegmentInvariants _segment;
    private SegmentVariants _initial;
    private Place _place = Place.Waiting;
    private TcpState _state = TcpState.Established;
    private Running? _running;
    private StrongBox<EngineCounters> _counters = new();
    private int _strays;

    /// <param name="stack">In whose table it stands.</param>
    /// <param name="connection">What the handshake negotiated.</param>
    /// <param name="segment">The first version.</param>
    /// <param name="variants">As the handshake left them; deadlines absolute.</param>
    public ManagedHalf(ManagedStack stack, ConnectionInvariants connection, SegmentInvariants segment, in SegmentVariants variants)
        : base(stack, connection.Flow) => (_connection, _segment, _initial) = (connection, segment, variants);

    private enum Place
    {
        /// <summary>Not started: nobody has given it buffers or wants it to run.</summary>
        Waiting,

        /// <summary>The host owns it.</summary>
        Here,

        /// <summary>A TOE owns it.</summary>
        Away,

        /// <summary>The stack has let go of it.</summary>
        Gone,
    }

    public IPEndPoint LocalEndPoint => new(Flow.LocalAddress.ToIPAddress(), Flow.LocalPort);

    public IPEndPoint RemoteEndPoint => new(Flow.RemoteAddress.ToIPAddress(), Flow.RemotePort);

    public override TcpState State
    {
        get
        {
            lock (_lock)
            {
                return _state;
            }
        }
    }

    /// <summary>
    /// Gives the connection its buffers, empty of received bytes, and says whom to tell; once, before <see cref="Start"/>.
    /// </summary>
    /// <param name="send">Bytes to send.</param>
    /// <param name="receive">Received bytes.</param>
    /// <param name="events">Whom to tell.</param>
    /// <param name="counters">What the connection's owners count.</param>
    public void Attach(SendBuffer send, ReceiveBuffer receive, IHostHalfEvents events, StrongBox<EngineCounters> counters)
    {
        lock (_lock)
        {
            _counters = counters;
            send.Rebase(_initial.SndUna);
            receive.Rebase(_initial.RcvNxt);
            _events = events;
            _running = NewRunning(in _initial, send, receive);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Before <see cref="Attach"/>.</exception>
    public void Start()
    {
        Signals owed;
        lock (_lock)
        {
            if (_running is null)
            {
                throw new InvalidOperationException("The connection has no buffers yet: call Attach before Start.");
            }

            if (_place == Place.Waiting)
            {
                _place = Place.Here;
                Microseconds now = Stack.Now;

                // What is taken may be an RST, which ends the connection and clears the list.
                foreach (byte[] packet in _kept.ToArray())
                {
                    if (_place == Place.Here && TryParse(packet, out TcpSegment segment))
                    {
                        Take(in segment, now);
                        Finish(now);
                    }
                }

                _kept.Clear();
                Finish(now);
            }

            owed = TakeOwed();
        }

        Raise(owed);
    }

    public void DataReady() => Ring();

    public void WindowOpened() => Ring();

    public int FindInterface() => Stack.Options.InterfaceIndex;

    public SegmentVariants Query()
    {
        lock (_lock)
        {
            SegmentVariants variants = (_running?.Engine.Variants ?? _initial).ToTimesRemaining(Stack.Now);
            variants.State = _state;
            return variants;
        }
    }

    public Tally Count()
    {
        var counted = Tally.Of(_counters);

        // The FIN is a byte to the engine and none to the application.
        return Volatile.Read(ref _hasSentFin) ? counted with { BytesSent = counted.BytesSent - 1 } : counted;
    }

    public override bool TryReceive(ReadOnlySpan<byte> ipPacket, in TcpSegment segment, Microseconds now)
    {
        Signals owed;
        lock (_lock)
        {
            switch (_place)
            {
                case Place.Gone:
                    return false;
                case Place.Away:
                    // Looked up before the claim.
                    ManagedStackCounters.Count(ref Stack.Counters.CameWhileAway);
                    owed = _strays++ < MaxKept ? Signals.Strayed : Signals.None;
                    break;
                case Place.Waiting:
                    if (_kept.Count < MaxKept)
                    {
                        _kept.Add(ipPacket.ToArray());
                    }

                    return true;
                default:
                    Take(in segment, now);
                    Finish(now);
                    owed = TakeOwed();
                    break;
            }
        }

        if (owed == Signals.Strayed)
        {
            _events?.Strayed(ipPacket);
        }
        else
        {
            Raise(owed);
        }

        return true;
    }

    public override void Abandon()
    {
        Signals owed;
        lock (_lock)
        {
            if (_place != Place.Gone)
            {
                AbortNow(new SocketException((int)SocketError.OperationAborted));
            }

            owed = TakeOwed();
        }

        Raise(owed);
    }

    /// <summary>Its next hop or path may be another now.</summary>
    public void PathChanged() => WorkWith(segment =>
    {
        (Neighbor neighbor, NetworkPath path) = Stack.Paths.Of(Flow);
        return segment.Over(neighbor, path, _connection);
    });

    /// <inheritdoc/>
    /// <remarks>What a TOE has comes back with the variables that it works with.</remarks>
    public void Apply(ConnectionSettings settings) => WorkWith(settings.Over);

    private void WorkWith(Func<SegmentInvariants, SegmentInvariants> change)
    {
        lock (_lock)
        {
            if (_place is not (Place.Waiting or Place.Here))
            {
                return;
            }

            _segment = change(_segment);
            if (_running is not { } running)
            {
                return;
            }

            running.Engine.Update(_segment, Stack.Now);
            running.Framer.Template = new HeaderTemplate(_connection, _segment);
        }

        Ring();
    }

    protected internal override void Expired() => Ring();

    private static bool TryParse(ReadOnlySpan<byte> packet, out TcpSegment segment)
    {
        segment = default;
        return IpPacket.TryParse(packet, out IpPacket ip)
            && TcpSegment.TryParse(packet.Slice(ip.PayloadOffset, ip.PayloadLength), segmentSize: 0, ip.Ecn, out segment);
    }

    private Running NewRunning(in SegmentVariants variants, SendBuffer send, ReceiveBuffer receive) => new(
        new TcpEngine(_connection, _segment, in variants, send, receive, _output, _counters),
        new SegmentFramer(Stack.Options.Link, new HeaderTemplate(_connection, _segment)),
        send,
        receive);

    private void Ring()
    {
        Signals owed;
        lock (_lock)
        {
            Finish(Stack.Now);
            owed = TakeOwed();
        }

        Raise(owed);
    }

    /// <summary>One segment, RFC 9293 3.10.7.4, from ESTABLISHED on. <see cref="Finish"/> follows.</summary>
    private void Take(in TcpSegment received, Microseconds now)
    {
        if (_running is not { } running || _place != Place.Here)
        {
            return;
        }

        TcpSegment segment = received;
        if (ClosingStates.IsInputEnded(_state))
        {
            // Seventh and eighth: after the peer's FIN text and FIN are ignored.
            segment = segment with { Payload = default, Flags = segment.Flags & ~TcpFlags.Fin };
        }

        SeqNum before = running.Engine.Variants.RcvNxt;
        Verdict verdict = running.Engine.Receive(in segment, now);
        switch (verdict.Reason)
        {
            case UploadReason.PeerReset:
                ResetByPeer();
                return;
            case UploadReason.UrgentData:
                // Sixth. RFC 6093 6 has urgent data delivered in line, and that is all that is made of it here.
                Take(segment with { Flags = segment.Flags & ~TcpFlags.Urg }, now);
                return;
            case UploadReason.PeerFin when !_isClosed || segment.End - 1 == before:
                TakeFin(running, in segment, now);
                return;
        }

        if (_isClosed && (verdict.Reason == UploadReason.PeerFin || running.Engine.Variants.RcvNxt != before))
        {
            // RFC 9293 3.6.1, SHLD-3: new data after CLOSE is lost, and the peer is to know.
            AbortNow(null);
            return;
        }

        LookForAcknowledgedFin(running);
    }

    /// <summary>The end of every batch: timers, output, and what others see.</summary>
    private void Finish(Microseconds now)
    {
        if (_running is not { } running || _place != Place.Here)
        {
            return;
        }

        Verdict verdict = running.Engine.Fire(now);
        if (verdict.Kind == VerdictKind.UploadRequired || now >= _finWait2EndsAt)
        {
            GiveUp(verdict.Reason);
            return;
        }

        AppendFin(running, now);
        running.Engine.Transmit(now);

        ref readonly SegmentVariants variants = ref running.Engine.Variants;
        running.Receive.Commit(variants.RcvNxt);
        if (running.Send.Una != variants.SndUna)
        {
            running.Send.FreeTo(variants.SndUna);
            _owed |= Signals.Writable;
        }

        Flush(running);
        if (running.Engine.ShouldDeliver || running.Receive.OwesNotice)
        {
            _owed |= Signals.Readable;
        }

        if (_state is TcpState.TimeWait or TcpState.Closed)
        {
            EndOrderly(running, now);
            return;
        }

        Microseconds due = Microseconds.Min(
            running.Engine.NextDeadline, Microseconds.Min(_finWait2EndsAt, _appendFinAt));
        if (due < ScheduledFor)
        {
            // One that fires early is recomputed, so only one that came nearer is moved.
            Stack.Schedule(this, due);
        }
    }

    /// <summary>What a connection has that runs here or has run here.</summary>
    private sealed record Running(TcpEngine Engine, SegmentFramer Framer, SendBuffer Send, ReceiveBuffer Receive);
}
