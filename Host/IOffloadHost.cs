using System.Net;
using Akka.Actor;
using TcpActors.Actors.Contract;

namespace TcpActors.HostSide;

/// <summary>A host: sets connections up and tears them down, and moves them between its stack and TOEs.</summary>
public interface IOffloadHost : IAsyncDisposable
{
    /// <summary>Listens on a local address.</summary>
    ConnectionListener Listen(IPEndPoint endPoint, int backlog = 512);

    /// <summary>Opens a connection.</summary>
    Task<Connection> ConnectAsync(IPEndPoint remote, CancellationToken cancellationToken = default);

    /// <summary>Moves these connections (null: all) to TOEs; completes when that is done.</summary>
    Task<MoveResult> OffloadAsync(IReadOnlyList<ConnectionId>? connections = null);

    /// <summary>Moves these connections (null: all) back to the stack; completes when that is done.</summary>
    Task<MoveResult> UploadAsync(IReadOnlyList<ConnectionId>? connections = null);

    /// <summary>
    /// The host as an actor, for actors: takes the messages of <see cref="Akka.IO.Tcp"/> as the manager of Akka.IO does, and those of
    /// <see cref="Messaging.Offloading"/>. It lives in <see cref="HostOptions.System"/>, and stops with the host.
    /// </summary>
    IActorRef Tcp { get; }

    /// <summary>Every connection there is at this moment.</summary>
    Task<IReadOnlyList<ConnectionReport>> ListAsync();
}
