using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using TcpActors.HostSide;

namespace TcpActors.Kestrel;

/// <summary>A <see cref="Connection"/> as Kestrel has it. It may change its owner at any time meanwhile; nobody here notices.</summary>
internal sealed class TransportConnection : DefaultConnectionContext, IDuplexPipe
{
    private readonly Connection _connection;
    private readonly CancellationTokenSource _closed = new();

    public TransportConnection(Connection connection)
        : base($"tcpactors-{connection.Id}")
    {
        _connection = connection;
        Input = new TransportReader(connection.Input);
        Output = new TransportWriter(connection.Output);
        Transport = this;
        LocalEndPoint = connection.LocalEndPoint;
        RemoteEndPoint = connection.RemoteEndPoint;
        ConnectionClosed = _closed.Token;
        _ = connection.Broken.ContinueWith(
            static (_, self) => ((TransportConnection)self!).Lost(),
            this,
            CancellationToken.None,
            TaskContinuationOptions.None,
            TaskScheduler.Default);
    }

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    /// <summary>Ends the connection with an RST.</summary>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        _connection.Abort();
        Lost();
    }

    public override async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        Lost();
    }

    /// <summary>Callbacks run on the pool, since they are the application's and the caller may hold up other connections.</summary>
    private void Lost() => ThreadPool.UnsafeQueueUserWorkItem(static source => source.Cancel(), _closed, preferLocal: false);
}
