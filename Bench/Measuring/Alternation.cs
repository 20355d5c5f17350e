using TcpActors.Bench.Lab;
using TcpActors.Bench.Peers;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Measuring;

/// <summary>
/// Runs a row: the contenders take turns, so that whatever the machine does hits all of them alike. First a short run each whose bytes are
/// all compared, then a round to warm up, then the rounds that count.
/// </summary>
/// <param name="runs">Rounds that count.</param>
/// <param name="seconds">Length of a run.</param>
/// <param name="peers">Others that take turns with the contenders.</param>
/// <param name="say">Told what is being done.</param>
internal sealed class Alternation(int runs, double seconds, IReadOnlyList<Peer> peers, Action<string> say)
{
    private const double CheckSeconds = 0.5;

    /// <exception cref="BenchException">A contender failed. A peer that fails is left out, and the notes say why.</exception>
    public async Task<RowRuns> RunAsync(Row row)
    {
        var turns = new List<Turn>();
        try
        {
            foreach (Contender contender in row.Contenders)
            {
                say($"{row.Name}: starting {contender}");
                turns.Add(new ContenderTurn(row, await ContenderProcesses.StartAsync(row, contender)));
            }

            turns.AddRange(peers.Where(peer => peer.Takes(row)).Select(peer => new PeerTurn(row, peer)));
            foreach (Turn turn in turns.Where(_ => row.ComparesBytes))
            {
                say($"{row.Name}: comparing every byte, {turn.Name}");
                await turn.CheckAsync(Math.Min(seconds, CheckSeconds));
            }

            for (int round = 0; round <= runs; round++)
            {
                foreach (Turn turn in turns.Where(turn => turn.Failure is null))
                {
                    say($"{row.Name}: {(round == 0 ? "warming up" : $"run {round} of {runs}")}, {turn.Name}");
                    await turn.TakeAsync(seconds, counts: round > 0);
                }
            }

            return new RowRuns(
                row,
                turns.Where(turn => turn.Failure is null).ToDictionary(turn => turn.Name, turn => turn.Runs, StringComparer.Ordinal),
                [.. turns.Select(turn => turn.Failure).OfType<string>()]);
        }
        finally
        {
            foreach (Turn turn in turns)
            {
                await turn.DisposeAsync();
            }
        }
    }

    /// <summary>Somebody whose turn it is again and again.</summary>
    private abstract class Turn : IAsyncDisposable
    {
        private readonly List<Figures> _runs = [];

        public abstract string Name { get; }

        public IReadOnlyList<Figures> Runs => _runs;

        /// <summary>Why it takes no more turns.</summary>
        public string? Failure { get; protected set; }

        public virtual Task CheckAsync(double seconds) => Task.CompletedTask;

        public async Task TakeAsync(double seconds, bool counts)
        {
            Figures? figures = await RunAsync(seconds);
            if (counts && figures is not null)
            {
                _runs.Add(figures);
            }
        }

        public abstract ValueTask DisposeAsync();

        /// <returns>Null when it failed.</returns>
        protected abstract Task<Figures?> RunAsync(double seconds);
    }

    private sealed class ContenderTurn(Row row, ContenderProcesses processes) : Turn
    {
        public override string Name => processes.Contender.ToString();

        public override Task CheckAsync(double seconds) => row.RunAsync(processes, processes.Order(seconds, check: true));

        public override ValueTask DisposeAsync() => processes.DisposeAsync();

        protected override async Task<Figures?> RunAsync(double seconds) => await row.RunAsync(processes, processes.Order(seconds));
    }

    private sealed class PeerTurn(Row row, Peer peer) : Turn
    {
        private readonly Cable _cable = new(row.Cable);

        public override string Name => peer.Name;

        public override ValueTask DisposeAsync()
        {
            _cable.Dispose();
            return ValueTask.CompletedTask;
        }

        protected override async Task<Figures?> RunAsync(double seconds)
        {
            try
            {
                return await peer.RunAsync(row, _cable, seconds);
            }
            catch (BenchException failure)
            {
                Failure = failure.Message;
                return null;
            }
        }
    }
}
