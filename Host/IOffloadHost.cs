using System.Net;
using Akka.Actor;
using TcpActors.Actors.Contract;
using TcpActors.HostSide.Statistics;

namespace TcpActors.HostSide;

/// <summary>A host: sets connections up and tears them down, and moves them between its stack and TOEs.</summary>
public interface IOffloadHost : IAsyncDisposable
{
    /// <summary>Listens on a local address.</summary>
    ConnectionListener Listen(IPEndPoint endPoint, int backlog = 512);

    /// <summary>Opens a connection.</summary>
    Task<Connection> ConnectAsync(IPEndPoint remote, CancellationToken cancellationToken = default);

    /// <summary>Sets memory aside for the buffers of one connection or several: see <see cref="Connection.UseBuffers"/>.</summary>
    /// <param name="bytes">At least one chunk (64 KiB); rounded up to whole chunks.</param>
    /// <exception cref="Engine.Buffers.OutOfBufferMemoryException">When the host's own has not so much left.</exception>
    ConnectionBuffers CreateBuffers(long bytes);

    /// <summary>Moves these connections (null: all) to TOEs; completes when that is done.</summary>
    Task<MoveResult> OffloadAsync(IReadOnlyList<ConnectionId>? connections = null);

    /// <summary>Moves these connections (null: all) back to the stack; completes when that is done.</summary>
    Task<MoveResult> UploadAsync(IReadOnlyList<ConnectionId>? connections = null);

    /// <summary>
    /// The host as an actor, for actors: takes the messages of <see cref="Akka.IO.Tcp"/> as the manager of Akka.IO does, and those of
    /// <see cref="Messaging.Offloading"/>. It lives in <see cref="HostOptions.System"/>, and stops with the host.
    /// </summary>
    IActorRef Tcp { get; }

    /// <summary>
    /// The TOEs' resources and every connection there is at this moment, with what was counted and measured of each. Nobody who moves bytes is
    /// stopped or asked for it.
    /// </summary>
    Task<HostReport> ReportAsync();

    /// <summary>The connections of <see cref="ReportAsync"/>.</summary>
    Task<IReadOnlyList<ConnectionReport>> ListAsync();
}
