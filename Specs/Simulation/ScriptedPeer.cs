using System.Text;
using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Transport.Links;
using Xunit;

namespace TcpActors.Specs.Simulation;

/// <summary>
/// The other end of an <see cref="EngineNode"/>'s connection, which says what the spec says, in real frames: the verbs of
/// <see cref="Conversation"/>, seen from the peer. Sequence numbers count from the first byte of their side, payload is what the node's
/// application expects there.
/// </summary>
internal sealed class ScriptedPeer : INode
{
    private readonly World _world;
    private readonly ILink _link;
    private readonly NodeSetup _setup;
    private readonly RxFrame[] _frames = new RxFrame[16];
    private readonly Queue<Seen> _seen = new();
    private ushort _ipId;

    public ScriptedPeer(World world, ILink link, EngineNode engine)
    {
        (_world, _link, Engine, _setup) = (world, link, engine, engine.Setup);
        Window = (ushort)(_setup.Variants.SndWnd >> _setup.Connection.SendWindowScale);
    }

    public string Name => "peer";

    /// <summary>Whom it talks to.</summary>
    public EngineNode Engine { get; }

    /// <summary>The window field of segments that name none.</summary>
    public ushort Window { get; set; }

    Microseconds INode.NextDeadline => Microseconds.Never;

    /// <summary>A segment of the peer's.</summary>
    /// <param name="ack">Counts from the first byte of the engine's.</param>
    /// <param name="seq">Counts from the first byte of the peer's.</param>
    /// <param name="length">Payload bytes.</param>
    /// <param name="window">The window field.</param>
    /// <param name="flags">Besides ACK.</param>
    /// <param name="tsVal">With timestamps.</param>
    /// <param name="tsEcr">With timestamps.</param>
    /// <param name="sack">Blocks, counting as <paramref name="ack"/>.</param>
    public PeerSegment Ack(
        int ack = 0,
        int seq = 0,
        int length = 0,
        int? window = null,
        TcpFlags flags = TcpFlags.None,
        uint? tsVal = null,
        uint tsEcr = 0,
        params (int Left, int Right)[] sack) => new()
        {
            Seq = _setup.Variants.RcvNxt + seq,
            Ack = _setup.Variants.SndUna + ack,
            Flags = TcpFlags.Ack | flags,
            Payload = Engine.Application.TheirBytes(seq, length),
            Window = (ushort)(window ?? Window),
            TsVal = tsVal,
            TsEcr = tsEcr,
            Sack = [.. sack.Select(b => new SackBlock(_setup.Variants.SndUna + b.Left, _setup.Variants.SndUna + b.Right))],
        };

    /// <summary>Data of the peer's.</summary>
    public PeerSegment Data(int seq, int length, int ack = 0, TcpFlags flags = TcpFlags.None) => Ack(ack, seq, length, flags: flags);

    /// <summary>Sends segments, each in a frame of its own.</summary>
    public unsafe void Sends(Microseconds t, params PeerSegment[] segments)
    {
        GoTo(t);
        foreach (PeerSegment segment in segments)
        {
            byte[] frame = FrameOf(segment);
            fixed (byte* start = frame)
            {
                TxFrame sent = new() { Header = start, HeaderLength = frame.Length, TransportOffset = 34, IsIPv4 = true };
                Assert.True(_link.Send(new ReadOnlySpan<TxFrame>(in sent)) == 1, $"{_link.Name} does not take what the peer sends.");
            }
        }

        // What arrives in no time is answered in no time.
        _world.RunFor(Microseconds.Zero);
    }

    /// <summary>The engine's application writes.</summary>
    public void EngineWrites(Microseconds t, int count)
    {
        GoTo(t);
        Engine.Writes(count);
        _world.RunFor(Microseconds.Zero);
    }

    /// <summary>The next segment that arrived and that no step has named yet; what is given is compared.</summary>
    public Seen Expects(
        Microseconds t,
        int? seq = null,
        int? ack = null,
        int length = 0,
        int? window = null,
        TcpFlags? flags = null,
        (int Left, int Right)[]? sack = null)
    {
        if (_seen.Count == 0)
        {
            GoTo(t);
        }

        Assert.True(_seen.TryDequeue(out Seen? seen), $"Nothing had arrived by {t}.");
        string expectation = $"Expected at {t}: seq {seq} ack {ack} {length} bytes window {window} {flags}; arrived: {Describe(seen)}";
        Assert.True(seen.At == t, expectation);
        Assert.True(seq is null || seen.Seq - _setup.Variants.SndUna == seq, expectation);
        Assert.True(ack is null || seen.Ack - _setup.Variants.RcvNxt == ack, expectation);
        Assert.True(seen.Length == length, expectation);
        Assert.True(window is null || seen.Window == window, expectation);
        Assert.True(flags is null || seen.Flags == flags, expectation);
        if (sack is not null)
        {
            Assert.Equal(sack, seen.Sack.Select(b => (b.Left - _setup.Variants.RcvNxt, b.Right - _setup.Variants.RcvNxt)));
        }

        return seen;
    }

    /// <summary>Everything that arrived has been named, and nothing more arrives before <paramref name="until"/>.</summary>
    public void ExpectsNothing(Microseconds? until = null)
    {
        GoTo(until is { } t ? t - new Microseconds(1) : _world.Now);
        Assert.True(_seen.Count == 0, $"Arrived unexpectedly: {(_seen.TryPeek(out Seen? seen) ? Describe(seen) : "")}");
    }

    /// <summary>Everything that has arrived and no step has named yet, in order.</summary>
    public IReadOnlyList<Seen> Takes()
    {
        Seen[] seen = [.. _seen];
        _seen.Clear();
        return seen;
    }

    /// <summary>Whatever has arrived is of no interest.</summary>
    public int Forgets()
    {
        int count = _seen.Count;
        _seen.Clear();
        return count;
    }

    void INode.Run()
    {
        for (int taken; (taken = _link.Receive(_frames, Microseconds.Zero)) > 0;)
        {
            foreach (ref readonly RxFrame frame in _frames.AsSpan(0, taken))
            {
                See(in frame);
                frame.Return();
            }
        }
    }

    private void GoTo(Microseconds t)
    {
        Assert.True(t >= _world.Now, $"The clock does not go back: {t} after {_world.Now}.");
        _world.RunFor(t - _world.Now);
    }

    private void See(in RxFrame frame)
    {
        bool isWhole = IpFrame.TryParse(frame.Bytes, out IpFrame ip)
            && (frame.Checksum == ChecksumStatus.Good || ip.Packet.HasValidChecksum(ip.PayloadOf(frame.Bytes)));
        Assert.True(isWhole, "What the engine sent is no IP packet, or its checksum is wrong.");
        bool isSegment = TcpSegment.TryParse(
            frame.Slice(ip.PayloadOffset, ip.PayloadLength), frame.SegmentSize, ip.Ecn, out TcpSegment segment);
        Assert.True(isSegment, "What the engine sent is no TCP segment.");
        long position = segment.Seq - _setup.Variants.SndUna;
        Assert.True(
            segment.Payload.IsEmpty || Engine.Application.AreOurs(segment.Payload.InMemory, position),
            $"{segment.Payload.Length} bytes at {position} of the stream are not those that were written there.");
        _seen.Enqueue(new Seen
        {
            At = _world.Now,
            Seq = segment.Seq,
            Ack = segment.Ack,
            Flags = segment.Flags,
            Window = segment.Window,
            Length = segment.Payload.Length,
            SegmentCount = segment.SegmentCount,
            TsVal = segment.Options.TsVal,
            TsEcr = segment.Options.TsEcr,
            Ecn = ip.Ecn,
            Sack = BlocksOf(segment.Options.Sack),
        });
    }

    private byte[] FrameOf(PeerSegment segment)
    {
        TcpSegment parsed = segment.ToSegment();
        return new FrameBuilder
        {
            SourceMac = _setup.Segment.Neighbor.Mac,
            DestinationMac = _setup.Segment.Neighbor.SourceMac,
            Flow = _setup.Connection.Flow.Reversed,
            IpId = _ipId++,
            Seq = parsed.Seq,
            Ack = parsed.Ack,
            Flags = parsed.Flags,
            Window = parsed.Window,
            UrgentPointer = parsed.UrgentPointer,
            Options = parsed.Options,
            Payload = segment.Payload,
        }.ToArray();
    }

    private static SackBlock[] BlocksOf(in SackBlocks blocks)
    {
        SackBlock[] copy = new SackBlock[blocks.Count];
        for (int i = 0; i < copy.Length; i++)
        {
            copy[i] = blocks[i];
        }

        return copy;
    }

    private string Describe(Seen seen)
    {
        StringBuilder text = new();
        text.Append($"{seen.At} seq {seen.Seq - _setup.Variants.SndUna} ack {seen.Ack - _setup.Variants.RcvNxt} {seen.Length} bytes ");
        text.Append($"window {seen.Window} {seen.Flags}");
        foreach (SackBlock block in seen.Sack)
        {
            text.Append($" sack {block.Left - _setup.Variants.RcvNxt}-{block.Right - _setup.Variants.RcvNxt}");
        }

        return text.ToString();
    }

    /// <summary>A segment of the engine's as it arrived.</summary>
    internal sealed record Seen
    {
        public required Microseconds At { get; init; }

        public required SeqNum Seq { get; init; }

        public required SeqNum Ack { get; init; }

        public required TcpFlags Flags { get; init; }

        public required ushort Window { get; init; }

        public required int Length { get; init; }

        public required int SegmentCount { get; init; }

        public required uint TsVal { get; init; }

        public required uint TsEcr { get; init; }

        public required byte Ecn { get; init; }

        public required SackBlock[] Sack { get; init; }
    }
}
