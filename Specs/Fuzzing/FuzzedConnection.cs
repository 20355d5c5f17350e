using System.Runtime.InteropServices;
using TcpActors.Engine;
using TcpActors.Engine.Buffers;
using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Receive;

namespace TcpActors.Specs.Fuzzing;

/// <summary>
/// The owner of one flow by the rules of <c>ConnectionActor</c>, without an actor: a batch is segments, timers, output, and then the commit. It asks of every
/// segment what the engine owes whatever came: see <see cref="Judge"/>.
/// </summary>
internal sealed class FuzzedConnection : IFlowReceiver, IDisposable
{
    /// <summary>Bytes of the send buffer and of the receive buffer.</summary>
    public const int BufferBytes = 256 << 10;

    private const int EthernetHeader = 14;

    private readonly FlowEntry _entry;
    private readonly ChunkPool _pool = new ManagedChunkPool(chunkSize: 16 << 10);
    private readonly SendBuffer _send;
    private readonly ReceiveBuffer _receive;
    private readonly TransmitQueue _output = new();
    private readonly QueuedSegment[] _segments = new QueuedSegment[RxBatch.Capacity];
    private readonly ConnectionInvariants _connection;
    private readonly SegmentInvariants _segment;
    private TcpEngine _engine;

    /// <param name="entry">Its flow.</param>
    /// <param name="number">Decides which extensions it knows, and where its sequence numbers begin.</param>
    public FuzzedConnection(FlowEntry entry, int number)
    {
        _entry = entry;
        _send = new SendBuffer(_pool, BufferBytes);
        _receive = new ReceiveBuffer(_pool, BufferBytes);
        bool isPlain = number % 4 >= 2;
        _connection = new ConnectionInvariants
        {
            Flow = entry.Flow,
            InitialSendSequence = new SeqNum(uint.MaxValue - 5000),
            InitialReceiveSequence = new SeqNum(uint.MaxValue - 9000),
            SackPermitted = !isPlain,
            TimestampsEnabled = !isPlain,
            EcnNegotiated = number % 8 >= 4,
            SendWindowScale = (byte)(isPlain ? 0 : 5),
            ReceiveWindowScale = (byte)(isPlain ? 0 : 5),
            PeerMss = 1460,
        };
        _segment = new SegmentInvariants
        {
            Neighbor = new Neighbor { SourceMac = default, Mac = default },
            Path = new NetworkPath { Mtu = 1500 },
            EffectiveMss = _connection.EffectiveMss(1500),
            ReceiveBufferLimit = BufferBytes,
            SendBufferLimit = BufferBytes,
            KeepAliveEnabled = number % 2 == 0,
        };
        (SeqNum send, SeqNum receive) = (_connection.InitialSendSequence + 1, _connection.InitialReceiveSequence + 1);
        const int window = 60_000;
        _send.Rebase(send);
        _receive.Rebase(receive);
        _engine = NewOwner(SegmentVariants.Quiet with
        {
            SndUna = send,
            SndNxt = send,
            SndMax = send,
            SndWl1 = receive,
            SndWl2 = send,
            SndWnd = window,
            MaxWindow = window,
            RcvNxt = receive,
            RcvWnd = window,
            LastAckSent = receive,
        });
        _engine.StartAfterMove(Now);
        Finish();
        entry.Attach(this);
    }

    public ref readonly SegmentVariants Variants => ref _engine.Variants;

    public Microseconds Now { get; set; } = Microseconds.FromSeconds(1);

    /// <summary>Segments whose TCP header does not add up; the engine has seen all others of <see cref="Taken"/>.</summary>
    public long Malformed { get; private set; }

    /// <summary>Segments taken from the queue.</summary>
    public long Taken { get; private set; }

    /// <summary>What became of those that the engine has seen.</summary>
    public long[] Verdicts { get; } = new long[3];

    /// <summary>Segments that came with a tag of a VLAN.</summary>
    public long Tagged { get; private set; }

    public long Fragments { get; private set; }

    public long TooBig { get; private set; }

    public long BufferedBytes => _pool.RentedBytes;

    public void PathTooBig(int mtu, SeqNum quoted) => TooBig++;

    public void FragmentSeen(SeqNum seq) => Fragments++;

    /// <summary>What broke; the dispatcher, which rings, lives on.</summary>
    public Exception? Failure { get; private set; }

    public void SegmentsReady()
    {
        try
        {
            TakeSegments();
        }
        catch (Exception failure) when (Keep(failure))
        {
        }
    }

    public override string ToString()
    {
        ref readonly SegmentVariants v = ref Variants;
        return $"{_entry.Flow}: una {v.SndUna} nxt {v.SndNxt} max {v.SndMax} wnd {v.SndWnd} cwnd {v.CongestionWindow} ssthresh {v.SlowStartThreshold} "
            + $"{v.Recovery} {v.ForwardRto}, rcv {v.RcvNxt} wnd {v.RcvWnd}, srtt {v.SmoothedRtt}, now {Now}";
    }

    private bool Keep(Exception failure)
    {
        Failure ??= failure;
        return false;
    }

    private void TakeSegments()
    {
        _entry.AnswerDoorbell();
        int count = _entry.Dequeue(_segments);
        foreach (ref readonly QueuedSegment queued in _segments.AsSpan(0, count))
        {
            Taken++;
            Rule.Holds(IsOfIp(queued.Frame.Bytes), "what is not IP, behind one tag of a VLAN at most, is nobody's segment");
            Tagged += queued.IpOffset > EthernetHeader ? 1 : 0;
            if (TcpSegment.TryParse(queued.Tcp, queued.Frame.SegmentSize, queued.Ecn, out TcpSegment segment))
            {
                Receive(segment);
            }
            else
            {
                Malformed++;
            }

            queued.Frame.Return();
        }

        Finish();
    }

    /// <summary>The application reads everything, or nothing, and writes.</summary>
    public void Use(bool reads, ReadOnlySpan<byte> writes)
    {
        if (reads)
        {
            _receive.Consume(_receive.Unread);
        }

        _send.Write(writes);
        Finish();
    }

    /// <summary>The variables go to another owner.</summary>
    public void Move()
    {
        SegmentVariants moved = _engine.Variants.ToTimesRemaining(Now);
        _receive.DiscardBeyond(moved.RcvNxt);
        _engine = NewOwner(moved.ToDeadlines(Now));
        _engine.StartAfterMove(Now);
        Finish();
    }

    public void Dispose()
    {
        _send.Dispose();
        _receive.Dispose();
    }

    private TcpEngine NewOwner(in SegmentVariants variants) => new(_connection, _segment, in variants, _send, _receive, _output);

    private void Receive(in TcpSegment segment)
    {
        SegmentVariants before = _engine.Variants;
        EngineCounters counters = _engine.Counters;
        Verdict verdict = _engine.Receive(segment, Now);
        Verdicts[(int)verdict.Kind]++;
        Judge(segment, verdict, before, counters);
    }

    private void Judge(in TcpSegment segment, in Verdict verdict, in SegmentVariants before, in EngineCounters counters)
    {
        ref readonly SegmentVariants after = ref _engine.Variants;
        ref readonly EngineCounters now = ref _engine.Counters;
        int own = verdict.Kind == VerdictKind.UploadRequired ? 0 : segment.SegmentCount;
        Rule.Holds(now.SegmentsReceived - counters.SegmentsReceived == own, "each segment is counted, and one that is the host's by the host");
        Rule.Holds(
            after.SndUna >= before.SndUna && after.SndUna <= before.SndMax, "RFC 9293 3.10.7.4: SND.UNA moves up to what was sent and never back");
        uint received = (uint)(after.RcvNxt - before.RcvNxt);
        Rule.Holds(received <= before.RcvWnd, "RFC 9293 3.10.7.4: nothing is received beyond the window");
        Rule.Holds(after.RcvNxt + after.RcvWnd >= before.RcvNxt + before.RcvWnd, "RFC 9293 3.8.6: the window does not shrink");
        Rule.Holds(now.BytesReceived - counters.BytesReceived == received, "bytes received are counted");

        long dropped = Drops(now) - Drops(counters);
        long refused = Refusals(now) - Refusals(counters);
        switch (verdict.Kind)
        {
            case VerdictKind.Dropped:
                Rule.Holds(dropped > 0, "what is dropped is counted");
                Rule.Holds(refused <= 1, "and for one reason");
                break;
            case VerdictKind.Consumed:
                Rule.Holds(refused == 0, "what is consumed is not counted as refused");
                break;
            default:
                Rule.Holds(dropped == 0, "what is the host's is not counted as dropped");
                JudgeUpload(segment, verdict.Reason, before);
                Rule.Holds(IsSame(before, after), "what is the host's changes nothing");
                break;
        }
    }

    /// <summary>A connection is not given up for what a blind attacker can send.</summary>
    private static void JudgeUpload(in TcpSegment segment, UploadReason reason, in SegmentVariants before)
    {
        switch (reason)
        {
            case UploadReason.PeerReset:
                Rule.Holds(segment.Has(TcpFlags.Rst) && segment.Seq == before.RcvNxt, "RFC 5961 3.2: only an RST at exactly RCV.NXT resets");
                break;
            case UploadReason.PeerFin:
                Rule.Holds(
                    segment.Has(TcpFlags.Fin) && segment.Seq <= before.RcvNxt && segment.Seq + segment.Payload.Length >= before.RcvNxt,
                    "RFC 9293 3.10.7.4, eighth: a FIN in order");
                break;
            case UploadReason.UrgentData:
                Rule.Holds(segment.Has(TcpFlags.Urg), "RFC 9293 3.8.5: URG");
                break;
            default:
                Rule.Holds(false, $"no segment makes an upload for {reason} necessary");
                break;
        }
    }

    private void Finish()
    {
        _engine.Fire(Now);
        _engine.Transmit(Now);
        ref readonly SegmentVariants v = ref _engine.Variants;
        Rule.Holds(v.SndUna <= v.SndNxt && v.SndNxt <= v.SndMax, "SND.UNA, SND.NXT, SND.MAX are in order");
        Rule.Holds(v.SndMax <= _send.End, "nothing is sent that was not written");
        Rule.Holds(v.CongestionWindow > 0, "there is a congestion window");
        Rule.Holds(v.Flight == 0 || v.SndNxt == v.SndUna || !v.RetransmitAt.IsNever, "RFC 6298 5.1: a timer runs");
        Rule.Holds(_output.Count <= RxBatch.Capacity + (BufferBytes / SegmentInvariants.SmallestMss), "a batch is answered in bounds");
        foreach (ref readonly OutgoingSegment segment in _output.Segments)
        {
            Rule.Holds(segment.Length <= 0 || segment.Seq + segment.Length <= v.SndMax, "what leaves counts as sent");
            Rule.Holds(segment.Ack == v.RcvNxt || v.RcvNxt > segment.Ack, "nothing is acknowledged that was not received");
        }

        _receive.Commit(v.RcvNxt);
        if (_send.Una != v.SndUna)
        {
            _send.FreeTo(v.SndUna);
        }

        _output.Clear();
    }

    /// <summary>RFC 9293 3.10.7.4, first to fifth, and what comes before: of a segment as a whole.</summary>
    private static long Refusals(in EngineCounters c) =>
        c.DroppedSyn + c.DroppedWithoutTimestamp + c.DroppedPaws + c.DroppedSequence + c.DroppedReset + c.DroppedAck;

    /// <summary>With those of a payload.</summary>
    private static long Drops(in EngineCounters c) =>
        Refusals(c) + c.DroppedZeroWindow + c.DroppedNoMemory + c.DroppedNoMemoryBeyond + c.DroppedReassemblyFull;

    private static bool IsSame(in SegmentVariants one, in SegmentVariants other) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<SegmentVariants>(in one)).SequenceEqual(MemoryMarshal.AsBytes(new ReadOnlySpan<SegmentVariants>(in other)));

    /// <summary>By its type alone, behind one tag of IEEE 802.1Q if there is one.</summary>
    private static bool IsOfIp(ReadOnlySpan<byte> frame)
    {
        int end = frame.Length >= EthernetHeader + 4 && frame[12..EthernetHeader] is [0x81, 0x00] ? EthernetHeader + 4 : EthernetHeader;
        return frame.Length >= end && frame[(end - 2)..end] is [0x08, 0x00] or [0x86, 0xdd];
    }
}
