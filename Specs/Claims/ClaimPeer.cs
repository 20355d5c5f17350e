using System.Net;
using System.Net.Sockets;
using TcpActors.HostSide;

namespace TcpActors.Specs.Claims;

/// <summary>The application at the other end of the wire, over a stack that is not under test.</summary>
internal abstract class ClaimPeer : IAsyncDisposable
{
    public abstract IPEndPoint EndPoint { get; }

    public abstract Task SendAsync(ReadOnlyMemory<byte> bytes);

    /// <returns>Bytes received; 0 at the end of the stream.</returns>
    public abstract Task<int> ReceiveAsync(Memory<byte> memory);

    /// <summary>Ends its direction: FIN.</summary>
    public abstract Task FinishAsync();

    /// <summary>Ends both: RST.</summary>
    public abstract void Reset();

    public abstract ValueTask DisposeAsync();
}

/// <summary>A socket of the Linux kernel.</summary>
internal sealed class KernelPeer(Socket socket) : ClaimPeer
{
    public Socket Socket => socket;

    public override IPEndPoint EndPoint { get; } = (IPEndPoint)socket.LocalEndPoint!;

    public override async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes)..];
        }
    }

    public override async Task<int> ReceiveAsync(Memory<byte> memory) => await socket.ReceiveAsync(memory);

    public override Task FinishAsync()
    {
        socket.Shutdown(SocketShutdown.Send);
        return Task.CompletedTask;
    }

    public override void Reset()
    {
        socket.LingerState = new LingerOption(enable: true, seconds: 0);
        socket.Dispose();
    }

    public override ValueTask DisposeAsync()
    {
        socket.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>A connection of another managed host.</summary>
internal sealed class ManagedPeer(Connection connection) : ClaimPeer
{
    public override IPEndPoint EndPoint => connection.LocalEndPoint;

    public override async Task SendAsync(ReadOnlyMemory<byte> bytes) => await connection.Output.WriteAsync(bytes);

    public override async Task<int> ReceiveAsync(Memory<byte> memory) => await connection.ReceiveAsync(memory);

    public override async Task FinishAsync() => await connection.Output.CompleteAsync();

    public override void Reset() => connection.Abort();

    public override ValueTask DisposeAsync() => connection.DisposeAsync();
}
