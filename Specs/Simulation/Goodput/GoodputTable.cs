using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace TcpActors.Specs.Simulation.Goodput;

/// <summary>
/// The table of goodputs as text: <c>GOODPUT.md</c> beside the simulator. Floors are never read from it, they are computed
/// (<see cref="Cell.Floor"/>), so that writing it anew cannot hide a regression.
/// </summary>
internal static class GoodputTable
{
    public const string WriteVariable = "TCPACTORS_TABLE";

    /// <summary>What hosts use unless told otherwise.</summary>
    public const string Congestion = "cubic";

    private const ulong FairnessSeed = 0xFA12;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <summary>Where the table is kept.</summary>
    public static string Path => System.IO.Path.Combine(Folder(), "..", "GOODPUT.md");

    /// <summary>Measures every cell.</summary>
    public static GoodputPage Measure()
    {
        IReadOnlyList<Cell> cells = Cell.All(Congestion);
        Measurement[] measured = new Measurement[cells.Count];

        // Each run has one thread and a world of its own: how many run beside each other changes nothing.
        Parallel.For(0, cells.Count, i => measured[i] = cells[i].Measure());
        List<string> tooSlow = [];
        StringBuilder page = new();
        page.Append(Head);
        for (int i = 0; i < cells.Count; i++)
        {
            string row = Row(cells[i], measured[i]);
            page.Append(row).Append('\n');
            if (measured[i].Mbit < cells[i].Floor)
            {
                tooSlow.Add(row);
            }
        }

        page.Append(FairnessHead);
        foreach (int flows in (int[])[2, 8, 32])
        {
            IReadOnlyList<double> shares = Fairness.Measure(FairnessSeed, [.. Enumerable.Repeat(Congestion, flows)]);
            double index = Fairness.Index(shares);
            string row = string.Create(
                Culture,
                $"| {flows} {Congestion} | {index:0.000} | {Fairness.Floor(flows):0.00} |"
                + $" {shares.Sum():0.0000} | {Fairness.FloorTogether:0.0000} |");
            page.Append(row).Append('\n');
            if (index < Fairness.Floor(flows) || shares.Sum() < Fairness.FloorTogether)
            {
                tooSlow.Add(row);
            }
        }

        page.Append(RivalsHead);
        foreach (string rival in (string[])["reno", "bbr"])
        {
            (double one, double other) = Fairness.Against(FairnessSeed, Congestion, rival, each: 2);
            string row = string.Create(Culture, $"| 2 {Congestion}, 2 {rival} | {one:0.000} | {other:0.000} | {Fairness.FloorAgainst:0.00} |");
            page.Append(row).Append('\n');
            if (Math.Min(one, other) < Fairness.FloorAgainst)
            {
                tooSlow.Add(row);
            }
        }

        return new GoodputPage(page.ToString(), tooSlow);
    }

    /// <summary>One line of the table.</summary>
    public static string Row(Cell cell, Measurement measured)
    {
        double margin = cell.Floor == 0 ? 0 : measured.Mbit / cell.Floor;
        string name = string.Create(Culture, $"{cell.Loss:0.###%} | {cell.Rtt.Value / 1000} | {cell.Buffer >> 10}");
        string figures = string.Create(Culture, $"{measured.Mbit:0.0000} | {cell.Floor:0.0000} | {cell.Model} | {margin:0.00}");
        return string.Create(
            Culture, $"| {name} | {figures} | {measured.Timeouts} | {measured.Retransmitted} | {measured.Sent} | 0x{cell.Seed:X} |");
    }

    private static string Head => $"""
        # Goodput in the simulator

        One bulk transfer, {Congestion}, over 100 Mbit/s with a drop-tail queue of one bandwidth-delay product (64 KiB at least) and random
        loss of data frames: what the application read from the third to the twentieth second of virtual time. A floor is 0.8 of what theory
        allows (`Theory.cs`, `Cell.cs`) and is computed, not read from here. Every figure is reproducible to the last digit:
        `{WriteVariable}=write dotnet test Specs -c Release --filter "Category=GoodputTable"` measures and writes all of this.

        | loss | RTT, ms | buffer, KiB | Mbit/s | floor | by | times the floor | time-outs | sent again | segments | seed |
        |---|---|---|---|---|---|---|---|---|---|---|

        """;

    private const string FairnessHead = """

        Flows that share a bottleneck of 100 Mbit/s and 20 ms for 30 s: Jain's index, and the goodput of all together (`Fairness.cs`).

        | flows | index | floor | Mbit/s | floor |
        |---|---|---|---|---|

        """;

    private const string RivalsHead = """

        Two flows of one algorithm and two of another there: what part of its fair share each kind gets.

        | flows | first | second | floor |
        |---|---|---|---|

        """;

    private static string Folder([CallerFilePath] string file = "") => System.IO.Path.GetDirectoryName(file)!;
}

/// <summary>The page as it is to be, with every figure measured just now.</summary>
/// <param name="Text">Markdown; equal to what is committed unless something has changed how the engine behaves.</param>
/// <param name="TooSlow">The rows that are under their floors.</param>
internal sealed record GoodputPage(string Text, IReadOnlyList<string> TooSlow);
