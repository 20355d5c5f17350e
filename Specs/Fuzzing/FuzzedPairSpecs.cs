using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Specs.Simulation;
using TcpActors.Transport.Links;
using Xunit;

namespace TcpActors.Specs.Fuzzing;

/// <summary>
/// Two engines, each of which gets the other's frames through a <see cref="FrameMutator"/>. <see cref="Invariants"/> are checked after
/// every batch of both.
/// </summary>
public class FuzzedPairSpecs
{
    private const int Bytes = 1 << 19;
    private const int Buffer = 1 << 16;

    /// <summary>Of what one end keeps for each byte of a buffer, a chunk that is begun and one that is not free yet.</summary>
    private const int Chunks = 2;

    [Fact]
    public void What_is_changed_beyond_its_checksum_is_dropped_and_counted_and_the_streams_arrive() =>
        Replay.RunMany(0xF022_1001, 100, static world =>
        {
            SimulatedFlow flow = Pair(world);
            (Path there, Path back) = Paths(world, flow, isHostile: false);
            while (flow.A.Application.Read < Bytes || flow.B.Application.Read < Bytes)
            {
                Step(world, flow);
                Assert.True(world.Now < 300.s, "a part of the frames is lost, and no more");
            }

            there.Check();
            back.Check();
        });

    [Fact]
    public void Whatever_somebody_on_the_path_does_breaks_the_streams_at_most() =>
        Replay.RunMany(0xF022_1002, 200, static world =>
        {
            SimulatedFlow flow = Pair(world);
            flow.A.Application.TakesAnything = flow.B.Application.TakesAnything = true;
            (Path there, Path back) = Paths(world, flow, isHostile: true);
            Microseconds end = world.Now + 60.s;
            world.At(end, static () => { });
            while (world.Now < end)
            {
                Step(world, flow);
            }

            // Two ends of which neither takes a byte any more answer each other's answers: ten times in five seconds at most (RFC 5961 7).
            (flow.LinkOfA.OnPath, flow.LinkOfB.OnPath) = (null, null);
            world.RunFor(300.s);
            (long said, long read) = (Said(flow), Read(flow));
            world.RunFor(60.s);
            Assert.True(Said(flow) - said <= 2 * 10 * (60 / 5) || Read(flow) > read, "what is broken is silent, or nearly");
            there.Check();
            back.Check();
        });

    private static SimulatedFlow Pair(World world)
    {
        Dice dice = world.Dice.Fork("pair");
        string[] controls = ["reno", "cubic", "bbr"];
        SimulatedFlow flow = world.Pair(new Scenario
        {
            Rtt = 5.ms,
            Buffer = Buffer,
            Queue = 1 << 20,
            Sack = dice.Between(0, 3) != 0,
            Timestamps = dice.Between(0, 3) != 0,
            Ecn = dice.Between(0, 1) == 0,
            Congestion = controls[dice.Between(0, controls.Length - 1)],
        });
        (flow.A.IsAudited, flow.B.IsAudited) = (true, true);
        return flow;
    }

    private static (Path There, Path Back) Paths(World world, SimulatedFlow flow, bool isHostile)
    {
        Path there = new(world, flow.LinkOfA, flow.Cable.A, flow.Cable.B, flow.B, isHostile);
        Path back = new(world, flow.LinkOfB, flow.Cable.B, flow.Cable.A, flow.A, isHostile);
        flow.A.Writes(Bytes);
        flow.B.Writes(Bytes);
        return (there, back);
    }

    private static void Step(World world, SimulatedFlow flow)
    {
        world.Step();
        Rule.Holds(world.Pool.RentedBytes <= 4 * (Buffer + (Chunks * flow.A.Memory.Send.ChunkSize)), "memory has bounds");
    }

    private static long Said(SimulatedFlow flow) => flow.Cable.A.Counters.TxFrames + flow.Cable.B.Counters.TxFrames;

    private static long Read(SimulatedFlow flow) => flow.A.Application.Read + flow.B.Application.Read;

    /// <summary>One direction.</summary>
    private sealed class Path
    {
        private readonly World _world;
        private readonly FrameMutator _mutator;
        private readonly Dice _dice;
        private readonly ILink _from;
        private readonly ILink _to;
        private readonly EngineNode _receiver;
        private readonly bool _isHostile;
        private readonly byte[] _forged = GC.AllocateUninitializedArray<byte>(FrameMutator.Longest, pinned: true);
        private long _whole;
        private long _changed;

        /// <param name="world">Whose dice are cast.</param>
        /// <param name="link">Where frames are changed.</param>
        /// <param name="from">The end of the cable behind it.</param>
        /// <param name="to">The other end.</param>
        /// <param name="receiver">Who is there.</param>
        /// <param name="isHostile">Whether what is changed has a right checksum again, and frames come that nobody has sent.</param>
        public Path(World world, FaultyLink link, ILink from, ILink to, EngineNode receiver, bool isHostile)
        {
            (_world, _from, _to, _receiver, _isHostile) = (world, from, to, receiver, isHostile);
            _dice = world.Dice.Fork($"{link.Name} on path");
            _mutator = new FrameMutator(_dice.Next());
            _whole = from.Counters.TxFrames;
            link.OnPath = Change;
        }

        /// <summary>Every frame is accounted for: at the end that sent it, and where it arrived.</summary>
        public void Check()
        {
            _world.RunUntil(() => _to.Counters.RxFrames == _from.Counters.TxFrames, limit: 1.s);
            long refused = _receiver.Malformed + _receiver.BadChecksum + _receiver.NotOurs;
            long taken = _receiver.Counters.SegmentsReceived;
            Assert.Equal(_to.Counters.RxFrames, refused + taken + _receiver.LeftToHost);
            if (!_isHostile)
            {
                Assert.True(_changed > 0);

                // What has become too long did not even leave.
                Assert.Equal((_whole, _changed), (taken + _receiver.LeftToHost, refused + _from.Counters.TxDropped));
            }
        }

        private int Change(Span<byte> frame, int length)
        {
            if (_isHostile && _dice.Between(0, 15) == 0)
            {
                Forge();
            }

            if (_dice.Between(0, 15) != 0)
            {
                _whole++;
                return length;
            }

            _changed++;
            length = _mutator.Change(frame, length, mends: _isHostile);
            if (!_isHostile)
            {
                Spoil(frame[..length]);
            }

            return length;
        }

        private unsafe void Forge()
        {
            int length = _mutator.Write(_forged, _receiver.Setup.Connection.Flow, _receiver.Variants);
            fixed (byte* start = _forged)
            {
                TxFrame frame = new() { Header = start, HeaderLength = length };
                _from.Send(new ReadOnlySpan<TxFrame>(in frame));
            }
        }

        /// <summary>Where the checksums are right after all, they are not any more.</summary>
        private static void Spoil(Span<byte> frame)
        {
            const int checksum = 16;
            if (IpFrame.TryParse(frame, out IpFrame ip) && ip.PayloadLength > checksum && ip.Packet.HasValidChecksum(ip.PayloadOf(frame)))
            {
                frame[ip.PayloadOffset + checksum] ^= 1;
            }
        }
    }
}
