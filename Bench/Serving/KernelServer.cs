using System.Net;
using System.Net.Sockets;
using TcpActors.Bench.Lab;

namespace TcpActors.Bench.Serving;

/// <summary>.NET sockets on the kernel's TCP.</summary>
internal sealed class KernelServer : IServer
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public KernelServer()
    {
        _listener.Bind(new IPEndPoint(Cable.ServerAddress, 0));
        _listener.Listen();
        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
    }

    public IPEndPoint EndPoint { get; }

    public async Task<IServerConnection?> AcceptAsync()
    {
        try
        {
            Socket socket = await _listener.AcceptAsync();
            socket.NoDelay = true;
            return new Accepted(socket);
        }
        catch (Exception end) when (end is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
        {
            return null;
        }
    }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        return ValueTask.CompletedTask;
    }

    private sealed class Accepted(Socket socket) : IServerConnection
    {
        private byte[]? _sink;

        public ValueTask BeginAsync() => ValueTask.CompletedTask;

        public Task MoveAsync() => throw new BenchException("A kernel's connection does not move.");

        public async ValueTask<bool> ReadMessageAsync(Memory<byte> message)
        {
            while (message.Length > 0)
            {
                int count = await socket.ReceiveAsync(message);
                if (count == 0)
                {
                    return false;
                }

                message = message[count..];
            }

            return true;
        }

        public async ValueTask<int> DiscardAsync(long checkAt)
        {
            _sink ??= new byte[Content.BlockLength];
            int count = await socket.ReceiveAsync(_sink.AsMemory());
            if (checkAt >= 0)
            {
                Content.Check(checkAt, _sink.AsSpan(0, count));
            }

            return count;
        }

        public ValueTask<int> DiscardCopyAsync(long checkAt) => DiscardAsync(checkAt);

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
        {
            while (bytes.Length > 0)
            {
                bytes = bytes[await socket.SendAsync(bytes)..];
            }
        }

        public ValueTask DisposeAsync()
        {
            socket.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
