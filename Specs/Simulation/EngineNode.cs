using TcpActors.Engine.State;
using TcpActors.Engine.Transmit;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Links;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// One end of a connection: an engine with its owner, buffers and application, behind a link. Frames are parsed and checked as
/// <c>RxDispatcher</c> does. It can move to another owner with another clock, lose what a stay in the kernel forgets, and crash; after each
/// batch <see cref="Invariants"/> are checked.
/// </summary>
internal sealed class EngineNode : INode, IDisposable
{
    private const int Batch = 32;

    private readonly World _world;
    private readonly ILink _link;
    private readonly RxFrame[] _frames = new RxFrame[Batch];
    private readonly Invariants _invariants;
    private readonly Action<TransmitQueue> _check;
    private NodeSetup _setup;
    private EngineOwner _owner;
    private Microseconds _movingUntil = Microseconds.Never;
    private bool _isMoving;
    private bool _crashes;

    public EngineNode(World world, string name, ILink link, NodeSetup setup)
    {
        (_world, Name, _link, _setup) = (world, name, link, setup);
        Memory = new ConnectionMemory(world.Pool, setup);
        _owner = new EngineOwner(world, Memory, setup, link);
        _invariants = new Invariants(this);
        _check = _invariants.Check;
        Application = new StreamApplication(world, name, Memory, setup);
    }

    public string Name { get; }

    public ConnectionMemory Memory { get; }

    public StreamApplication Application { get; }

    public EngineOwner Owner => _owner;

    public NodeSetup Setup => _setup;

    public ref readonly SegmentVariants Variants => ref _owner.Engine.Variants;

    /// <summary>The present owner's; a move begins anew.</summary>
    public ref readonly EngineCounters Counters => ref _owner.Engine.Counters;

    /// <summary>Why the owner asked for an upload.</summary>
    public UploadReason Requested => _owner.Requested;

    /// <summary>Frames that were not for the engine: damaged, or of another flow.</summary>
    public long Malformed { get; private set; }

    public long BadChecksum { get; private set; }

    public long NotOurs { get; private set; }

    /// <summary>Segments that are the host's to take, which counts them.</summary>
    public long LeftToHost { get; private set; }

    /// <summary>How often a FIN was the next thing in order (the engine leaves it to the host).</summary>
    public int PeerFins { get; private set; }

    /// <summary>Whether <see cref="Invariants"/> add up the sent records after each batch; it takes as long as the flight is.</summary>
    public bool IsAudited { get; set; }

    /// <summary>Whether nobody owns the connection at present.</summary>
    public bool IsMoving => _isMoving;

    public int Moves { get; private set; }

    public int Crashes { get; private set; }

    public Microseconds NextDeadline => _isMoving ? _movingUntil : Microseconds.Min(_owner.NextDeadline, Application.NextTurn);

    /// <summary>The first act after an offload.</summary>
    public void Start()
    {
        _owner.Engine.StartAfterMove(_owner.Now);
        Finish();
    }

    /// <summary>
    /// The application has so many bytes more to write, as fast as the buffer takes them; beyond what it was given before.
    /// </summary>
    public void Writes(long bytes)
    {
        Application.Behaviour = Application.Behaviour with { Bytes = Application.Written + bytes };
        Finish();
    }

    /// <summary>For <see cref="World.RunUntil"/>: whether the application has read so much in all.</summary>
    public Func<bool> HasRead(long bytes) => () => Application.Read >= bytes;

    /// <summary>
    /// For <see cref="World.RunUntil"/>: whether the application has read so much or the owner wants to give the connection back.
    /// </summary>
    public Func<bool> HasReadOrGivenUp(long bytes) => () => Application.Read >= bytes || Requested != UploadReason.None;

    public void Run()
    {
        if (_isMoving)
        {
            if (_world.Now < _movingUntil)
            {
                return;
            }

            Arrive();
        }

        // What is taken between two commits is bounded, as with the actor.
        int taken;
        do
        {
            taken = TakeFrames();
            if (taken > 0 || NextDeadline <= _world.Now)
            {
                Finish();
            }
        }
        while (taken == Batch);
    }

    /// <summary>A new version of the segment-invariants.</summary>
    public void Update(Func<SegmentInvariants, SegmentInvariants> change)
    {
        SegmentInvariants next = change(_setup.Segment);
        _setup = _setup with { Segment = next with { Version = _setup.Segment.Version + 1 } };
        _owner.Update(_setup.Segment);
        Finish();
    }

    /// <summary>The next batch fails before its commit: what it received and decided is lost.</summary>
    public void Crash() => _crashes = true;

    /// <summary>Gives the variables to another owner, on its own clock.</summary>
    /// <param name="pause">How long nobody owns them; frames wait meanwhile, timers stand still.</param>
    /// <param name="clockAhead">How far the next owner's clock is ahead of the world's; null: as this one's.</param>
    /// <param name="change">What the way does to the variables; see <see cref="KernelStay"/>.</param>
    /// <returns>The owner before; whatever it does from now on, it must publish nothing.</returns>
    public EngineOwner Move(
        Microseconds pause = default, Microseconds? clockAhead = null, Func<SegmentVariants, NodeSetup, SegmentVariants>? change = null)
    {
        if (_isMoving)
        {
            // The next owner had no time to do anything but begin.
            Arrive();
        }

        EngineOwner before = _owner;
        Microseconds ahead = clockAhead ?? _setup.ClockAhead;
        SegmentVariants variants = before.Engine.Variants.ToTimesRemaining(before.Now);
        variants = change is null ? variants : change(variants, _setup);

        // TSval goes on where it was, by the time that passes and whatever the next clock says (RFC 7323 5.4).
        long tick = _setup.Connection.TimestampTick.Value;
        Microseconds arrival = _world.Now + pause;
        variants.TsOffset += (uint)((before.Now + pause).Value / tick) - (uint)((arrival + ahead).Value / tick);

        // RFC 2018 8: what was received out of order may be given up, and the peer sends it again.
        Memory.Receive.DiscardBeyond(variants.RcvNxt);
        Memory.Slot.Open(before.Epoch.Next, in variants);
        _setup = _setup with { ClockAhead = ahead };
        (_isMoving, _movingUntil) = (true, arrival);
        Moves++;
        _world.Trace.Add(Name, "moves", pause.Value);
        if (pause == Microseconds.Zero)
        {
            Arrive();
        }

        return before;
    }

    public void Dispose() => Memory.Dispose();

    public override string ToString()
    {
        ref readonly SegmentVariants v = ref Variants;
        return $"{Name}: written {Application.Written}, read {Application.Read}, una {v.SndUna} nxt {v.SndNxt} max {v.SndMax} "
            + $"wnd {v.SndWnd} cwnd {v.CongestionWindow} ssthresh {v.SlowStartThreshold} {v.Recovery}, "
            + $"rcv {v.RcvNxt} wnd {v.RcvWnd}, srtt {v.SmoothedRtt} rto at {v.RetransmitAt} persist at {v.PersistAt}, "
            + $"paced until {v.Rate.PacedUntil} at {v.Rate.PacingRate} bytes/s, moves {Moves}, crashes {Crashes}, requested {Requested}";
    }

    private void Arrive()
    {
        _isMoving = false;
        _owner = new EngineOwner(_world, Memory, _setup, _link);
        Start();
    }

    private void Finish()
    {
        if (_isMoving)
        {
            // The next owner will see it.
            return;
        }

        bool crashes = _crashes;
        _crashes = false;
        if (crashes)
        {
            Crashes++;
            _world.Trace.Add(Name, "crashes");
        }

        // What the application does is another batch, which nothing keeps from being at the same moment.
        do
        {
            if (!_owner.Finish(crashes, _check))
            {
                throw new SimulationException($"{Name}: the owner of epoch {_owner.Epoch} is stale, and nobody else was made owner.");
            }

            crashes = false;
        }
        while (Application.Turn());
    }

    private int TakeFrames()
    {
        int taken = _link.Receive(_frames, Microseconds.Zero);
        foreach (ref readonly RxFrame frame in _frames.AsSpan(0, taken))
        {
            Take(in frame);
            frame.Return();
        }

        return taken;
    }

    private void Take(in RxFrame frame)
    {
        if (!IpFrame.TryParse(frame.Bytes, frame.Missing, out IpFrame ip))
        {
            Malformed++;
            return;
        }

        if (frame.Checksum == ChecksumStatus.Unverified && !ip.Packet.HasValidChecksum(ip.PayloadOf(frame.Bytes)))
        {
            BadChecksum++;
            return;
        }

        if (!ip.TryGetFlow(frame.Bytes, out FlowKey flow) || flow != _setup.Connection.Flow)
        {
            NotOurs++;
            return;
        }

        if (!TcpSegment.TryParse(frame.Slice(ip.PayloadOffset, ip.PayloadLength), frame.SegmentSize, ip.Ecn, out TcpSegment segment))
        {
            Malformed++;
            return;
        }

        _invariants.Permit(in segment);
        Verdict verdict = _owner.Receive(in segment);
        if (verdict.Kind == VerdictKind.UploadRequired)
        {
            LeftToHost += segment.SegmentCount;
            PeerFins += verdict.Reason == UploadReason.PeerFin ? 1 : 0;
            _world.Trace.Add(Name, "wants to give back", (long)verdict.Reason);
        }
    }
}
