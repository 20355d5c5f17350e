using TcpActors.Engine.Receive;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Specs.Simulation;

namespace TcpActors.Specs.Properties;

/// <summary>
/// A peer that from now on says nothing but the truth: it acknowledges each segment as it arrives, reports what is out of order, keeps its window open,
/// and sends one segment of its stream at a time and then its FIN, again and again until it is acknowledged, an octet when our window is closed. What it
/// was said to have reported before it knows nothing of.
/// </summary>
internal sealed class HonestPeer
{
    private const int Segment = 1000;

    private static readonly Microseconds Interval = 50.ms;

    private readonly World _world;
    private readonly ScriptedPeer _peer;
    private readonly EngineNode _engine;
    private readonly long _length;
    private readonly SeqNum _first;
    private readonly Reassembly _beyond = new(Reassembly.CapacityFor(1 << 20));
    private SeqNum _received;
    private SeqNum _sent;
    private SeqNum _acknowledged;
    private SeqNum _edge;
    private uint _stamp;
    private uint _echo;

    /// <param name="world">Whose time it is.</param>
    /// <param name="peer">The link's end.</param>
    /// <param name="sent">The peer's SND_MAX: what was said before in its name.</param>
    public HonestPeer(World world, ScriptedPeer peer, SeqNum sent)
    {
        (_world, _peer, _engine, _sent) = (world, peer, peer.Engine, sent);
        ref readonly SegmentVariants v = ref _engine.Variants;
        (_received, _acknowledged, _edge) = (v.SndUna, v.RcvNxt, v.RcvNxt + v.RcvWnd);
        _stamp = v.TsRecent;
        _first = _engine.Setup.Variants.RcvNxt;

        // More than the window, so that it closes before the end if the reader does not read.
        _length = (_sent - _first) + 3 + (2L * Math.Min(v.RcvWnd, 20 * Segment));
    }

    /// <summary>Both streams come to their end within the time that RFC 6298 allows.</summary>
    /// <exception cref="SimulationException">When they do not.</exception>
    public void Finish()
    {
        _engine.Application.Behaviour = _engine.Application.Behaviour with { ReadSize = int.MaxValue, ReadPause = Microseconds.Zero };
        // Three of the longest time-outs (ScheduleRun.Patience; what was forged may have been measured), and the rounds.
        Microseconds limit = (_engine.Setup.Segment.MaxRto * 3) + 40.s;
        Microseconds end = _world.Now + limit;
        for (Say(); !IsFinished; Say())
        {
            _world.RunFor(Interval);
            if (_world.Now > end)
            {
                throw new SimulationException($"An honest peer has not finished after {limit}: {_acknowledged - _first} of {_length}, {_engine}");
            }
        }
    }

    private bool IsFinished => _engine.Memory.Send.Count == 0 && _engine.Application.Read == _length && _engine.PeerFins > 0;

    private SeqNum End => _first + (uint)_length;

    private void Say()
    {
        Listen();
        int left = End - _acknowledged;

        // Into a closed window an octet all the same (RFC 9293 3.8.6.1), be it the FIN.
        int room = Math.Max(1, _edge - _acknowledged);
        int length = Math.Min(Math.Min(left, room), Segment);
        Send(_acknowledged, length, left == 0 ? TcpFlags.Fin : TcpFlags.None);
    }

    /// <summary>Acknowledges as it arrives, until nothing more does.</summary>
    private void Listen()
    {
        for (IReadOnlyList<ScriptedPeer.Seen> seen = _peer.Takes(); seen.Count > 0; seen = _peer.Takes())
        {
            foreach (ScriptedPeer.Seen segment in seen)
            {
                Hear(segment);
                if (segment.Length > 0)
                {
                    Send(SeqNum.Max(_sent, _acknowledged), 0, TcpFlags.None);
                }
            }
        }
    }

    private void Hear(ScriptedPeer.Seen segment)
    {
        _echo = segment.TsVal;
        if (segment.Ack >= _acknowledged)
        {
            _acknowledged = segment.Ack;
            _edge = SeqNum.Max(_edge, segment.Ack + ((uint)segment.Window << _engine.Setup.Connection.ReceiveWindowScale));
        }

        SeqNum end = segment.Seq + segment.Length;
        if (segment.Length == 0 || end <= _received)
        {
            return;
        }

        if (segment.Seq <= _received)
        {
            _received = _beyond.Advance(end);
        }
        else
        {
            _beyond.Add(segment.Seq, end);
        }
    }

    private void Send(SeqNum seq, int length, TcpFlags flags)
    {
        _sent = SeqNum.Max(_sent, seq + length);
        _peer.Sends(_world.Now, new PeerSegment
        {
            Seq = seq,
            Ack = _received,
            Flags = TcpFlags.Ack | flags,
            Window = ushort.MaxValue,
            Payload = _engine.Application.TheirBytes(seq - _first, length),
            TsVal = _engine.Setup.Connection.TimestampsEnabled ? ++_stamp : null,
            TsEcr = _echo,
            Sack = _engine.Setup.Connection.SackPermitted ? BlocksOf(_beyond.Report(room: 3)) : [],
        });
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
}
