using System.IO.Pipelines;

namespace TcpActors.Cli.Serving;

/// <summary>RFC 864: a stream of lines of 72 printable characters, each beginning one character later; what comes is thrown away.</summary>
/// <param name="bytes">Length of the stream, after which comes FIN; null: it goes on until the peer leaves.</param>
internal sealed class ChargenApplication(long? bytes) : IApplication
{
    private const int Printable = 95;
    private const int LineLength = 72;
    private static readonly byte[] Lines = MakeLines();

    public string Name => bytes is null ? "chargen" : $"chargen:{bytes}";

    public async Task RunAsync(IDuplexPipe connection, CancellationToken cancellationToken)
    {
        Task drained = DiscardApplication.DrainAsync(connection.Input, cancellationToken);
        if (await SendAsync(connection.Output, cancellationToken))
        {
            await connection.Output.CompleteAsync();
            await drained;
        }
    }

    /// <returns>False when the peer left before the end.</returns>
    private async Task<bool> SendAsync(PipeWriter output, CancellationToken cancellationToken)
    {
        for (long left = bytes ?? long.MaxValue; left > 0; left -= Lines.Length)
        {
            FlushResult flushed = await output.WriteAsync(Lines.AsMemory(0, (int)Math.Min(left, Lines.Length)), cancellationToken);
            if (flushed.IsCompleted)
            {
                return false;
            }
        }

        return true;
    }

    private static byte[] MakeLines()
    {
        var lines = new byte[Printable * (LineLength + 2)];
        for (var line = 0; line < Printable; line++)
        {
            Span<byte> bytes = lines.AsSpan(line * (LineLength + 2), LineLength + 2);
            for (var column = 0; column < LineLength; column++)
            {
                bytes[column] = (byte)(' ' + ((line + column) % Printable));
            }

            bytes[LineLength] = (byte)'\r';
            bytes[LineLength + 1] = (byte)'\n';
        }

        return lines;
    }
}
