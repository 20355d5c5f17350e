using Akka.Actor;
using TcpActors.Actors.Contract;
using TcpActors.Engine.State;

namespace TcpActors.HostSide.Messaging;

/// <summary>
/// What an actor of the application says to <see cref="IOffloadHost.Tcp"/> about owners of connections, and hears. Beside them stand the messages of
/// <see cref="Akka.IO.Tcp"/>. A connection's own actor (who sent <see cref="Akka.IO.Tcp.Connected"/>) takes the same commands: where they name no
/// connection, its own is meant.
/// </summary>
public static class Offloading
{
    /// <summary>To the host, or to a connection's actor.</summary>
    public static class Command
    {
        /// <summary>Moves these connections (null: all, or the actor's own) to TOEs. Answered with a <see cref="MoveResult"/>.</summary>
        public sealed record Offload(IReadOnlyList<ConnectionId>? Connections = null);

        /// <summary>Moves these connections (null: all, or the actor's own) back to the stack. Answered with a <see cref="MoveResult"/>.</summary>
        public sealed record Upload(IReadOnlyList<ConnectionId>? Connections = null);

        /// <summary>
        /// Asks for a copy of one connection's variables; ownership stays. Answered with a <see cref="ConnectionReport"/> or
        /// <see cref="Answer.NotHere"/>; to the host and without a connection with <see cref="Answer.Reports"/>.
        /// </summary>
        public sealed record Query(ConnectionId? Connection = null);

        /// <summary>
        /// Changes settings of a connection (null: the actor's own). Answered with <see cref="Answer.Updated"/> when the owner works with them, with
        /// <see cref="Answer.NotHere"/>, or with <see cref="Status.Failure"/> when the stack does not take them.
        /// </summary>
        public sealed record Update(ConnectionId? Connection, ConnectionSettings Settings);

        /// <summary>
        /// The subscriber is to hear each <see cref="Event"/> of this connection (null: of all there are and will be, or of the actor's own), until it
        /// unsubscribes, dies, or the connection has ended. Answered to the sender with <see cref="Answer.Subscribed"/>: it hears of everything from
        /// then on; or with <see cref="Answer.NotHere"/>. Events that two subscriptions cover come once.
        /// </summary>
        public sealed record Subscribe(ConnectionId? Connection, IActorRef Subscriber);

        /// <summary>Takes back the one <see cref="Subscribe"/> with these values. Answered to the sender with <see cref="Answer.Unsubscribed"/>.</summary>
        public sealed record Unsubscribe(ConnectionId? Connection, IActorRef Subscriber);
    }

    /// <summary>To who sent a command.</summary>
    public static class Answer
    {
        /// <summary>Every connection there is.</summary>
        public sealed record Reports(IReadOnlyList<ConnectionReport> Connections);

        /// <summary>The owner of this connection works with its new settings.</summary>
        public sealed record Updated(ConnectionId Connection);

        /// <summary>The host has no such connection.</summary>
        public sealed record NotHere(ConnectionId Connection);

        /// <summary>Events come from now on.</summary>
        public sealed record Subscribed(ConnectionId? Connection, IActorRef Subscriber);

        /// <summary>No event comes any more.</summary>
        public sealed record Unsubscribed(ConnectionId? Connection, IActorRef Subscriber);
    }

    /// <summary>To subscribers: something has happened to a connection. Those of one connection come in their order.</summary>
    /// <param name="Connection">Which.</param>
    /// <param name="Epoch">How often its variables have changed hands.</param>
    /// <param name="Toe">The TOE it happened on, by name; null: in the stack.</param>
    public abstract record Event(ConnectionId Connection, Epoch Epoch, string? Toe)
    {
        /// <summary>It runs on the TOE now.</summary>
        public sealed record Offloaded(ConnectionId Connection, Epoch Epoch, string? Toe) : Event(Connection, Epoch, Toe);

        /// <summary>It runs in the stack again; the TOE is the one that had it.</summary>
        public sealed record Uploaded(ConnectionId Connection, Epoch Epoch, string? Toe) : Event(Connection, Epoch, Toe);

        /// <summary>
        /// It has to leave the TOE, for this reason: <see cref="Uploaded"/> follows as soon as the stack can take it. Where the reason is optional
        /// (<see cref="UploadReasons.IsOptional"/>) the policy decides, or whoever moves connections by hand: <see cref="Resumed"/> follows when it is declined.
        /// </summary>
        public sealed record UploadRequested(ConnectionId Connection, Epoch Epoch, string? Toe, UploadReason Reason) : Event(Connection, Epoch, Toe);

        /// <summary>It stays with its TOE: an upload was declined, or taken back.</summary>
        public sealed record Resumed(ConnectionId Connection, Epoch Epoch, string? Toe) : Event(Connection, Epoch, Toe);

        /// <summary>It gets on in another way than before, at its TOE.</summary>
        public sealed record StateChanged(ConnectionId Connection, Epoch Epoch, string? Toe, ConnectionPhase Phase) : Event(Connection, Epoch, Toe);

        /// <summary>An offload did not happen, for this reason: it is in the stack.</summary>
        public sealed record Refused(ConnectionId Connection, Epoch Epoch, string? Toe, string Reason) : Event(Connection, Epoch, Toe);

        /// <summary>The TOE works with this version of this part of its segment-invariant variables now (the patent's figure 3, step 308).</summary>
        public sealed record Updated(ConnectionId Connection, Epoch Epoch, string? Toe, InvariantsPart Part, uint Version) : Event(Connection, Epoch, Toe);

        /// <summary>The stack has let go of it: the last event of a connection.</summary>
        public sealed record Ended(ConnectionId Connection, Epoch Epoch, string? Toe) : Event(Connection, Epoch, Toe);
    }
}

/// <summary>Segment-invariant variables that have versions of their own.</summary>
public enum InvariantsPart
{
    /// <summary>The connection's own.</summary>
    Connection,

    /// <summary>The next hop, which it shares.</summary>
    Neighbor,

    /// <summary>The path, which it shares.</summary>
    Path,
}
