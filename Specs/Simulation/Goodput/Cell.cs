using System.Globalization;
using TcpActors.Engine.State;
using TcpActors.Specs.Engine.Tcp;

namespace TcpActors.Specs.Simulation.Goodput;

/// <summary>
/// One cell of the table: a bulk transfer over 100 Mbit/s with a drop-tail queue of one bandwidth-delay product (64 KiB at least) and
/// random loss of data; what the application has read from the third to the twentieth second counts.
/// </summary>
/// <param name="Congestion">The algorithm's name.</param>
/// <param name="Loss">Probability of each frame of data.</param>
/// <param name="Rtt">Without queue.</param>
/// <param name="Buffer">Bytes of the send buffer and of the receive buffer.</param>
internal sealed record Cell(string Congestion, double Loss, Microseconds Rtt, int Buffer)
{
    /// <summary>Above this the model has time-outs in it.</summary>
    private const double LossWithTimeouts = 0.03;

    /// <summary>Measured goodput must be at least this part of what theory allows.</summary>
    private const double FloorOfTheory = 0.8;

    /// <summary>Up to what loss BBR must keep its rate (its own threshold is 2 %); beyond there is no floor.</summary>
    private const double BbrLoss = 0.01;

    private const double Mega = 1e6;

    private static readonly Microseconds LeftOut = 2.s;
    private static readonly Microseconds Measured = 18.s;

    public Scenario Scenario => new() { Rtt = Rtt, Buffer = Buffer, Congestion = Congestion, Faults = new Faults { Loss = Loss } };

    /// <summary>The same for the same cell, so that a cell does not change when others come or go.</summary>
    public ulong Seed => new Dice(0x600D).Fork(Scenario.ToString()).Seed & 0xffff_ffff;

    /// <summary>The round trip of one segment on the empty path: its transmission takes time too.</summary>
    public double PathRtt => (Rtt.Value / Mega) + (Scenario.FullFrame * 8.0 / Scenario.Rate);

    /// <summary>
    /// The lossless bound in Mbit/s: what the rate leaves for payload, or what the smaller of the two buffers lets through.
    /// </summary>
    public double Bound => Math.Min(
        Scenario.Rate / Mega * Scenario.Mss / Scenario.FullFrame,
        Buffer * 8.0 / PathRtt / Mega);

    /// <summary>Which model <see cref="Allowed"/> is by.</summary>
    public string Model => Loss == 0 ? "bound"
        : Congestion == "bbr" ? Loss <= BbrLoss ? "bound" : "none"
        : Loss > LossWithTimeouts ? "Padhye"
        : Congestion == "cubic" ? "CUBIC" : "Reno";

    /// <summary>What the model allows, in Mbit/s; never more than the bound.</summary>
    public double Allowed => Math.Min(Bound, Model switch
    {
        "bound" => Bound,
        "Padhye" => InMbit(Theory.PadhyeRate(Loss, PathRtt, Theory.SteadyRto(PathRtt))),
        "CUBIC" => InMbit(Theory.CubicWindow(Loss, PathRtt) / PathRtt),
        "Reno" => InMbit(Theory.RenoWindow(Loss) / PathRtt),
        _ => 0,
    });

    /// <summary>Mbit/s that must be measured.</summary>
    public double Floor => FloorOfTheory * Allowed;

    /// <summary>Every cell of the table, for one algorithm.</summary>
    public static IReadOnlyList<Cell> All(string congestion) =>
    [
        .. from loss in (double[])[0, 0.001, 0.01, 0.05, 0.1, 0.3]
           from rtt in (int[])[1, 20, 100]
           from buffer in (int[])[64.KiB, 1.MiB, 16.MiB]
           select new Cell(congestion, loss, rtt.ms, buffer),
    ];

    /// <summary>What is cheap to simulate, and still has every loss model in it.</summary>
    public static IReadOnlyList<Cell> Cheap(string congestion) =>
    [
        .. from cell in All(congestion)
           where cell.Loss is 0.001 or 0.01 or 0.05 && cell.Rtt > 1.ms && cell.Buffer < 16.MiB
           select cell,
    ];

    /// <summary>Runs the transfer.</summary>
    /// <returns>Mbit/s, rounded as the table has it: a figure is reproducible to the last digit.</returns>
    public Measurement Measure()
    {
        Measurement measured = default;
        Replay.Run(Seed, world =>
        {
            (EngineNode a, EngineNode b) = world.Pair(Scenario);
            a.Writes(long.MaxValue / 2);
            world.RunFor(LeftOut);
            long before = b.Application.Read;
            world.RunFor(Measured);
            measured = new Measurement(
                Math.Round((b.Application.Read - before) * 8 / (double)Measured.Value, 4),
                a.Counters.RetransmissionTimeouts,
                a.Counters.SegmentsRetransmitted,
                a.Counters.SegmentsSent);
        });
        return measured;
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Congestion}, loss {Loss:0.###%}, RTT {Rtt.Value / 1000} ms, buffer {Buffer >> 10} KiB");

    private double InMbit(double segmentsPerSecond) => segmentsPerSecond * Scenario.Mss * 8 / Mega;
}

/// <summary>What a cell's transfer came to.</summary>
/// <param name="Mbit">Goodput in Mbit/s, to four places.</param>
/// <param name="Timeouts">Retransmission time-outs of the sender.</param>
/// <param name="Retransmitted">Segments sent again.</param>
/// <param name="Sent">Segments sent in all.</param>
internal readonly record struct Measurement(double Mbit, int Timeouts, long Retransmitted, long Sent);
