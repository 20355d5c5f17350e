using System.IO.Pipelines;

namespace TcpActors.Cli.Serving;

/// <summary>RFC 863: what comes is thrown away.</summary>
internal sealed class DiscardApplication : IApplication
{
    public string Name => "discard";

    public async Task RunAsync(IDuplexPipe connection, CancellationToken cancellationToken)
    {
        await DrainAsync(connection.Input, cancellationToken);
        await connection.Output.CompleteAsync();
    }

    /// <summary>Reads and forgets, up to the peer's FIN.</summary>
    public static async Task DrainAsync(PipeReader input, CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult read = await input.ReadAsync(cancellationToken);
            input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }
}
