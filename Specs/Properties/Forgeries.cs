using CsCheck;
using TcpActors.Engine.State;
using TcpActors.Engine.Wire;
using TcpActors.Specs.Simulation;

namespace TcpActors.Specs.Properties;

/// <summary>A connection, where its numbers begin, and what happens to it.</summary>
internal sealed record Forgery(Scenario Path, uint First, uint PeerFirst, Turn[] Turns)
{
    public override string ToString() => $"first {First}, peer's {PeerFirst}, {Path}\n  {string.Join("\n  ", (IEnumerable<Turn>)Turns)}";
}

/// <summary>Random forgeries: most numbers at edges, where the rules change.</summary>
internal static class Forgeries
{
    private const int LongestPayload = 1400;
    private const int MostTurns = 40;

    /// <summary>At an edge, near it, within a window of it, anywhere.</summary>
    private static readonly Gen<int> Offsets = Gen.Frequency(
        (5, Gen.Const(0)), (5, Gen.Int[-2, 2]), (4, Gen.Int[-3_000, 3_000]), (2, Gen.Int[-70_000, 70_000]), (1, Gen.Int));

    private static readonly Gen<int> Lengths = Gen.Frequency((4, Gen.Const(0)), (3, Gen.Int[1, 3]), (5, Gen.Int[1, LongestPayload]));

    private static readonly Gen<TcpFlags> Flags = Gen.Frequency(
        (40, Gen.Const(TcpFlags.Ack)),
        (6, Gen.Const(TcpFlags.Ack | TcpFlags.Psh)),
        (4, Gen.OneOf(TcpFlags.Ece, TcpFlags.Cwr, TcpFlags.Ece | TcpFlags.Cwr).Select(static f => f | TcpFlags.Ack)),
        (4, Gen.Const(TcpFlags.Ack | TcpFlags.Fin)),
        (2, Gen.OneOf(TcpFlags.Rst, TcpFlags.Rst | TcpFlags.Ack)),
        (2, Gen.OneOf(TcpFlags.Syn, TcpFlags.Syn | TcpFlags.Ack)),
        (2, Gen.Const(TcpFlags.Ack | TcpFlags.Urg)),
        (2, Gen.Byte.Select(static f => (TcpFlags)f)));

    private static readonly Gen<ushort> Windows = Gen.Frequency(
        (4, Gen.Const<ushort>(ushort.MaxValue)), (2, Gen.Const<ushort>(0)), (2, Gen.UShort[1, 3]), (3, Gen.UShort));

    private static readonly Gen<(int, int)[]> Blocks = Gen.Frequency(
        (3, Gen.Const(Array.Empty<(int, int)>)),
        (2, Gen.Select(
            Gen.Frequency((4, Gen.Int[-3_000, 60_000]), (1, Offsets)),
            Gen.Frequency((6, Gen.Int[1, 6_000]), (1, Gen.Int[-3, 3]), (1, Gen.Int))).Array[1, 4]));

    private static readonly Gen<Forged> Segments =
        from seq in Gen.Select(Gen.Frequency((12, SeqEdge.Next), (6, SeqEdge.WindowEnd), (1, SeqEdge.FarSide)), Offsets, Gen.Bool)
        from length in Lengths
        from ack in Gen.Select(
            Gen.Frequency((10, AckEdge.Una), (10, AckEdge.Max), (2, AckEdge.OldestAcceptable), (1, AckEdge.FarSide)), Offsets)
        from flags in Flags
        from urgent in Gen.UShort
        from window in Windows
        from stamp in Gen.Select(
            Gen.Frequency((12, Stamp.Recent), (1, Stamp.FarSide), (1, Stamp.None)),
            Gen.Frequency((8, Gen.Const(0)), (4, Gen.Int[0, 50]), (2, Gen.Int[-2, 2]), (1, Gen.Int)),
            Gen.Frequency((6, Gen.Int[0, 100]), (1, Gen.Const(-1)), (1, Gen.Int[-1, int.MaxValue])))
        from sack in Blocks
        select new Forged
        {
            SeqEdge = seq.Item1,
            SeqOffset = seq.Item2,
            CountsFromEnd = seq.Item3,
            Length = length,
            AckEdge = ack.Item1,
            AckOffset = ack.Item2,
            Flags = flags,
            UrgentPointer = urgent,
            Window = window,
            Stamp = stamp.Item1,
            StampOffset = stamp.Item2,
            EchoAge = stamp.Item3,
            Sack = sack,
        };

    private static readonly Gen<Turn> Turns = Gen.Frequency<Turn>(
        (30, Segments.Select(static Turn (segment) => new Turn.Receives(segment))),
        (6, Gen.Frequency((3, Gen.Int[0, 3_000]), (3, Gen.Int[0, 300_000]), (1, Gen.Int[0, 30_000_000]))
            .Select(static Turn (us) => new Turn.Waits(new Microseconds(us)))),
        (6, Gen.Frequency((1, Gen.Int[1, 20]), (2, Gen.Int[1, 3_000]), (2, Gen.Int[1, 60_000])).Select(static Turn (n) => new Turn.Writes(n))),
        (3, Gen.Select(
            Gen.Frequency((1, Gen.Const(int.MaxValue)), (2, Gen.Int[1, 3_000])),
            Gen.Int[0, 1_000_000],
            static Turn (piece, pause) => new Turn.Reads(piece, new Microseconds(pause)))),
        (2, Gen.Select(
            Gen.OneOf(Way.Toe, Way.Kernel),
            Gen.Int[0, 2_000_000_000],
            static Turn (way, ahead) => new Turn.Moves(way, new Microseconds(ahead)))),
        (1, Gen.Const<Turn>(static () => new Turn.Crashes())),
        (1, Gen.Int[1, 300].Select(static Turn (n) => new Turn.Floods(n))),
        (1, Gen.OneOf(552, 1000, 1500).Select(static Turn (mtu) => new Turn.PathMtu(mtu))));

    private static readonly Gen<Scenario> Paths =
        from buffer in Gen.OneOf(1.KiB, 8.KiB, 60_000, 300.KiB)
        from congestion in Gen.OneOf("cubic", "reno", "bbr")
        from options in Gen.Select(Gen.Frequency((3, true), (1, false)), Gen.Bool, Gen.Bool, Gen.Bool)
        select new Scenario
        {
            Rate = 0,
            Rtt = Microseconds.Zero,
            Buffer = buffer,
            Congestion = congestion,
            Sack = options.Item1,
            Timestamps = options.Item2,
            Nagle = options.Item3,
            Ecn = options.Item4,
        };

    private static readonly Gen<uint> Firsts = Gen.OneOf(Gen.UInt, Gen.Int[-70_000, 70_000].Select(static n => (uint)n));

    public static readonly Gen<Forgery> Any = Gen.Select(
        Paths, Firsts, Firsts, Turns.Array[1, MostTurns], static (path, first, peerFirst, turns) => new Forgery(path, first, peerFirst, turns));
}
