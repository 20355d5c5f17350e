using System.IO.Pipelines;
using System.Net.Sockets;

namespace TcpActors.Kestrel;

/// <summary>The connection's output. As with Kestrel's own transport, a peer that has gone ends the writing without an exception.</summary>
internal sealed class TransportWriter(PipeWriter writer, TransportConnection connection) : PipeWriter
{
    public override bool CanGetUnflushedBytes => writer.CanGetUnflushedBytes;

    public override long UnflushedBytes => writer.UnflushedBytes;

    public override void Advance(int bytes) => writer.Advance(bytes);

    public override void CancelPendingFlush() => writer.CancelPendingFlush();

    public override void Complete(Exception? exception = null) => writer.Complete(exception);

    public override Memory<byte> GetMemory(int sizeHint = 0) => writer.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => writer.GetSpan(sizeHint);

    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await writer.FlushAsync(cancellationToken);
        }
        catch (SocketException)
        {
            connection.Lost();
            return new FlushResult(isCanceled: false, isCompleted: true);
        }
    }
}
