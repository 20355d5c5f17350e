using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using TcpActors.Bench.Lab;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;

namespace TcpActors.Bench.Serving;

/// <summary>The engine. A connection is offloaded as soon as it is accepted, or never.</summary>
internal sealed class EngineServer : IServer
{
    private readonly bool _offload;
    private readonly OffloadHost _host = OffloadHost.Create(new OffloadHostOptions { Policy = OffloadPolicies.Never, NoDelay = true });
    private readonly ConnectionListener _listener;

    public EngineServer(bool offload)
    {
        _offload = offload;
        _listener = _host.Listen(new IPEndPoint(Cable.ServerAddress, 0));
    }

    public IPEndPoint EndPoint => _listener.EndPoint;

    public async Task<IServerConnection?> AcceptAsync()
    {
        Connection? connection = await _listener.AcceptAsync();
        return connection is null ? null : new Accepted(connection, _offload);
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _host.DisposeAsync();
    }

    private sealed class Accepted(Connection connection, bool offload) : IServerConnection
    {
        private byte[]? _sink;

        public async ValueTask BeginAsync()
        {
            if (offload)
            {
                await OffloadAsync();
            }
        }

        public async Task MoveAsync()
        {
            if (await connection.UploadAsync() is { Moved: 0 })
            {
                throw new BenchException($"{connection} was not uploaded.");
            }

            await OffloadAsync();
        }

        public async ValueTask<bool> ReadMessageAsync(Memory<byte> message)
        {
            while (true)
            {
                ReadResult read = await connection.Input.ReadAsync();
                if (read.Buffer.Length >= message.Length)
                {
                    ReadOnlySequence<byte> taken = read.Buffer.Slice(0, message.Length);
                    taken.CopyTo(message.Span);
                    connection.Input.AdvanceTo(taken.End);
                    return true;
                }

                connection.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                if (read.IsCompleted)
                {
                    return false;
                }
            }
        }

        public async ValueTask<int> DiscardAsync(long checkAt)
        {
            ReadResult read = await connection.Input.ReadAsync();
            int count = (int)read.Buffer.Length;
            if (checkAt >= 0)
            {
                Content.Check(checkAt, read.Buffer);
            }

            connection.Input.AdvanceTo(read.Buffer.End);
            return count;
        }

        public async ValueTask<int> DiscardCopyAsync(long checkAt)
        {
            _sink ??= new byte[Content.BlockLength];
            int count = await connection.ReceiveAsync(_sink);
            if (checkAt >= 0)
            {
                Content.Check(checkAt, _sink.AsSpan(0, count));
            }

            return count;
        }

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes) => await connection.Output.WriteAsync(bytes);

        public ValueTask DisposeAsync() => connection.DisposeAsync();

        private async Task OffloadAsync()
        {
            if (await connection.OffloadAsync() is { Moved: 0 } result)
            {
                throw new BenchException($"{connection} was not offloaded: {result.Refused[0].Reason}.");
            }
        }
    }
}
