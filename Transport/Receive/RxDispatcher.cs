using System.Buffers.Binary;
using System.Threading.Channels;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Transport.Receive;

/// <summary>Takes what belongs to no flow of this TOE: the managed host's own stack. Called on the receiving thread.</summary>
public interface IHostStackInput
{
    /// <summary>Whether a frame is to this station, in its VLAN. What is not reaches no flow. Called on the receiving thread.</summary>
    bool IsAddressee(in RxFrame frame, in IpFrame ip);

    /// <summary>A frame for the host; its bytes are valid during the call only.</summary>
    void FrameReceived(in RxFrame frame);
}

/// <summary>
/// Reads batches of frames from the channel, validates them, finds each one's flow and rings every touched owner once per batch. It runs
/// inside the link thread's write to the channel (synchronous continuations), so a frame is processed on the thread that received it.
/// The link's memory is borrowed: what an owner has not taken before the link runs short (<see cref="IReceiveQueue.LendingDepth"/>) is copied out of
/// it (<see cref="FlowEntry.Evacuate"/>), and whoever takes a segment returns its frame.
/// </summary>
public sealed class RxDispatcher
{
    private const int LongestTcpHeader = 60;

    private readonly FlowTable _flows;
    private readonly IHostStackInput? _host;
    private readonly Action _afterDoorbells;
    private readonly HeapFrames _heap = new();
    private readonly List<FlowEntry> _ringing = [];
    private readonly List<FlowEntry> _touched = [];
    private readonly int _lendingDepth;
    private int _framesSinceLag;
    private readonly Channel<RxBatch> _channel;
    private DispatchCounters _counters;

    /// <param name="flows">The flows of this TOE.</param>
    /// <param name="host">Gets what belongs to no flow; null: it is dropped and counted (the kernel has its own copy).</param>
    /// <param name="afterDoorbells">Runs once after the doorbells of a batch were rung: drains the owners that run on this thread.</param>
    /// <param name="lendingDepth"><see cref="IReceiveQueue.LendingDepth"/> of the link.</param>
    /// <param name="fifoDepth">Batches the channel holds while the dispatcher is busy; beyond that they are dropped and counted.</param>
    public RxDispatcher(FlowTable flows, IHostStackInput? host, Action afterDoorbells, int lendingDepth = 0, int fifoDepth = 16)
    {
        (_flows, _host, _afterDoorbells, _lendingDepth) = (flows, host, afterDoorbells, lendingDepth);

        // Wait mode with TryWrite: DropWrite would say true for what it drops.
        _channel = Channel.CreateBounded<RxBatch>(new BoundedChannelOptions(fifoDepth)
        {
            SingleReader = true,
            SingleWriter = true,
            AllowSynchronousContinuations = true,
            FullMode = BoundedChannelFullMode.Wait,
        });
        Completion = RunAsync();
    }

    /// <summary>Ends when the channel is completed and everything in it was dispatched.</summary>
    public Task Completion { get; }

    /// <summary>Read on the receiving thread or when it rests.</summary>
    public DispatchCounters Counters => _counters;

    /// <summary>Hands a batch to the dispatcher.</summary>
    /// <returns>False when the FIFO is full: the frames were returned and counted.</returns>
    internal bool TryWrite(RxBatch batch)
    {
        if (_channel.Writer.TryWrite(batch))
        {
            return true;
        }

        for (int i = 0; i < batch.Count; i++)
        {
            batch.Frames[i].Return();
        }

        _counters.FifoOverflow += batch.Count;
        batch.Count = 0;
        return false;
    }

    internal void Complete() => _channel.Writer.TryComplete();

    private async Task RunAsync()
    {
        // Without a captured context, so that the continuation runs inside the link thread's write.
        while (await _channel.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (_channel.Reader.TryRead(out RxBatch? batch))
            {
                Dispatch(batch);
            }
        }
    }

    private void Dispatch(RxBatch batch)
    {
        foreach (RxFrame frame in batch.Frames.AsSpan(0, batch.Count))
        {
            try
            {
                DispatchOrReturn(frame);
            }
            catch (Exception) when (CountFailure())
            {
                // A frame that breaks the dispatcher is a lost frame: TCP repairs it.
            }
        }

        int count = batch.Count;
        batch.Count = 0;
        foreach (FlowEntry entry in _ringing)
        {
            try
            {
                entry.Receiver?.SegmentsReady();
            }
            catch (Exception) when (CountFailure())
            {
                // The next segment rings again.
                entry.AnswerDoorbell();
            }
        }

        _ringing.Clear();
        try
        {
            _afterDoorbells();
        }
        catch (Exception) when (CountFailure())
        {
            // What was left undone is at the next batch's end.
        }

        SettleTouched(count);
    }

    private void DispatchOrReturn(RxFrame frame)
    {
        bool isOurs = true;
        try
        {
            Dispatch(ref frame, ref isOurs);
        }
        finally
        {
            if (isOurs)
            {
                frame.Return();
            }
        }
    }

    /// <summary>Who has taken everything is done with; who lags gets copies as soon as the link might run short of slots.</summary>
    private void SettleTouched(int count)
    {
        _touched.RemoveAll(static entry => entry.Count == 0);
        if (_touched.Count == 0)
        {
            _framesSinceLag = 0;
            return;
        }

        _framesSinceLag += count;
        if (_framesSinceLag + RxBatch.Capacity > _lendingDepth)
        {
            foreach (FlowEntry entry in _touched)
            {
                _counters.Failures += entry.Evacuate(_heap);
            }

            _touched.Clear();
            _framesSinceLag = 0;
        }
    }

    private bool CountFailure()
    {
        _counters.Failures++;
        return true;
    }

    /// <param name="frame">Put in its place: its copy, if it had to be copied.</param>
    /// <param name="isOurs">Whether the frame is still to be returned; false once somebody else has taken that over.</param>
    private void Dispatch(ref RxFrame frame, ref bool isOurs)
    {
        if (!IpFrame.TryParse(frame.Bytes, frame.Missing, out IpFrame ip))
        {
            HandToHost(ref frame, ref isOurs, ref _counters.Malformed);
            return;
        }

        // With the kernel as the host nobody is asked: the steering has let through only what the kernel's IP would take.
        if (_host is not null && !_host.IsAddressee(in frame, in ip))
        {
            HandToHost(ref frame, ref isOurs, ref _counters.OtherStation);
            return;
        }

        if (frame.Missing > 0 && MustBeWhole(in frame, in ip) && !TryMakeWhole(ref frame, ref isOurs))
        {
            return;
        }

        if (ip.IsFragment)
        {
            SeeFragment(in frame, in ip);
            return;
        }

        if (ip.Protocol != IpPacket.Tcp)
        {
            SeeIcmp(in ip, frame.Bytes);
            HandToHost(ref frame, ref isOurs, ref _counters.NotTcp);
            return;
        }

        // RFC 9293 3.1: the checksum is a MUST on receive; who has verified it already says so.
        if (frame.Checksum == ChecksumStatus.Unverified && !ip.Packet.HasValidChecksum(ip.PayloadOf(frame.Bytes)))
        {
            _counters.BadChecksum++;
            return;
        }

        if (!ip.TryGetFlow(frame.Bytes, out FlowKey flow) || !_flows.TryGet(flow, out FlowEntry? entry))
        {
            HandToHost(ref frame, ref isOurs, ref _counters.UnknownFlow);
            return;
        }

        Deliver(entry, new QueuedSegment
        {
            Frame = frame,
            IpOffset = ip.NetworkOffset,
            IpLength = ip.Packet.Length,
            TcpOffset = ip.PayloadOffset,
            Ecn = ip.Ecn,
        }, ref isOurs);
    }

    /// <summary>Whether more than the headers is looked at here.</summary>
    private bool MustBeWhole(in RxFrame frame, in IpFrame ip) =>
        ip.IsFragment || ip.Protocol != IpPacket.Tcp || frame.Checksum == ChecksumStatus.Unverified
        || ip.PayloadOffset + LongestTcpHeader > frame.Length - frame.Missing;

    private bool TryMakeWhole(ref RxFrame frame, ref bool isOurs)
    {
        isOurs = false;
        isOurs = _heap.TryCopy(frame, out frame);
        _counters.Failures += isOurs ? 0 : 1;
        return isOurs;
    }

    private void Deliver(FlowEntry entry, in QueuedSegment segment, ref bool isOurs)
    {
        Delivery delivery = entry.Deliver(in segment);
        isOurs = false;
        switch (delivery)
        {
            case Delivery.QueuedRing:
                _ringing.Add(entry);
                Touch(entry);
                _counters.Delivered++;
                break;
            case Delivery.Queued:
                Touch(entry);
                _counters.Delivered++;
                break;
            case Delivery.Overflow:
                _counters.QueueOverflow++;
                break;
            case Delivery.Forwarded:
                _counters.Forwarded++;
                break;
            case Delivery.Lost:
                _counters.Failures++;
                break;
        }
    }

    private void Touch(FlowEntry entry)
    {
        if (_touched.Count == 0 || !ReferenceEquals(_touched[^1], entry))
        {
            _touched.Add(entry);
        }
    }

    private void HandToHost(ref RxFrame frame, ref bool isOurs, ref long counter)
    {
        counter++;
        if (_host is not null && (frame.Missing == 0 || TryMakeWhole(ref frame, ref isOurs)))
        {
            _host.FrameReceived(in frame);
        }
    }

    private void SeeFragment(in RxFrame frame, in IpFrame ip)
    {
        _counters.Fragments++;

        // RFC 791 3.2, RFC 8200 4.5: only the first fragment has the ports; in a later one anybody can write what he likes at that place.
        ReadOnlySpan<byte> payload = ip.PayloadOf(frame.Bytes);
        if (ip.Packet.IsFirstFragment && ip.Protocol == IpPacket.Tcp && payload.Length >= 8)
        {
            var flow = new FlowKey(
                ip.DestinationAddress,
                ip.SourceAddress,
                BinaryPrimitives.ReadUInt16BigEndian(payload[2..]),
                BinaryPrimitives.ReadUInt16BigEndian(payload));
            if (_flows.TryGet(flow, out FlowEntry? entry))
            {
                entry.Receiver?.FragmentSeen(new SeqNum(BinaryPrimitives.ReadUInt32BigEndian(payload[4..])));
            }
        }

        _host?.FrameReceived(in frame);
    }

    private void SeeIcmp(in IpFrame ip, ReadOnlySpan<byte> frame)
    {
        if (PacketTooBig.TryParse(frame, in ip, out PacketTooBig report) && _flows.TryGet(report.Flow, out FlowEntry? entry))
        {
            _counters.PathTooBig++;
            entry.Receiver?.PathTooBig((int)Math.Min(report.NextHopMtu, ushort.MaxValue), report.Seq);
        }
    }
}

/// <summary>What a dispatcher has counted.</summary>
public record struct DispatchCounters
{
    /// <summary>Segments put into a flow's queue.</summary>
    public long Delivered;

    /// <summary>Segments of released flows that went on to the host.</summary>
    public long Forwarded;

    /// <summary>Frames dropped because the channel was full.</summary>
    public long FifoOverflow;

    /// <summary>Segments dropped because their flow's queue was full.</summary>
    public long QueueOverflow;

    /// <summary>Frames that are not IP or whose lengths do not add up.</summary>
    public long Malformed;

    /// <summary>Segments whose TCP checksum is wrong.</summary>
    public long BadChecksum;

    /// <summary>Frames of other protocols.</summary>
    public long NotTcp;

    /// <summary>Segments of flows this TOE does not own.</summary>
    public long UnknownFlow;

    /// <summary>Frames to another station, or of another VLAN.</summary>
    public long OtherStation;

    /// <summary>IP fragments.</summary>
    public long Fragments;

    /// <summary>ICMP "too big" that quote an owned flow.</summary>
    public long PathTooBig;

    /// <summary>
    /// Frames that made the dispatcher, or the host that they went on to, throw; those whose bytes could not be had; doorbells that threw.
    /// </summary>
    public long Failures;

    /// <summary>What two dispatchers have counted together.</summary>
    public static DispatchCounters operator +(DispatchCounters left, DispatchCounters right) => new()
    {
        Delivered = left.Delivered + right.Delivered,
        Forwarded = left.Forwarded + right.Forwarded,
        FifoOverflow = left.FifoOverflow + right.FifoOverflow,
        QueueOverflow = left.QueueOverflow + right.QueueOverflow,
        Malformed = left.Malformed + right.Malformed,
        BadChecksum = left.BadChecksum + right.BadChecksum,
        NotTcp = left.NotTcp + right.NotTcp,
        UnknownFlow = left.UnknownFlow + right.UnknownFlow,
        OtherStation = left.OtherStation + right.OtherStation,
        Fragments = left.Fragments + right.Fragments,
        PathTooBig = left.PathTooBig + right.PathTooBig,
        Failures = left.Failures + right.Failures,
    };
}
