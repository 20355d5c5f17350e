using System.CommandLine;
using System.Globalization;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Report;

namespace TcpActors.Bench.Moves;

/// <summary>The bench's command that measures moves: how long a peer hears nothing, and what they cost.</summary>
internal static class MovesCommand
{
    private const int Mass = 1000;
    private const int Rounds = 5;

    /// <param name="command">The whole command line, for the page.</param>
    /// <param name="results">The option that names the page.</param>
    public static Command Create(string command, Option<string?> results)
    {
        var moves = new Option<int>("--moves")
        {
            Description = "Offloads, and as many uploads, for each kind of traffic.",
            DefaultValueFactory = _ => 500,
            HelpName = "N",
        };
        var create = new Command("moves", "Measures moves: blackout seen by the peer, moves a second, processor time.") { moves, results };
        create.SetAction(parsed => RunAsync(parsed.GetValue(moves), command, parsed.GetValue(results)));
        return create;
    }

    private static async Task<int> RunAsync(int moves, string command, string? page)
    {
        Rights.Require();
        var blackouts = new PageTable("traffic", "around", "longest silence, p50 ms", "p90", "p99", "longest");
        foreach (MoveTraffic traffic in Enum.GetValues<MoveTraffic>().Except([MoveTraffic.Idle]))
        {
            Blackout blackout = await MoveBench.BlackoutAsync(traffic, moves);
            foreach ((string move, Distribution silence) in
                ((string, Distribution)[])[("offload", blackout.Offload), ("upload", blackout.Upload), ("none", blackout.None)])
            {
                blackouts.Add(
                    traffic.ToString(), move, Milliseconds(silence.P50), Milliseconds(silence.P90), Milliseconds(silence.P99),
                    Milliseconds(silence.Max));
            }
        }

        var costs = new PageTable("moves, medians", "a second", "µs of processor time");
        MoveCost one = await MoveBench.PingPongAsync(MoveTraffic.Idle, TimeSpan.FromSeconds(3));
        MassMoves many = await MoveBench.MassAsync(Mass, Rounds);
        foreach ((string name, MoveCost cost) in ((string, MoveCost)[])
        [
            ("one idle connection, to and fro", one),
            ($"{many.Connections} idle connections at once, offload", Median(many.Offload)),
            ($"{many.Connections} idle connections at once, upload", Median(many.Upload)),
        ])
        {
            costs.Add(name, Whole(cost.PerSecond), Whole(cost.CpuMicroseconds));
        }

        Terminal.Show(blackouts.OnTerminal());
        Terminal.Show(costs.OnTerminal());
        if (page is not null)
        {
            var machine = MachineFacts.Take(command, runs: Rounds, seconds: 3);
            MarkedPage.Write(page, "moves", $"{machine.Heading}\n{blackouts.OnPage()}\n{costs.OnPage()}");
        }

        return 0;
    }

    private static MoveCost Median(IReadOnlyList<MoveCost> costs) => costs.OrderBy(cost => cost.PerSecond).ElementAt(costs.Count / 2);

    private static string Milliseconds(double value) => value.ToString("F2", CultureInfo.InvariantCulture);

    private static string Whole(double value) => value.ToString("F0", CultureInfo.InvariantCulture);
}
