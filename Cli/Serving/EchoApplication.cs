using System.IO.Pipelines;

namespace TcpActors.Cli.Serving;

/// <summary>RFC 862: what comes goes back. After the peer's FIN everything is echoed first, then comes our FIN.</summary>
internal sealed class EchoApplication : IApplication
{
    public string Name => "echo";

    public async Task RunAsync(IDuplexPipe connection, CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult read = await connection.Input.ReadAsync(cancellationToken);
            foreach (ReadOnlyMemory<byte> bytes in read.Buffer)
            {
                FlushResult flushed = await connection.Output.WriteAsync(bytes, cancellationToken);
                if (flushed.IsCompleted)
                {
                    return;
                }
            }

            connection.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                break;
            }
        }

        await connection.Output.CompleteAsync();
    }
}
