using TcpActors.Bench.Lab;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Measuring;

/// <summary>
/// Runs a row: the contenders take turns, so that whatever the machine does hits all of them alike. First a short run each whose bytes are
/// all compared, then a round to warm up, then the rounds that count.
/// </summary>
/// <param name="runs">Rounds that count.</param>
/// <param name="seconds">Length of a run.</param>
/// <param name="say">Told what is being done.</param>
internal sealed class Alternation(int runs, double seconds, Action<string> say)
{
    public async Task<RowRuns> RunAsync(Row row)
    {
        var contenders = new List<ContenderProcesses>();
        try
        {
            foreach (Contender contender in row.Contenders)
            {
                say($"{row.Name}: starting {contender}");
                contenders.Add(await ContenderProcesses.StartAsync(row, contender));
            }

            foreach (ContenderProcesses each in contenders)
            {
                say($"{row.Name}: checking every byte, {each.Contender}");
                await row.RunAsync(each, each.Order(Math.Min(seconds, 0.5), check: true));
            }

            Dictionary<string, List<Figures>> figures = contenders.ToDictionary(
                each => each.Contender.ToString(), _ => new List<Figures>(), StringComparer.Ordinal);
            for (int round = 0; round <= runs; round++)
            {
                foreach (ContenderProcesses each in contenders)
                {
                    say($"{row.Name}: {(round == 0 ? "warming up" : $"run {round} of {runs}")}, {each.Contender}");
                    Figures run = await row.RunAsync(each, each.Order(seconds));
                    if (round > 0)
                    {
                        figures[each.Contender.ToString()].Add(run);
                    }
                }
            }

            return new RowRuns(
                row, figures.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<Figures>)pair.Value, StringComparer.Ordinal));
        }
        finally
        {
            foreach (ContenderProcesses each in contenders)
            {
                await each.DisposeAsync();
            }
        }
    }
}
