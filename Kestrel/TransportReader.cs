using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;

namespace TcpActors.Kestrel;

/// <summary>The connection's input with the exceptions that Kestrel knows.</summary>
internal sealed class TransportReader(PipeReader reader) : PipeReader
{
    public override void AdvanceTo(SequencePosition consumed) => reader.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => reader.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => reader.CancelPendingRead();

    public override void Complete(Exception? exception = null) => reader.Complete(exception);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await reader.ReadAsync(cancellationToken);
        }
        catch (SocketException exception)
        {
            throw new ConnectionResetException(exception.Message, exception);
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        try
        {
            return reader.TryRead(out result);
        }
        catch (SocketException exception)
        {
            throw new ConnectionResetException(exception.Message, exception);
        }
    }
}
