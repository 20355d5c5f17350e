using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using TcpActors.HostSide;
using TcpActors.HostSide.Policy;

namespace TcpActors.Bench;

/// <summary>A server's end of a connection, so that the same code runs on kernel sockets and on the engine.</summary>
internal interface IServerSide : IAsyncDisposable
{
    IPEndPoint EndPoint { get; }

    /// <summary>The next connection, as a stream of reads and writes into the caller's memory.</summary>
    Task<IServerConnection> AcceptAsync();
}

/// <summary>One connection at the server.</summary>
internal interface IServerConnection : IAsyncDisposable
{
    /// <returns>0 at the end.</returns>
    ValueTask<int> ReadAsync(Memory<byte> memory);

    ValueTask WriteAsync(ReadOnlyMemory<byte> memory);
}

/// <summary>Plain kernel sockets.</summary>
internal sealed class KernelServer : IServerSide
{
    private readonly Socket _listener;

    public KernelServer(Lab lab)
    {
        _listener = lab.OnServer(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        _listener.Bind(new IPEndPoint(Lab.ServerAddress, 0));
        _listener.Listen();
        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
    }

    public IPEndPoint EndPoint { get; }

    public async Task<IServerConnection> AcceptAsync()
    {
        Socket socket = await _listener.AcceptAsync();
        socket.NoDelay = true;
        return new Accepted(socket);
    }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        return ValueTask.CompletedTask;
    }

    private sealed class Accepted(Socket socket) : IServerConnection
    {
        public ValueTask<int> ReadAsync(Memory<byte> memory) => socket.ReceiveAsync(memory);

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> memory) => await socket.SendAsync(memory);

        public ValueTask DisposeAsync()
        {
            socket.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}

/// <summary>The engine: every connection is offloaded as soon as it is accepted.</summary>
internal sealed class EngineServer : IServerSide
{
    private readonly OffloadHost _host;
    private readonly ConnectionListener _listener;

    public EngineServer(Lab lab)
    {
        _host = lab.OnServer(() => OffloadHost.Create(new OffloadHostOptions { Policy = OffloadPolicies.Never }));
        _listener = lab.OnServer(() => _host.Listen(new IPEndPoint(Lab.ServerAddress, 0)));
    }

    public IPEndPoint EndPoint => _listener.EndPoint;

    public async Task<IServerConnection> AcceptAsync()
    {
        Connection connection = (await _listener.AcceptAsync())!;
        MoveResult moved = await connection.OffloadAsync();
        return moved.Moved == 1
            ? new Accepted(connection)
            : throw new InvalidOperationException($"{connection} was not offloaded: {moved.Refused[0].Reason}");
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _host.DisposeAsync();
    }

    private sealed class Accepted(Connection connection) : IServerConnection
    {
        public async ValueTask<int> ReadAsync(Memory<byte> memory)
        {
            // The pipe's own memory is what an application reads; copying it out would measure the copy.
            ReadResult read = await connection.Input.ReadAsync();
            int count = (int)Math.Min(read.Buffer.Length, int.MaxValue);
            if (count <= 64 && count > 0)
            {
                System.Buffers.BuffersExtensions.CopyTo(read.Buffer, memory.Span);
            }

            connection.Input.AdvanceTo(read.Buffer.End);
            return count;
        }

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> memory) => await connection.Output.WriteAsync(memory);

        public ValueTask DisposeAsync() => connection.DisposeAsync();
    }
}
