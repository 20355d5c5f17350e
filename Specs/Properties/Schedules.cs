using CsCheck;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;
using TcpActors.Specs.Simulation;

namespace TcpActors.Specs.Properties;

/// <summary>Random schedules.</summary>
internal static class Schedules
{
    /// <summary>More than two full windows: a network that behaves loses nothing, and a queue that overflows would.</summary>
    private const int Queue = 4 << 20;

    private const int Rounds = 14;

    private static readonly Gen<Side> Sides = Gen.OneOf(Side.A, Side.B);

    /// <summary>Nothing, less than a round trip, round trips, longer than time-outs.</summary>
    private static readonly Gen<Microseconds> Gaps = Gen.Frequency(
        (2, Gen.Const(0)), (4, Gen.Int[1, 2_000]), (6, Gen.Int[1, 60_000]), (3, Gen.Int[1, 600_000]), (1, Gen.Int[1, 10_000_000]))
        .Select(static us => new Microseconds(us));

    private static readonly Gen<int> Amounts = Gen.Frequency(
        (1, Gen.Int[1, 10]), (3, Gen.Int[1, 4_000]), (4, Gen.Int[1, 60_000]), (2, Gen.Int[1, 300_000]));

    private static readonly Gen<Faults> AnyFaults =
        from loss in Chance(0.3)
        from burst in Gen.Frequency((3, Gen.Const<Burst?>(static () => null)), (1, Gen.Select(Gen.Double[0.001, 0.05], Gen.Double[0.1, 0.6], Bursts)))
        from reordering in Chance(0.3)
        from delay in Gen.Int[100, 50_000]
        from duplication in Chance(0.2)
        from corruption in Chance(0.1)
        from truncation in Chance(0.1)
        select new Faults
        {
            Loss = loss,
            Burst = burst,
            Reordering = reordering,
            ReorderDelay = new Microseconds(delay),
            Duplication = duplication,
            Corruption = corruption,
            Truncation = truncation,
        };

    private static readonly Gen<Scenario> Paths =
        from rate in Gen.OneOf(10.Mbit, 100.Mbit, 1_000.Mbit)
        from rtt in Gen.OneOf(200.us, 4.ms, 30.ms, 150.ms)
        from jitter in Gen.OneOf(0.us, 0.us, 500.us)
        from mtu in Gen.Frequency((1, 576), (4, 1500), (1, 9000))
        from congestion in Gen.OneOf("cubic", "reno", "bbr")
        from buffer in Gen.OneOf(2.KiB, 20.KiB, 64.KiB, 200.KiB, 1.MiB)
        from promised in Gen.Frequency((2, Gen.Const(0)), (1, Gen.Int[1, 30_000]))
        from options in Gen.Select(Gen.Frequency((3, true), (1, false)), Gen.Frequency((3, true), (1, false)), Gen.Bool, Gen.Bool, Gen.Bool)
        select new Scenario
        {
            Rate = rate,
            Rtt = rtt,
            Jitter = jitter,
            Queue = Queue,
            Mtu = mtu,
            Congestion = congestion,
            Buffer = buffer,
            Promised = Math.Min(promised, buffer),
            Sack = options.Item1,
            Timestamps = options.Item2,
            Nagle = options.Item3,
            Ecn = options.Item4,
            MarkAbove = options.Item4 ? 30_000 : 0,
            Offloads = options.Item5,
        };

    private static readonly Gen<Act> Writes = Gen.Select(
        Sides,
        Amounts,
        Gen.Frequency((3, Gen.Const(int.MaxValue)), (1, Gen.Int[200, 20_000])),
        Gen.Int[0, 20_000],
        static Act (side, bytes, piece, pause) => new Act.Writes(side, bytes, piece, new Microseconds(pause)));

    private static readonly Gen<Act> Reads = Gen.Select(
        Sides,
        Gen.OneOf(Gen.Int[1, 100], Gen.Int[100, 30_000]),
        Gen.Int[0, 1_000_000],
        static Act (side, piece, pause) => new Act.Reads(side, piece, new Microseconds(pause)));

    private static readonly Gen<Act> Moves = Gen.Select(
        Sides,
        Gen.OneOf(Way.Toe, Way.Kernel),
        Gen.OneOf(Gen.Const(0), Gen.Int[0, 50_000]),
        Gen.Int[0, 2_000_000_000],
        Gen.Bool,
        static Act (side, way, pause, ahead, inRecovery) =>
            new Act.Moves(side, way, new Microseconds(pause), new Microseconds(ahead), inRecovery));

    private static readonly Gen<Act> Crashes = Sides.Select(static Act (side) => new Act.Crashes(side));

    private static readonly Gen<Act> Closes = Sides.Select(static Act (side) => new Act.Closes(side));

    private static readonly Gen<Act> Updates = Gen.OneOf(
        Gen.Select(Sides, Gen.OneOf(552, 1000, 1400, 9000), static Act (side, mtu) => new Act.PathMtu(side, mtu)),
        Sides.Select(static Act (side) => new Act.NextHop(side)),
        Gen.Select(Sides, Gen.Bool, static Act (side, isUsable) => new Act.Path(side, isUsable)));

    private static readonly Gen<Act> Weather = Gen.Select(Sides, AnyFaults, static Act (side, faults) => new Act.Weather(side, faults));

    private static readonly Gen<Act> Blackouts = Gen.Select(
        Sides,
        Gen.Frequency((4, Gen.Int[1_000, 500_000]), (2, Gen.Int[500_000, 5_000_000]), (1, Gen.Int[5_000_000, 90_000_000])),
        static Act (side, length) => new Act.Blackout(side, new Microseconds(length)));

    /// <summary>Everything, in the mix that finds most.</summary>
    public static readonly Gen<Schedule> Any = Of(
        Paths, (8, Writes), (3, Reads), (1, Closes), (3, Moves), (1, Crashes), (2, Updates), (5, Weather), (2, Blackouts));

    /// <summary>Owners change all the time, half of them while losses are being repaired.</summary>
    public static readonly Gen<Schedule> Restless = Of(Paths, (4, Writes), (8, Moves), (4, Crashes), (3, Weather), (1, Blackouts));

    /// <summary>Windows smaller than what is written, slow readers, ends of streams.</summary>
    public static readonly Gen<Schedule> Narrow = Of(
        Gen.Select(Paths, Gen.Int[500, 16_000], static (path, buffer) => path with { Buffer = buffer, Promised = Math.Min(path.Promised, buffer) }),
        (6, Writes),
        (5, Reads),
        (2, Closes),
        (1, Moves),
        (2, Weather),
        (2, Blackouts));

    private static Gen<Schedule> Of(Gen<Scenario> paths, params (int, IGen<Act>)[] acts) => Gen.Select(
        paths,
        Gen.UInt,
        Gen.Select(Gen.OneOf(Gen.Const(0.us), Gaps), Gen.Frequency(acts), static (gap, act) => new Step(gap, act)).Array[1, Rounds],
        static (path, seed, steps) => new Schedule(path, seed, steps));

    private static Gen<double> Chance(double most) => Gen.Frequency((2, Gen.Const(0.0)), (1, Gen.Double[0, most]));

    private static Burst? Bursts(double toBad, double toGood) => new(toBad, toGood);
}
