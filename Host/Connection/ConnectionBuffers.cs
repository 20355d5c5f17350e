using TcpActors.Engine.Buffers;

namespace TcpActors.HostSide;

/// <summary>
/// Memory set aside for the buffers of one connection or several (<see cref="Connection.UseBuffers"/>): they have it whatever other
/// connections hold, and take nothing from those. It is a part of the host's <see cref="HostOptions.BufferMemoryLimit"/>.
/// </summary>
public sealed class ConnectionBuffers : IDisposable
{
    private readonly DedicatedChunkPool _pool;

    internal ConnectionBuffers(ChunkPool host, long bytes) => _pool = new DedicatedChunkPool(host, bytes);

    /// <summary>Bytes set aside.</summary>
    public long Limit => _pool.Limit;

    /// <summary>Bytes that connections hold now, in whole chunks.</summary>
    public long InUse => _pool.RentedBytes;

    /// <summary>
    /// Gives the memory back to the host. Connections that use it go on: what they hold they give back with use, and what they need they get
    /// from the host's.
    /// </summary>
    public void Dispose() => _pool.Dispose();

    internal ChunkPool Pool => _pool;

    internal bool AreOf(ChunkPool host) => ReferenceEquals(_pool.From, host);
}
