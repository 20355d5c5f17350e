using System.CommandLine;
using System.Globalization;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Report;

namespace TcpActors.Bench.Flight;

/// <summary>The bench's command that moves connections with bytes in flight: claim 17 in figures.</summary>
internal static class FlightCommand
{
    /// <summary>Nothing; one byte, for which an upload waits as it does for 64 MiB; and what the claim's row names.</summary>
    private static readonly int[] s_flights = [0, 1, Mebibytes(1), Mebibytes(16), Mebibytes(64)];

    private const int Segment = 1448;
    private const int WarmUp = 100;

    /// <param name="command">The whole command line, for the page.</param>
    /// <param name="runs">The option that says how many rounds count.</param>
    /// <param name="results">The option that names the page.</param>
    public static Command Create(string command, Option<int> runs, Option<string?> results)
    {
        var moves = new Option<int>("--moves")
        {
            Description = "Offloads in each round, and as many uploads; in the kernel with 16 MiB a quarter of it, with 64 MiB an eighth.",
            DefaultValueFactory = _ => 100,
            HelpName = "N",
        };
        var create = new Command(
            "flight",
            "Moves a connection with 0, 1, 16 and 64 MiB in flight, within one process and to the kernel and back: bytes transferred, bytes allocated, time.")
        {
            moves, runs, results,
        };
        create.SetAction(parsed => RunAsync(parsed.GetValue(moves), parsed.GetValue(runs), command, parsed.GetValue(results)));
        return create;
    }

    private static async Task<int> RunAsync(int moves, int runs, string command, string? page)
    {
        Rights.Require();
        var text = new FlightText(s_flights);
        foreach ((string place, Func<int, Task<FlightLine>> start, bool copies) in ((string, Func<int, Task<FlightLine>>, bool)[])
        [
            ("within the process", ManagedFlight.StartAsync, false),
            ("the kernel and a TOE", KernelFlight.StartAsync, true),
        ])
        {
            List<FlightMoves>[] rounds = [.. s_flights.Select(_ => new List<FlightMoves>(runs))];
            await FlightBench.RunAsync(start, s_flights[0], WarmUp);
            for (int round = 0; round < runs; round++)
            {
                for (int i = 0; i < s_flights.Length; i++)
                {
                    int share = !copies ? 1 : s_flights[i] >= 64 << 20 ? 8 : s_flights[i] >= 16 << 20 ? 4 : 1;
                    rounds[i].Add(await FlightBench.RunAsync(start, s_flights[i], Math.Max(1, moves / share)));
                    await Console.Error.WriteLineAsync(string.Create(
                        CultureInfo.InvariantCulture, $"{place}, {s_flights[i]:N0} bytes in flight, round {round + 1} of {runs}"));
                }
            }

            text.Add(place, rounds);
        }

        Terminal.Show(text.Sizes.OnTerminal());
        Terminal.Show(text.Times.OnTerminal());
        if (page is not null)
        {
            MarkedPage.Write(page, "flight", text.OnPage(MachineFacts.Take(command, runs, seconds: 0)));
        }

        return 0;
    }

    /// <summary>In whole segments: Nagle's algorithm would hold back what is left over.</summary>
    private static int Mebibytes(int count) => ((count << 20) + Segment - 1) / Segment * Segment;
}
