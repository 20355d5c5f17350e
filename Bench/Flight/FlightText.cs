using System.Globalization;
using TcpActors.Bench.Measuring;
using TcpActors.Bench.Moves;
using TcpActors.Bench.Report;

namespace TcpActors.Bench.Flight;

/// <summary>Moves with bytes in flight as tables: what is transferred, and how long it takes.</summary>
/// <param name="flights">Bytes in flight, a row each; the first two, none and one, are what the others are compared with.</param>
internal sealed class FlightText(int[] flights)
{
    /// <summary>Where Linux tells how large its own socket is.</summary>
    private const string Slabs = "/proc/slabinfo";

    public PageTable Sizes { get; } = new(
        "between", "in flight, bytes", "all that is transferred, bytes", "of it the segment-variant variables", "part of the payload", "payload carried, bytes",
        "an offload allocates, bytes", "spread", "an upload", "spread");

    public PageTable Times { get; } = new(
        "between", "in flight, bytes", "move", "how many", "p50, µs", "p99", "smallest to largest", "of that with 0", "spread", "of that with 1 byte", "spread",
        "copying as much once, µs");

    /// <param name="place">Between whom.</param>
    /// <param name="rounds">For each flight its rounds, of which those of one number were measured one after the other.</param>
    public void Add(string place, IReadOnlyList<FlightMoves>[] rounds)
    {
        for (int i = 0; i < flights.Length; i++)
        {
            IReadOnlyList<FlightMoves> all = rounds[i];
            AddSize(place, flights[i], all);
            string copy = flights[i] > 0 ? Figure.Of(FlightBench.Copy(flights[i])) : "";
            IReadOnlyList<FlightMoves>[] compared = [all, rounds[0], rounds[1]];
            AddTime(place, flights[i], "offload", copy, [.. compared.Select(each => each.Select(round => round.Offload).ToArray())]);
            AddTime(place, flights[i], "upload", copy, [.. compared.Select(each => each.Select(round => round.Upload).ToArray())]);
        }
    }

    public string OnPage(MachineFacts machine) => string.Create(CultureInfo.InvariantCulture, $"""
        {machine.Heading}
        {machine.Runs} rounds after a warm-up; in each the flights take turns, with a new connection each. What is transferred is one entry of the transfer stack: variables, snapshot of
        the invariants, and every object that they refer to. Payload carried is buffer memory that the TOE has and the stack had not. Allocated is the managed heap of
        the whole process, tasks of the bench's included. Times are from the call to its end; a ratio is that of the medians of one round, of which the median and the spread are shown.
        An upload with anything in flight waits for acknowledgements first (two round trips, 5 to 50 ms), and here none come: for one byte as for 64 MiB, so the row with one byte is
        the one to compare it with. In the kernel every flight can be reached by root, who may give a socket a send buffer of any size; in a user namespace the kernel takes back no more
        than net.core.wmem_max ({Whole(WriteMemory())} bytes here), and an upload waits until no more is in flight.
        {Slab()}
        {Sizes.OnPage()}
        {Times.OnPage()}
        """);

    private void AddSize(string place, int flight, IReadOnlyList<FlightMoves> all)
    {
        long variables = all.Max(each => each.Variables);
        Distribution offload = Distribution.Of(all.SelectMany(each => each.OffloadAllocates));
        Distribution upload = Distribution.Of(all.SelectMany(each => each.UploadAllocates));
        Sizes.Add(
            place, Whole(flight), Whole(variables), Whole(FlightBench.VariantsSize), flight > variables ? $"1/{Whole(flight / variables)}" : "",
            Whole(all.Max(each => each.Payload)), Whole(offload.P50), Spread(offload), Whole(upload.P50), Spread(upload));
    }

    /// <param name="place">Between whom.</param>
    /// <param name="flight">Bytes in flight.</param>
    /// <param name="move">Which way.</param>
    /// <param name="copy">How long copying takes.</param>
    /// <param name="rounds">Times of each round: this flight's, those with nothing, those with one byte in flight.</param>
    private void AddTime(string place, int flight, string move, string copy, IReadOnlyList<double>[][] rounds)
    {
        Distribution all = Distribution.Of(rounds[0].SelectMany(each => each));
        double[][] medians = [.. rounds.Select(each => each.Select(Statistics.Median).ToArray())];
        var nothing = Summary.OfRatios(medians[0], medians[1]);
        var one = Summary.OfRatios(medians[0], medians[2]);
        Times.Add(
            place, Whole(flight), move, Whole(all.Count), Whole(all.P50), Whole(all.P99), Spread(all), Figure.Ratio(nothing), Figure.Spread(nothing, null),
            Figure.Ratio(one), Figure.Spread(one, null), copy);
    }

    private static long WriteMemory() => long.Parse(File.ReadAllText("/proc/sys/net/core/wmem_max"), CultureInfo.InvariantCulture);

    /// <summary>A number of another's: what the kernel keeps of a connection.</summary>
    private static string Slab()
    {
        if (!File.Exists(Slabs) || File.ReadLines(Slabs).FirstOrDefault(line => line.StartsWith("TCP ", StringComparison.Ordinal)) is not { } line)
        {
            return "";
        }

        string size = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3];
        return $"For comparison: the kernel's own socket of a connection has {size} bytes ({Slabs}, TCP), its queues apart.\n";
    }

    private static string Spread(Distribution of) => $"{Whole(of.Min)} to {Whole(of.Max)}";

    private static string Whole(double value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
