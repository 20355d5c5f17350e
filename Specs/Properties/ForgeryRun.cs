using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Specs.Simulation;

namespace TcpActors.Specs.Properties;

/// <summary>
/// Plays a forgery against one engine and holds the outcome of every segment against <see cref="Rules"/>. Whatever of a segment must not be taken
/// has other bytes than the stream, so that the application sees if it is.
/// </summary>
internal sealed class ForgeryRun
{
    /// <summary>A byte that is none of the stream's; once in 256 it is.</summary>
    private const byte Foreign = 0xee;

    private static readonly Forged SingleByte = new()
    {
        SeqEdge = SeqEdge.Next,
        SeqOffset = 1,
        CountsFromEnd = false,
        Length = 1,
        AckEdge = AckEdge.Una,
        AckOffset = 0,
        Flags = TcpFlags.Ack,
        UrgentPointer = 0,
        Window = ushort.MaxValue,
        Stamp = Stamp.Recent,
        StampOffset = 0,
        EchoAge = 0,
        Sack = [],
    };

    private readonly World _world;
    private readonly Forgery _forgery;
    private readonly ScriptedPeer _peer;
    private readonly EngineNode _engine;

    // By position in the peer's stream; what has come in, whether it is still held or not.
    private readonly SortedDictionary<long, long> _arrived = [];
    private SeqNum _peerMax;

    private ForgeryRun(World world, Forgery forgery)
    {
        (_world, _forgery) = (world, forgery);
        _peer = world.Peer(forgery.Path, forgery.First, forgery.PeerFirst);
        _engine = _peer.Engine;
        _engine.IsAudited = true;
        _peerMax = _engine.Variants.RcvNxt;
    }

    public static void Play(Forgery forgery) => Replay.Play(1, world => new ForgeryRun(world, forgery).Run(), static _ => "");

    private void Run()
    {
        _peer.Takes();
        foreach (Turn turn in _forgery.Turns)
        {
            Take(turn);
            CheckMemory();
        }

        new HonestPeer(_world, _peer, _peerMax).Finish();
    }

    private void Take(Turn turn)
    {
        switch (turn)
        {
            case Turn.Receives receives:
                Receive(receives.Segment);
                return;
            case Turn.Floods floods:
                for (int i = 0; i < floods.Count; i++)
                {
                    Receive(SingleByte with { SeqOffset = 1 + (2 * i) });
                }

                return;
            case Turn.Waits waits:
                Wait(waits.Span);
                return;
            case Turn.Writes writes:
                _engine.Writes(writes.Bytes);
                break;
            case Turn.Reads reads:
                _engine.Application.Behaviour = _engine.Application.Behaviour with { ReadSize = reads.Piece, ReadPause = reads.Pause };
                break;
            case Turn.Moves moves:
                _engine.Move(clockAhead: moves.ClockAhead, change: moves.Way == Way.Kernel ? KernelStay.Forget : null);
                break;
            case Turn.Crashes:
                _engine.Crash();
                return;
            case Turn.PathMtu path:
                _engine.Update(s => s with { Path = s.Path with { Mtu = path.Mtu }, EffectiveMss = _engine.Setup.Connection.EffectiveMss(path.Mtu) });
                break;
        }

        _world.RunFor(Microseconds.Zero);
        _peer.Takes();
    }

    private void Wait(Microseconds span)
    {
        uint window = _engine.Variants.CongestionWindow;
        _world.RunFor(span);
        IReadOnlyList<ScriptedPeer.Seen> sent = _peer.Takes();
        long full = Math.Max(window, _engine.Variants.CongestionWindow) / _engine.Setup.Segment.EffectiveMss;
        Require(sent.Count <= 40 + (2 * full) + (span.Value / 100_000), $"{sent.Count} segments into the silence of {span} are not bounded");
    }

    private void Receive(Forged forged)
    {
        SegmentVariants before = _engine.Variants;
        PeerSegment segment = Write(forged, before);
        Fate fate = Rules.FateOf(segment, before, _engine.Setup.Connection);
        int crashes = _engine.Crashes;
        _peer.Sends(_world.Now, segment);
        SegmentVariants after = _engine.Variants;
        string what = $"{fate}: {segment.Seq - before.RcvNxt} of window {before.RcvWnd}, ack {segment.Ack - before.SndUna} of {before.Flight}";
        if (_engine.Crashes > crashes || fate is Fate.Dropped or Fate.Host)
        {
            Require(after.SndUna == before.SndUna && after.RcvNxt == before.RcvNxt, $"it moves nothing ({what})");
            Require(after.SndWnd == before.SndWnd && after.TsRecent == before.TsRecent, $"it changes nothing ({what})");
        }
        else
        {
            _peerMax = SeqNum.Max(_peerMax, SeqNum.Min(segment.Seq + segment.Payload.Length, before.RcvNxt + before.RcvWnd));
            CheckAck(segment, before, after, what);
            CheckPayload(segment, fate, before, after, what);
        }

        CheckAnswers(before, after);
    }

    private void CheckAck(PeerSegment segment, in SegmentVariants before, in SegmentVariants after, string what)
    {
        Require(after.SndUna == SeqNum.Max(before.SndUna, segment.Ack), $"SND.UNA follows what is acknowledged ({what})");

        // RFC 9293 3.10.7.4, fifth.
        bool isNews = segment.Ack > before.SndUna
            || (segment.Ack == before.SndUna
                && (before.SndWl1 < segment.Seq || (before.SndWl1 == segment.Seq && before.SndWl2 <= segment.Ack)));
        uint window = isNews ? (uint)segment.Window << _engine.Setup.Connection.SendWindowScale : before.SndWnd;
        Require(after.SndWnd == window, $"SND.WND is the peer's latest ({what})");
    }

    private void CheckPayload(PeerSegment segment, Fate fate, in SegmentVariants before, in SegmentVariants after, string what)
    {
        long left = Math.Max(0, segment.Seq - before.RcvNxt);
        long right = fate == Fate.Accepted ? Math.Min(segment.Seq + segment.Payload.Length - before.RcvNxt, before.RcvWnd) : 0;
        long start = Position(before.RcvNxt);
        if (left < right)
        {
            Arrive(start + left, start + right);
        }

        long known = _arrived.TryGetValue(start, out long end) ? end : start;
        long next = Position(after.RcvNxt);
        Require(next <= known, $"RCV.NXT moves over what has come ({what})");
        Require(left > 0 || next >= start + right, $"RCV.NXT moves over all that is in order ({what})");
        ForgetBefore(next);
    }

    /// <summary>One segment is answered with no more than the congestion window allows and a few acknowledgements.</summary>
    private void CheckAnswers(in SegmentVariants before, in SegmentVariants after)
    {
        IReadOnlyList<ScriptedPeer.Seen> answers = _peer.Takes();
        int mss = _engine.Setup.Segment.EffectiveMss;
        long most = Math.Max(before.CongestionWindow, after.CongestionWindow) + (3L * mss);
        long data = answers.Sum(static answer => (long)answer.Length);
        Require(data <= most, $"{data} bytes are not more than the congestion window and what goes whatever it says");
        Require(answers.Count(static answer => answer.Length == 0) <= 3, $"{answers.Count} answers to one segment are few");
    }

    private void CheckMemory()
    {
        int chunk = _engine.Memory.Send.ChunkSize;
        long buffers = 2L * ((_forgery.Path.Buffer / chunk) + 3) * chunk;
        Require(_world.Pool.RentedBytes <= buffers + (4 * chunk), $"{_world.Pool.RentedBytes} bytes of buffers are bounded");
        int ranges = _engine.Owner.Engine.RangesBeyond;
        Require(ranges <= Reassembly.CapacityFor(_forgery.Path.Buffer), $"{ranges} ranges out of order are bounded");
    }

    private long Position(SeqNum seq) => seq - new SeqNum(_forgery.PeerFirst);

    private PeerSegment Write(Forged forged, in SegmentVariants v)
    {
        SeqNum edge = forged.SeqEdge switch
        {
            SeqEdge.Next => v.RcvNxt,
            SeqEdge.WindowEnd => v.RcvNxt + v.RcvWnd,
            _ => v.RcvNxt + (1u << 31),
        };
        SeqNum seq = edge + forged.SeqOffset - (forged.CountsFromEnd ? forged.Length : 0);
        SeqNum acknowledged = forged.AckEdge switch
        {
            AckEdge.Una => v.SndUna,
            AckEdge.Max => v.SndMax,
            AckEdge.OldestAcceptable => new SeqNum(v.SndUna.Value - v.MaxWindow),
            _ => v.SndUna + (1u << 31),
        };
        uint stamp = v.TsRecent + (uint)forged.StampOffset + (forged.Stamp == Stamp.FarSide ? 1u << 31 : 0);
        uint clock = (uint)(_engine.Owner.Now.Value / _engine.Setup.Connection.TimestampTick.Value) + v.TsOffset;
        SeqNum una = v.SndUna;
        PeerSegment segment = new()
        {
            Seq = seq,
            Ack = acknowledged + forged.AckOffset,
            Flags = forged.Flags,
            UrgentPointer = forged.UrgentPointer,
            Window = forged.Window,
            TsVal = forged.Stamp == Stamp.None ? null : stamp,
            TsEcr = forged.EchoAge < 0 ? 0 : clock - (uint)forged.EchoAge,
            Sack = [.. forged.Sack.Take(forged.Stamp == Stamp.None ? 4 : 3).Select(b => new SackBlock(una + b.Left, una + b.Left + b.Length))],
            Payload = new byte[forged.Length],
        };
        return segment with { Payload = PayloadOf(segment, v) };
    }

    /// <summary>The stream's bytes where they are to be taken, others elsewhere.</summary>
    private byte[] PayloadOf(PeerSegment segment, in SegmentVariants v)
    {
        byte[] payload = new byte[segment.Payload.Length];
        payload.AsSpan().Fill(Foreign);
        long start = segment.Seq - v.RcvNxt;
        long left = Math.Max(0, start);
        long right = Math.Min(start + payload.Length, v.RcvWnd);
        if (left < right && Rules.FateOf(segment, v, _engine.Setup.Connection) == Fate.Accepted)
        {
            _engine.Application.TheirBytes(Position(v.RcvNxt) + left, (int)(right - left)).CopyTo(payload, left - start);
        }

        return payload;
    }

    private void Arrive(long left, long right)
    {
        foreach ((long start, long end) in _arrived.ToArray())
        {
            if (start <= right && end >= left)
            {
                _arrived.Remove(start);
                (left, right) = (Math.Min(left, start), Math.Max(right, end));
            }
        }

        _arrived[left] = right;
    }

    private void ForgetBefore(long next)
    {
        foreach ((long start, long end) in _arrived.ToArray())
        {
            if (start < next)
            {
                _arrived.Remove(start);
                if (end > next)
                {
                    _arrived[next] = end;
                }
            }
        }
    }

    private void Require(bool condition, string what)
    {
        if (!condition)
        {
            throw new SimulationException($"It does not hold that {what}: {_engine}");
        }
    }
}
