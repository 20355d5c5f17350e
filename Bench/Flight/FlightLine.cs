using TcpActors.Engine.Buffers;
using TcpActors.HostSide;

namespace TcpActors.Bench.Flight;

/// <summary>One connection, owned by its host's stack, with a number of bytes in flight that stay there: what is sent is lost.</summary>
internal abstract class FlightLine : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public abstract IOffloadHost Host { get; }

    public abstract Connection Connection { get; }

    /// <summary>Memory of the buffers of all connections, of which there is one.</summary>
    public abstract ChunkPool Pool { get; }

    public async Task<ConnectionReport> ReportAsync() => (await Host.ListAsync()).Single(each => each.Id == Connection.Id);

    public abstract ValueTask DisposeAsync();

    /// <exception cref="BenchException">It was refused.</exception>
    public static async Task MoveAsync(Task<MoveResult> move)
    {
        MoveResult result = await move;
        if (result.Moved != 1)
        {
            throw new BenchException($"The connection did not move: {result}.");
        }
    }

    /// <exception cref="BenchException">It does not come.</exception>
    protected async Task<ConnectionReport> UntilAsync(Func<ConnectionReport, bool> wanted, string what)
    {
        using var patience = new CancellationTokenSource(s_patience);
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
        ConnectionReport report;
        while (!wanted(report = await ReportAsync()))
        {
            if (patience.IsCancellationRequested)
            {
                throw new BenchException(
                    $"In vain awaited: {what}. {report.Variants.Flight} bytes are in flight, SND.WND is {report.Variants.SndWnd}, {report.Owner} has it.");
            }

            await look.WaitForNextTickAsync(CancellationToken.None);
        }

        return report;
    }
}
