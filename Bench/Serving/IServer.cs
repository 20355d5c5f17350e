using System.Net;
using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Serving;

/// <summary>A server's stack, so that the same code serves on kernel sockets and on the engine.</summary>
internal interface IServer : IAsyncDisposable
{
    IPEndPoint EndPoint { get; }

    /// <returns>Null when the server has ended.</returns>
    Task<IServerConnection?> AcceptAsync();

    /// <summary>Starts one at an address of this network namespace.</summary>
    static IServer Start(Contender on, bool offload = true) =>
        on == Contender.Kernel ? new KernelServer() : new EngineServer(offload && on != Contender.Never);
}

/// <summary>One connection at the server. One read and one write at a time.</summary>
internal interface IServerConnection : IAsyncDisposable
{
    /// <summary>To be awaited before anything else: on the engine the connection is offloaded, if it is to be.</summary>
    ValueTask BeginAsync();

    /// <summary>Uploads an offloaded connection and offloads it again, whatever is under way on it.</summary>
    /// <exception cref="BenchException">It did not move; or it is a kernel's, which stays where it is.</exception>
    Task MoveAsync();

    /// <summary>Reads a whole message into the caller's memory.</summary>
    /// <returns>False at the end of the stream.</returns>
    ValueTask<bool> ReadMessageAsync(Memory<byte> message);

    /// <summary>
    /// Takes what has arrived, and forgets it. A kernel socket copies it into an array for that; the engine shows the memory it lies in.
    /// </summary>
    /// <param name="checkAt">Where in <see cref="Content"/> it must stand; negative: it is not looked at.</param>
    /// <returns>How many bytes; 0 at the end of the stream.</returns>
    ValueTask<int> DiscardAsync(long checkAt);

    /// <summary>The same, with the bytes copied into an array of the caller's on the engine too.</summary>
    /// <inheritdoc cref="DiscardAsync"/>
    ValueTask<int> DiscardCopyAsync(long checkAt);

    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes);
}
