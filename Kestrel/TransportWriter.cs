using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace TcpActors.Kestrel;

/// <summary>
/// The connection's output as Kestrel uses it: it advances several times within the memory it asked for once (its BufferWriter), which a
/// PipeWriter need not allow, so the steps are summed up; and a peer that has gone ends the writing without an exception.
/// </summary>
internal sealed class TransportWriter(PipeWriter writer) : PipeWriter
{
    private int _advanced;

    public override bool CanGetUnflushedBytes => writer.CanGetUnflushedBytes;

    public override long UnflushedBytes => writer.UnflushedBytes + _advanced;

    public override void Advance(int bytes) => _advanced += bytes;

    public override void CancelPendingFlush() => writer.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        Settle();
        writer.Complete(exception);
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        Settle();
        return writer.GetMemory(sizeHint);
    }

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        Settle();
        return writer.GetSpan(sizeHint);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        Settle();
        try
        {
            return await writer.FlushAsync(cancellationToken);
        }
        catch (SocketException)
        {
            return new FlushResult(isCanceled: false, isCompleted: true);
        }
    }

    private void Settle()
    {
        if (_advanced > 0)
        {
            writer.Advance(_advanced);
            _advanced = 0;
        }
    }
}
